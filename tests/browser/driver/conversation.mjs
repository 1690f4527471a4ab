// One conversation: opens the page, types each prompt as a person does, and waits until the answer settles.

import { setTimeout as sleep } from 'node:timers/promises';
import { Network } from './network.mjs';
import { install } from './page.mjs';

// The page is still, and so ready for a person, after this long without a change.
const PAGE_STILL_MS = 500;
const PAGE_TIMEOUT_MS = 30_000;
// An answer that has not changed for this long is complete.
const ANSWER_STILL_MS = 1_000;
// A key press that sends nothing within this time has to be followed by a click.
const ENTER_MS = 2_000;
// How long a person holds the button of the mouse. A box loses the focus at the start of it.
const PRESSED_MS = 100;
const SEND_MS = 8_000;
// A box that is not there, or cannot be clicked, for this long is missing, covered or disabled.
const BOX_MS = 10_000;
const POLL_MS = 50;
const SEND_BUTTON = /^(send|submit|ask|run|generate|chat|go|➤|➡️|🚀.*|⬆.*)$/i;

export async function converse(context, { url, turns, timeout_ms: timeout, hints = {} }) {
  const page = await context.newPage();
  const network = await Network.of(page);
  await page.addInitScript(install);
  const result = { page: await open(page, url, hints), turns: [], failure: null };
  if (result.page.error) return { ...result, failure: result.page.error };
  if (hints.prepare) {
    for (const name of [hints.prepare].flat()) await press(page, name);
    await still(page);
  }
  for (const say of turns) {
    const turn = await hold(page, network, say, timeout, hints);
    result.turns.push(turn);
    if (turn.failure) return { ...result, failure: turn.failure };
  }
  return result;
}

async function open(page, url, hints) {
  const started = Date.now();
  const opened = { status: null, loaded_ms: null, error: null };
  try {
    const response = await page.goto(url, { timeout: PAGE_TIMEOUT_MS });
    opened.status = response.status();
    opened.loaded_ms = Date.now() - started;
    if (!response.ok()) return { ...opened, error: `the page answered ${response.status()}` };
    if (hints.login) await logIn(page, hints.login);
    await still(page);
  } catch (error) {
    opened.error = `the page did not load: ${error.message.split('\n')[0]}`;
  }
  return opened;
}

async function logIn(page, { user, password }) {
  await page.locator('input[type=password]').waitFor({ timeout: PAGE_TIMEOUT_MS });
  await page.locator('input:not([type=password]), textarea').first().fill(user);
  await page.locator('input[type=password]').fill(password);
  await page.getByRole('button', { name: /log ?in/i }).click();
  await page.locator('input[type=password]').waitFor({ state: 'detached', timeout: PAGE_TIMEOUT_MS });
}

// Waits until the page has boxes or text and no longer changes.
async function still(page) {
  const end = Date.now() + PAGE_TIMEOUT_MS;
  await sleep(PAGE_STILL_MS);
  while (Date.now() < end) {
    const quiet = await page.evaluate(() => {
      const { mutated, now } = window.__seen.read();
      const ready = document.querySelector('gradio-app, .gradio-container') !== null || window.__seen.boxes().length > 0;
      return ready ? now - mutated : 0;
    });
    if (quiet >= PAGE_STILL_MS) return;
    await sleep(POLL_MS);
  }
}

async function press(page, name) {
  const button = page.getByRole('button', { name, exact: true }).or(page.getByRole('tab', { name, exact: true }));
  await button.first().click({ timeout: 5_000, delay: PRESSED_MS });
}

async function waitForBox(page, hints) {
  const end = Date.now() + BOX_MS;
  for (;;) {
    const found = await findBox(page, hints);
    if (found.box || Date.now() > end) return found;
    await sleep(PAGE_STILL_MS);
  }
}

// The box for the message: the one that the hint names, else the only one.
async function findBox(page, hints) {
  if (hints.box) {
    const box = page.getByLabel(hints.box, { exact: true }).or(page.getByPlaceholder(hints.box, { exact: true })).or(page.locator(safeSelector(hints.box)));
    const usable = await box.filter({ visible: true }).first();
    if ((await usable.count()) === 0 || !(await usable.isEditable())) return { error: `no box \`${hints.box}\` that a person can type into` };
    return { box: usable };
  }
  const handle = await page.evaluateHandle(() => window.__seen.boxes());
  const boxes = [...(await handle.getProperties()).values()].map((each) => each.asElement()).filter(Boolean);
  if (boxes.length === 0) return { error: 'no box that a person can type into' };
  if (boxes.length > 1) return { error: `the driver found ${boxes.length} boxes; the manifest has to name one with \`box\`` };
  return { box: boxes[0] };
}

