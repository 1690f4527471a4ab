// Runs inside the page: what a person sees there. Installed by `conversation.mjs` before the page's own scripts.

export function install() {
  const seen = (element) => {
    if (!element.isConnected) return false;
    const { width, height } = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    return width > 0 && height > 0 && style.visibility !== 'hidden' && style.display !== 'none';
  };
  const text = (element) => ('value' in element && element.tagName !== 'BUTTON' && element.tagName !== 'LI' ? element.value : element.innerText);
  const CHATS = '[role=log], .bubble-wrap';
  const MESSAGES = '[data-testid=user], [data-testid=bot]';

  // Bot messages after the last message of the user, of one chatbot.
  function lastReply(chat) {
    let messages = [...chat.querySelectorAll(MESSAGES)];
    const asked = messages.findLastIndex((message) => message.dataset.testid === 'user');
    messages = messages.slice(asked + 1).filter((message) => message.dataset.testid === 'bot');
    const outer = messages.filter((message) => !messages.some((other) => other !== message && other.contains(message)));
    const isThought = (message) => message.querySelector('.thought-group') !== null;
    const join = (list) => list.map((message) => message.innerText).join('\n').trim();
    const thoughts = outer.filter(isThought);
    // An answer in one folded message is an answer, without the title.
    const folded = () => join(thoughts.flatMap((message) => [...message.querySelectorAll('.message-content')]));
    const answer = join(outer.filter((message) => !isThought(message)));
    const images = outer.flatMap((message) => [...message.querySelectorAll('img')]).filter(seen).length;
    return { text: answer || folded(), thinking: join(thoughts), images };
  }

  function replies(hints) {
    if (hints.replies?.length) {
      return hints.replies.map((selector) => {
        const element = [...document.querySelectorAll(selector)].find(seen);
        return { text: element ? text(element).trim() : '', thinking: '', images: element?.querySelectorAll('img').length ?? 0 };
      });
    }
    const chats = [...document.querySelectorAll(CHATS)].filter(seen);
    const inner = chats.filter((chat) => !chats.some((other) => other !== chat && chat.contains(other)));
    return inner.map(lastReply);
  }

  // Errors that the page showed before the message: a part of the page that does not belong to the chat may be broken.
  const earlier = new WeakSet();
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((each) => seen(each) && !earlier.has(each));
  const TOASTS = '.toast-body, [data-testid=toast-body]';
  const SIGNS = '.wrap > span.error';

  function toasts() {
    return shown(TOASTS).map((toast) => {
      const level = ['error', 'warning', 'info', 'success'].find((name) => toast.classList.contains(name)) ?? 'error';
      return { level, text: toast.innerText.replace(/\s+/g, ' ').trim() };
    });
  }

  // The word that covers the outputs of a function that failed.
  function signs() {
    return shown(SIGNS).map((sign) => ({ level: 'error', text: sign.innerText }));
  }

  const now = () => performance.timeOrigin + performance.now();
  const state = { hints: {}, changes: [], toasts: [], last: null, mutated: now() };

  function look() {
    const current = JSON.stringify(replies(state.hints));
    if (current !== state.last) {
      state.last = current;
      state.changes.push({ at: now(), replies: JSON.parse(current) });
    }
    for (const toast of toasts()) {
      if (!state.toasts.some((known) => known.level === toast.level && known.text === toast.text)) {
        state.toasts.push({ at: now(), ...toast });
      }
    }
  }

  let planned = false;
  const observer = new MutationObserver(() => {
    state.mutated = now();
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      look();
    });
  });
  observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });

  // Text boxes that a person can type into.
  function boxes() {
    const all = document.querySelectorAll('textarea, input[type=text], input:not([type])');
    return [...all].filter((box) => seen(box) && !box.disabled && !box.readOnly && box.role !== 'listbox');
  }

  window.__seen = {
    now,
    boxes,
    ignoreErrors() {
      for (const each of document.querySelectorAll(`${TOASTS}, ${SIGNS}`)) earlier.add(each);
    },
    start(hints) {
      Object.assign(state, { hints, changes: [], toasts: [], last: null });
      look();
    },
    read() {
      look();
      return { ...state, signs: signs(), now: now() };
    },
  };
}
