// Refreshes the page when a run has finished, and shows times in the reader's time zone.
"use strict";

const language = document.documentElement.lang;
const shown = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const withSeconds = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });

function localTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.getTime())) {
      element.title = element.dateTime;
      element.textContent = (element.className === "second" ? withSeconds : shown).format(at);
    }
  }
}

// The reader may have opened details, selected text, or moved the focus into the page.
function isInUse(main) {
  const selection = document.getSelection();
  const selected = selection !== null && !selection.isCollapsed && main.contains(selection.anchorNode);
  return selected || document.hidden;
}

async function refresh() {
  const main = document.getElementById("main");
  if (isInUse(main)) {
    return;
  }
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!response.ok) {
    return;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("main");
  if (fresh === null) {
    return;
  }
  localTimes(page.body);
  const open = [...main.querySelectorAll("details")].map((details) => details.open);
  const focused = document.activeElement;
  const focusable = "a, summary, [tabindex]";
  const position = [...main.querySelectorAll(focusable)].indexOf(focused);
  if (fresh.innerHTML !== main.innerHTML) {
    main.replaceChildren(...fresh.childNodes);
    main.querySelectorAll("details").forEach((details, index) => {
      details.open = open[index] ?? false;
    });
    if (position >= 0) {
      main.querySelectorAll(focusable)[position]?.focus({ preventScroll: true });
    }
  }
  document.title = page.title;
  document.querySelector("footer").replaceWith(page.querySelector("footer"));
  document.querySelector("link[rel=icon]").href = page.querySelector("link[rel=icon]").href;
  document.getElementById("live").hidden = false;
}

let waiting = null;

function schedule() {
  // Many runs finish together; the page is fetched once for all of them.
  waiting ??= setTimeout(() => {
    waiting = null;
    refresh().catch(() => {});
  }, 1500);
}

localTimes(document.body);
const events = new EventSource("/events");
events.addEventListener("changed", schedule);
events.addEventListener("open", () => {
  document.getElementById("live").hidden = false;
});
// Pages in a bucket have no events: they are written once a minute when something has changed.
events.addEventListener("error", () => {
  if (events.readyState === EventSource.CLOSED) {
    setInterval(schedule, 60000);
  }
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    schedule();
  }
});
