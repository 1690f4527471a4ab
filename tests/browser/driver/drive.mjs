// Holds conversations in Chromium: reads one request a line from stdin, writes one result a line to stdout.
//
// Request: {"url", "turns": ["prompt"], "timeout_ms", "hints": {"box", "button", "replies", "login"}}.
// The result is documented in src/chromium.rs. Every time is in milliseconds.

import { createInterface } from 'node:readline';
import { launch } from './browser.mjs';
import { converse } from './conversation.mjs';

const browser = await launch(process.argv[2]);

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  // A context has its own cookies, storage and cache, like a new profile.
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, ignoreHTTPSErrors: true });
  let result;
  try {
    result = await converse(context, request);
  } catch (error) {
    result = { turns: [], failure: `the driver failed: ${error.message}` };
  }
  await context.close();
  process.stdout.write(JSON.stringify(result) + '\n');
}
await browser.close();
