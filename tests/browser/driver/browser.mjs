// Starts Debian's Chromium.

import { chromium } from 'playwright-core';

export function launch(executablePath) {
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      // Without network Chromium looks for its own services on every start.
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