function safeSelector(text) {
  return /^[.#[]/.test(text) ? text : '#no-such-element';
}

async function hold(page, network, say, timeout, hints) {
  const turn = { accepted: false, replies: [], toasts: [], first_received_ms: null, first_painted_ms: null, last_change_ms: null, settled: false, failure: null };
  const { box, error } = await waitForBox(page, hints);
  if (error) return { ...turn, failure: error };
  await page.evaluate(() => window.__seen.ignoreErrors());
  try {
    await box.click({ timeout: BOX_MS });
    await box.fill('', { timeout: BOX_MS });
  } catch (error) {
    return { ...turn, failure: `a person cannot type into the box: ${error.message.split('\n')[0]}` };
  }
  await page.keyboard.type(say, { delay: 2 });
  await page.evaluate((hints) => window.__seen.start(hints), hints);
  const before = await page.evaluate(() => window.__seen.read().changes.at(-1).replies);
  const firstSent = network.sent.length;
  const pressed = await page.evaluate(() => window.__seen.now());
  await send(page, network, firstSent, hints);
  await settle(page, network, timeout);

  const seen = await page.evaluate(() => window.__seen.read());
  const sent = network.sent.slice(firstSent);
  turn.accepted = sent.some((request) => request.status === 200);
  turn.refused = sent.filter((request) => request.status !== 200).map((request) => `${request.url}: ${request.failed ?? request.status}`);
  turn.settled = network.open.size === 0;
  turn.toasts = [...seen.toasts.map(({ level, text }) => ({ level, text })), ...seen.signs];
  turn.replies = seen.changes.at(-1).replies;
  const changed = JSON.stringify(before) !== JSON.stringify(turn.replies) || seen.changes.length > 1;
  if (!changed) turn.replies = turn.replies.map(() => ({ text: '', thinking: '', images: 0 }));

  const zero = sent[0]?.at ?? pressed;
  turn.sent_at = zero;
  const answer = turn.replies.map((reply) => reply.text).join(' ');
  turn.first_received_ms = since(zero, network.firstText(turn.replies[0]?.text ?? '', zero));
  turn.first_painted_ms = since(zero, firstPainted(seen.changes, answer));
  turn.last_change_ms = since(zero, seen.changes.length > 1 ? seen.changes.at(-1).at : null);
  return turn;
}

function since(zero, at) {
  return at === null ? null : Math.round(at - zero);
}

// When text that survives into the answer was first on the page.
function firstPainted(changes, answer) {
  const plain = (text) => text.replace(/[^\p{L}\p{N}]+/gu, '').toLowerCase();
  const wanted = plain(answer);
  const old = plain(changes[0].replies.map((reply) => reply.text).join(' '));
  const first = changes.slice(1).find(({ replies }) => {
    const text = plain(replies.map((reply) => reply.text).join(' '));
    return text !== '' && text !== old && wanted.startsWith(text);
  });
  return first?.at ?? null;
}

async function send(page, network, firstSent, hints) {
  if (hints.button) {
    await press(page, hints.button);
  } else {
    await page.keyboard.press('Enter');
    if (await sent(network, firstSent, ENTER_MS)) return;
    const button = page.getByRole('button', { name: SEND_BUTTON }).or(page.locator('button.submit-button'));
    const visible = button.filter({ visible: true }).first();
    if ((await visible.count()) > 0 && (await visible.isEnabled())) await visible.click({ delay: PRESSED_MS });
  }
  await sent(network, firstSent, SEND_MS);
}

// Waits until the page has sent a request; false when it does not within `timeout`.
async function sent(network, firstSent, timeout) {
  const end = Date.now() + timeout;
  while (Date.now() < end) {
    if (network.sent.length > firstSent) return true;
    await sleep(POLL_MS);
  }
  return false;
}

async function settle(page, network, timeout) {
  const end = Date.now() + timeout;
  let busy = Date.now();
  while (Date.now() < end) {
    await sleep(POLL_MS);
    const quiet = await page.evaluate(() => {
      const { changes, toasts, now } = window.__seen.read();
      return now - Math.max(...changes.map((change) => change.at), ...toasts.map((toast) => toast.at));
    });
    if (network.open.size > 0) busy = Date.now();
    if (quiet >= ANSWER_STILL_MS && Date.now() - busy >= ANSWER_STILL_MS) return;
  }
}
