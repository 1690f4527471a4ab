// Holds one conversation in a browser of its own and prints what it cost, for `make bench`.
//
//     node measure.mjs CHROMIUM URL PROMPT…
//
// Output: one line of JSON, {"turns": [{"sent_at", "first_at", "text"}], "cpu_seconds", "peak_kib"}. Times are Unix
// seconds. CPU time and memory (proportional set size) are those of Chromium's processes, without this program's.

import { readFileSync, readdirSync } from 'node:fs';
import { launch } from './browser.mjs';
import { converse } from './conversation.mjs';

const SAMPLE_MS = 200;
const TICKS_PER_SECOND = 100;
const TIMEOUT_MS = 60_000;

const [executable, url, ...turns] = process.argv.slice(2);
const ticks = new Map();
let peakKib = 0;

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // The process has ended.
  }
}

// Processes that descend from this one: id and CPU time in ticks.
function descendants() {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((id) => {
    const fields = read(`/proc/${id}/stat`).split(') ').at(-1).split(' ');
    return { id, parent: fields[1], ticks: Number(fields[11]) + Number(fields[12]) };
  });
  const found = [];
  let parents = [String(process.pid)];
  while (parents.length > 0) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map(({ id }) => id);
  }
  return found;
}

function sample() {
  let kib = 0;
  for (const { id, ticks: spent } of descendants()) {
    ticks.set(id, Math.max(spent || 0, ticks.get(id) ?? 0));
    kib += Number(read(`/proc/${id}/smaps_rollup`).match(/^Pss:\s+(\d+)/m)?.[1] ?? 0);
  }
  peakKib = Math.max(peakKib, kib);
}

const timer = setInterval(sample, SAMPLE_MS);
const browser = await launch(executable);
const context = await browser.newContext({ ignoreHTTPSErrors: true });
const result = await converse(context, { url, turns, timeout_ms: TIMEOUT_MS });
sample();
clearInterval(timer);
await browser.close();

const failure = result.failure ?? result.turns.find((turn) => turn.first_received_ms === null)?.refused;
if (failure) {
  console.error(`the conversation failed: ${failure}`);
  process.exit(1);
}
const seconds = (turn) => ({
  sent_at: turn.sent_at / 1_000,
  first_at: (turn.sent_at + turn.first_received_ms) / 1_000,
  text: turn.replies[0].text,
});
const cpuSeconds = [...ticks.values()].reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
console.log(JSON.stringify({ turns: result.turns.map(seconds), cpu_seconds: cpuSeconds, peak_kib: peakKib }));
