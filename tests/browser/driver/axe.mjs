// Checks pages with axe and takes a screenshot of each: `node axe.mjs CHROMIUM FOLDER NAME=URL…`.
// A page whose name ends with `-fr` is requested in French. Prints the findings as JSON.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

import { launch } from './browser.mjs';

const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1100, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1100, height: 900 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true },
};

const [executable, folder, ...pages] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const browser = await launch(executable);
const findings = [];
for (const [look, settings] of Object.entries(LOOKS)) {
  // The policy of a page forbids foreign scripts, such as axe.
  const context = await browser.newContext({ ...settings, bypassCSP: true });
  for (const named of pages) {
    const [name, url] = [named.slice(0, named.indexOf('=')), named.slice(named.indexOf('=') + 1)];
    const page = await context.newPage();
    const isFrench = name.endsWith('-fr');
    if (isFrench) await page.setExtraHTTPHeaders({ 'accept-language': 'fr' });
    const response = await page.goto(url);
    if (!response.ok()) throw new Error(`${url}: ${response.status()}`);
    const language = await page.evaluate(() => document.documentElement.lang);
    if (isFrench && language !== 'fr') throw new Error(`${url}: the language is ${language}`);
    await page.screenshot({ path: path.join(folder, `${name}.${look}.png`), fullPage: true });
    // A page that is wider than the window scrolls to the side.
    const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    if (wide > window) findings.push({ page: name, look, rule: 'width', impact: 'serious', nodes: [`${wide} px`] });
    await page.evaluate(axe);
    const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
    if (passes.length === 0) throw new Error(`${url}: axe checked nothing`);
    for (const { id, impact, nodes } of violations) {
      findings.push({ page: name, look, rule: id, impact, nodes: nodes.map((node) => `${node.target}: ${node.failureSummary}`) });
    }
    await page.close();
  }
  await context.close();
}
await browser.close();
console.log(JSON.stringify(findings));
