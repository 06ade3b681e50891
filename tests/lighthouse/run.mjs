// Lighthouse against a server of its own: the form to log in and a room with 200 messages, as on a phone and
// at a desk. Fails below the marks that we promise; the reports go to tests/out/.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import lighthouse, { desktopConfig } from 'lighthouse';
import { launch } from 'chrome-launcher';
import puppeteer from 'puppeteer-core';
import { Server } from '../e2e/harness.mjs';

const marks = { performance: 95, accessibility: 100 };
const categories = ['performance', 'accessibility', 'best-practices'];
const out = path.join(path.dirname(fileURLToPath(import.meta.url)), '../out');
mkdirSync(out, { recursive: true });
const home = mkdtempSync(path.join(tmpdir(), 'chromium-'));
const server = await Server.start({ config: '[limits]\nmessages_per_second = 10000\nmessage_burst = 10000\n' });
const user = await server.user('lighthouse', { password: 'correct horse battery' });
for (let i = 1; i <= 200; ++i) {
  await server.call('POST', '/api/messages', { token: user.token, body: { content: `Message **${i}** with some \`text\` in it`, room_id: 'general' } });
}
const chrome = await launch({ chromePath: '/usr/bin/chromium', userDataDir: home,
  chromeFlags: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'] });
const browser = await puppeteer.connect({ browserURL: `http://127.0.0.1:${chrome.port}`, defaultViewport: null });

let failed = 0;
async function judge(name, url, config) {
  const page = await browser.newPage();
  const { lhr, report } = await lighthouse(url, { onlyCategories: categories, output: 'html', disableStorageReset: true, logLevel: 'error' }, config, page);
  await page.close();
  writeFileSync(path.join(out, `lighthouse-${name}.html`), report);
  const score = Object.fromEntries(categories.map((category) => [category, Math.round(lhr.categories[category].score * 100)]));
  const audit = (id) => lhr.audits[id].displayValue;
  console.log(`${name}: ${categories.map((category) => `${category} ${score[category]}`).join(', ')}; first paint ${audit('first-contentful-paint')}, `
    + `largest ${audit('largest-contentful-paint')}, blocked ${audit('total-blocking-time')}, shift ${audit('cumulative-layout-shift')}`);
  for (const [category, mark] of Object.entries(marks)) if (score[category] < mark) failed += 1;
  for (const { auditRefs } of Object.values(lhr.categories)) {
    for (const { id, weight } of auditRefs) {
      const { score: points, title } = lhr.audits[id];
      if (weight > 0 && points !== null && points < 0.9) console.log(`  ${id}: ${title}`);
    }
  }
}

try {
  await judge('login-phone', server.url);
  await judge('login-desk', server.url, desktopConfig);
  await browser.setCookie({ name: 'starling', value: user.token, domain: '127.0.0.1', path: '/', httpOnly: true, sameSite: 'Strict' });
  await judge('room-phone', `${server.url}/room/general`);
  await judge('room-desk', `${server.url}/room/general`, desktopConfig);
} finally {
  await browser.disconnect();
  chrome.kill();
  await server.dispose();
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
console.log(failed === 0 ? 'all marks reached' : `${failed} marks missed: ${JSON.stringify(marks)}`);
process.exitCode = failed === 0 ? 0 : 1;
