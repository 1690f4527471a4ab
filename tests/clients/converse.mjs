// Holds one conversation by `@gradio/client` and prints its times, as one line of JSON.
//
//     node converse.mjs URL SAY…
//
// Times are Unix seconds; CPU and memory are this process's own, as the system counts them.

import { readFileSync } from "node:fs";
import { Client } from "@gradio/client";

const now = () => (performance.timeOrigin + performance.now()) / 1e3;

async function say(client, said) {
  const sent_at = now();
  let first_at, text;
  for await (const event of client.submit("/chat", { message: said })) {
    if (event.type === "data") {
      first_at ??= now();
      text = event.data[0];
    }
  }
  return { sent_at, first_at, text };
}

function peakKib() {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(status.match(/^VmHWM:\s+(\d+)/m)[1]);
}

const [url, ...says] = process.argv.slice(2);
const client = await Client.connect(url);
const turns = [];
for (const said of says) {
  turns.push(await say(client, said));
}
const used = process.cpuUsage();
const cpu_seconds = (used.user + used.system) / 1e6;
console.log(JSON.stringify({ turns, cpu_seconds, peak_kib: peakKib() }));
process.exit(0);
