// The handbook as tools/docs builds it: links lead somewhere, nothing comes from elsewhere, and it can
// be read in light, dark and on a phone (pictures in tests/out).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'starling-site-'));
const site = path.join(folder, 'site');
const out = path.join(root, 'tests/out');
let pages;

before(() => {
  const { status, stdout, stderr } = spawnSync(path.join(root, 'tools/docs'), [folder], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  pages = readdirSync(site, { recursive: true }).filter((name) => name.endsWith('.html') && name !== '404.html');
});
after(() => rmSync(folder, { recursive: true }));

test('every link leads to a page and a place in it', () => {
  const texts = new Map(pages.map((name) => [name, readFileSync(path.join(site, name), 'utf8')]));
  const places = (name) => new Set([...texts.get(name).matchAll(/ (?:id|name)="?([^" >]+)/g)].map(([, id]) => id));
  const dead = [];
  let links = 0;
  for (const [name, text] of texts) {
    for (const [, link] of text.matchAll(/<a [^>]*href="?([^" >]+)/g)) {
      if (/^(https?|mailto):/.test(link)) continue;
      ++links;
      const [file, place] = decodeURIComponent(link).split('#');
      const target = file ? path.normalize(path.join(path.dirname(name), file)).replace(/^\.$|\/$/, '/index.html').replace(/^\//, '') : name;
      if (!texts.has(target)) dead.push(`${name}: ${link}`);
      else if (place && !place.startsWith('__') && !places(target).has(place)) dead.push(`${name}: ${link}`);
    }
  }
  assert.deepEqual(dead, []);
  assert.ok(links > 500, `${links}`);
});

test('links of the pages that are read in the tree lead somewhere', () => {
  for (const name of ['README.md', 'CONTRIBUTING.md', 'web/README.md']) {
    const text = readFileSync(path.join(root, name), 'utf8');
    for (const [, link] of text.matchAll(/(?:\]\(|src="|srcset=")(?!https?:)([^)"#]+)/g)) {
      assert.ok(existsSync(path.join(root, path.dirname(name), link)), `${name}: ${link}`);
    }
  }
  assert.ok(readFileSync(path.join(root, 'README.md'), 'utf8').split('\n').length <= 61, 'the README has more than 60 lines');
});

test('it is read without a network, in light, dark and on a phone', async () => {
  mkdirSync(out, { recursive: true });
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  const elsewhere = [];
  for (const [look, options] of Object.entries({
    light: { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
    dark: { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
    phone: { viewport: { width: 390, height: 844 }, isMobile: true, colorScheme: 'light' },
  })) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.on('request', (request) => {
      if (!/^(file|data|blob):/.test(request.url())) elsewhere.push(request.url());
    });
    for (const name of ['index', 'tutorial', 'reference/websocket']) {
      await page.goto(pathToFileURL(path.join(site, `${name}.html`)).href);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than a ${look} window`);
      await page.screenshot({ path: path.join(out, `site-${path.basename(name)}-${look}.png`) });
    }
    const scheme = await page.evaluate(() => document.body.dataset.mdColorScheme);
    assert.equal(scheme, look === 'dark' ? 'slate' : 'default');
    await context.close();
  }
  await browser.close();
  assert.deepEqual(elsewhere, []);
});
