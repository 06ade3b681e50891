// The page in a real browser. Screenshots go to tests/out/, to be looked at.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Server } from '../e2e/harness.mjs';

const out = path.join(path.dirname(fileURLToPath(import.meta.url)), '../out');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
let server;
let browser;
before(async () => {
  mkdirSync(out, { recursive: true });
  server = await Server.start();
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags, env: { ...process.env, HOME: mkdtempSync(path.join(tmpdir(), 'chromium-')) } });
});
after(async () => {
  await browser?.close();
  await server.dispose();
});

async function open(options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error)));
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) page.problems.push(message.text());
  });
  await page.goto(server.url);
  return page;
}

async function register(page, username) {
  await page.click('#switch-form');
  await page.fill('[name=username]', username);
  await page.fill('[name=email]', `${username}@example.org`);
  await page.fill('[name=password]', 'correct horse battery');
  await page.click('#login [type=submit]');
  await page.waitForSelector('#chat:not([hidden])');
  await page.waitForFunction(() => document.getElementById('online').textContent !== '');
}

async function say(page, text) {
  await page.fill('textarea', text);
  await page.press('textarea', 'Enter');
}

const shown = (page) => page.$$eval('.message p', (rows) => rows.map((row) => row.textContent));
const see = (page, text) => page.waitForFunction(
  (wanted) => [...document.querySelectorAll('.message:not(.pending) p')].some((row) => row.textContent === wanted), text);

test('two people register, chat, and see each other; a reload keeps session and history', async () => {
  const ann = await open();
  const bob = await open({ colorScheme: 'dark' });
  await register(ann, 'ann');
  await register(bob, 'bob');
  await ann.waitForFunction(() => document.getElementById('online').textContent === '2 online');
  await say(ann, 'Good morning!');
  await see(bob, 'Good morning!');
  await say(bob, 'Hello Ann, how are you?\nI have two lines.');
  await see(ann, 'Hello Ann, how are you?\nI have two lines.');
  const evil = '<img src=x onerror="document.title=1"><script>alert(1)</script>';
  await say(bob, evil);
  await see(ann, evil);
  assert.equal(await ann.$('.message img'), null);
  assert.match(await ann.title(), /general/);
  await bob.fill('textarea', 'I am wri');
  await bob.press('textarea', 't');
  await ann.waitForFunction(() => document.getElementById('typing').textContent.includes('bob is typing'));
  await ann.screenshot({ path: path.join(out, 'light.png') });
  await bob.screenshot({ path: path.join(out, 'dark.png') });

  await ann.reload();
  await see(ann, 'Good morning!');
  assert.equal((await shown(ann)).length, 3);
  await ann.fill('[name=room]', 'garden');
  await ann.press('[name=room]', 'Enter');
  await ann.waitForFunction(() => location.pathname === '/room/garden');
  await say(bob, 'are you there?');
  await ann.waitForSelector('.badge');
  assert.equal(await ann.textContent('.badge'), '1');
  await ann.click('a[href="/room/general"]');
  await see(ann, 'are you there?');
  assert.equal(await ann.$('.badge'), null);
  for (const page of [ann, bob]) {
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
});

test('after kill -9 both come back, nothing is lost and nothing is there twice', async () => {
  const ann = await open();
  const bob = await open();
  await register(ann, 'ann2');
  await register(bob, 'bob2');
  await say(ann, 'before the crash');
  await see(bob, 'before the crash');
  await server.kill();
  await ann.waitForSelector('#status:not([hidden])');
  await say(ann, 'written while it was away');
  await ann.waitForSelector('.message.pending');
  await server.start();
  await see(bob, 'written while it was away');
  await see(ann, 'written while it was away');
  await say(bob, 'after the crash');
  await see(ann, 'after the crash');
  await ann.waitForSelector('#status', { state: 'hidden' });
  const mine = (rows) => rows.filter((row) => row.includes('crash') || row.includes('away'));
  const expected = ['before the crash', 'written while it was away', 'after the crash'];
  assert.deepEqual(mine(await shown(ann)), expected);
  assert.deepEqual(mine(await shown(bob)), expected);
  await ann.context().close();
  await bob.context().close();
});

test('history comes by scrolling up, and the text under the eye stays', async () => {
  const eve = await server.user('eve', { password: 'correct horse battery' });
  for (let i = 1; i <= 130; ++i) {
    await server.call('POST', '/api/messages', { token: eve.token, body: { content: `line ${i}`, room_id: 'long' } });
  }
  const page = await open();
  await page.fill('[name=username]', 'eve');
  await page.fill('[name=password]', 'correct horse battery');
  await page.click('#login [type=submit]');
  await page.waitForSelector('#chat:not([hidden])');
  await page.fill('[name=room]', 'long');
  await page.press('[name=room]', 'Enter');
  await see(page, 'line 130');
  // The row at the top of the view before older ones come is where it was after they came.
  const moved = await page.evaluate(() => new Promise((resolve) => {
    const list = document.getElementById('messages');
    list.scrollTop = 150;
    const top = list.getBoundingClientRect().top;
    const row = [...list.querySelectorAll('[data-seq]')].find((one) => one.getBoundingClientRect().top >= top);
    const y = row.getBoundingClientRect().top;
    new MutationObserver((_, observer) => {
      observer.disconnect();
      requestAnimationFrame(() => resolve(list.querySelector(`[data-seq="${row.dataset.seq}"]`).getBoundingClientRect().top - y));
    }).observe(list, { childList: true });
    list.dispatchEvent(new Event('scroll'));
  }));
  assert.ok(Math.abs(moved) <= 1, `${moved} px`);
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('a wrong password is said; logging out comes back to the form', async () => {
  const page = await open();
  await page.fill('[name=username]', 'eve');
  await page.fill('[name=password]', 'not the password');
  await page.click('#login [type=submit]');
  await page.waitForFunction(() => document.getElementById('login-error').textContent === 'Wrong username or password');
  await page.screenshot({ path: path.join(out, 'login.png') });
  await page.fill('[name=password]', 'correct horse battery');
  await page.click('#login [type=submit]');
  await page.waitForSelector('#chat:not([hidden])');
  await page.click('#logout');
  await page.waitForSelector('#welcome:not([hidden])');
  await page.reload();
  await page.waitForSelector('#welcome:not([hidden])');
  await page.context().close();
});

test('on a phone everything fits', async () => {
  const page = await open({ viewport: { width: 375, height: 667 }, isMobile: true, hasTouch: true });
  await register(page, 'mobile');
  for (let i = 0; i < 12; ++i) await say(page, `A message that is long enough to be wrapped on a narrow screen, number ${i}`);
  await see(page, 'A message that is long enough to be wrapped on a narrow screen, number 11');
  const layout = await page.evaluate(() => {
    const composer = document.getElementById('composer').getBoundingClientRect();
    const list = document.getElementById('messages').getBoundingClientRect();
    return { bottom: composer.bottom, height: innerHeight, scroll: document.documentElement.scrollWidth, width: innerWidth, list: list.width };
  });
  assert.ok(layout.bottom <= layout.height + 1, JSON.stringify(layout));
  assert.ok(layout.scroll <= layout.width, JSON.stringify(layout));
  assert.ok(layout.list >= 0.6 * layout.width, JSON.stringify(layout));
  await page.screenshot({ path: path.join(out, 'mobile.png') });
  await page.click('#show-rooms');
  await page.waitForSelector('.sidebar', { state: 'visible' });
  await page.context().close();
});
