// A server, Chromium, and people in it. The page is spoken to by its data attributes only.
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Server, within } from '../e2e/harness.mjs';
import { Proxy } from './chaos.mjs';

const out = path.join(path.dirname(fileURLToPath(import.meta.url)), '../out');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
export const password = 'correct horse battery';
export const desk = { viewport: { width: 1280, height: 800 } };
export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 1 };

export class Rig {
  // `proxied`: the pages reach the server through `rig.proxy`. `server`: one that runs already, and goes on.
  static async start({ proxied = false, server, ...options } = {}) {
    const rig = new Rig();
    mkdirSync(out, { recursive: true });
    rig.home = mkdtempSync(path.join(tmpdir(), 'chromium-'));
    rig.lent = server !== undefined;
    rig.server = server ?? (await Server.start(options));
    if (proxied) rig.proxy = await Proxy.start(rig.server);
    rig.url = rig.proxy?.url ?? rig.server.url;
    rig.browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags, env: { ...process.env, HOME: rig.home } });
    return rig;
  }

  async dispose() {
    await this.browser?.close();
    await this.proxy?.close();
    if (!this.lent) await this.server.dispose();
    rmSync(this.home, { recursive: true, force: true });
  }

  // A page in a browser of its own (nothing is shared with others), at the server's address.
  async open({ target = '/', before, ...options } = {}) {
    const context = await this.browser.newContext({ ...desk, ...options });
    if (before) await before(context);
    return this.tab(context, target);
  }

  // One more page of the same browser, in a window of its own: a tab behind another one gets a frame a second.
  async tab(context, target = '/') {
    const [beside] = context.pages();
    const page = beside ? await this.window(context, beside) : await context.newPage();
    page.setDefaultTimeout(20_000);
    watch(page, this.url);
    await page.goto(this.url + target);
    return page;
  }

  async window(context, beside) {
    const session = await context.newCDPSession(beside);
    const { targetInfo } = await session.send('Target.getTargetInfo');
    const opened = context.waitForEvent('page');
    const browser = await this.browser.newBrowserCDPSession();
    await browser.send('Target.createTarget', { url: 'about:blank', browserContextId: targetInfo.browserContextId, newWindow: true });
    await Promise.all([session.detach(), browser.detach()]);
    return opened;
  }

  // A user who is signed in and looks at a room.
  async person(username, { room = 'general', query = '', ...options } = {}) {
    const user = options.user ?? (await this.server.user(username, { password }));
    const page = await this.open({ ...options, target: `/room/${room}${query}`,
      before: async (context) => {
        await options.before?.(context);
        await context.addCookies([{ name: 'starling', value: user.token, url: this.url, httpOnly: true, sameSite: 'Strict' }]);
      } });
    page.user = user;
    await online(page);
    return page;
  }

  // Messages of `user` by REST; their bodies are `text(i)`. Answers what the server made of them.
  async post(user, room, count, text = (i) => `line ${i}`) {
    const made = [];
    for (let i = 1; i <= count; ++i) {
      const answer = await this.server.call('POST', '/api/messages', { token: user.token, body: { content: text(i), room_id: room } });
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      made.push(answer.body.data);
    }
    return made;
  }

  // Everything that a room has, oldest first, without what was deleted.
  async history(user, room) {
    const messages = [];
    for (let after = 0; ; ) {
      const { body } = await this.server.call('GET', `/api/messages/room/${room}?afterSeq=${after}&limit=100`, { token: user.token });
      if (body.messages.length === 0) return messages.filter((message) => !message.deleted);
      messages.push(...body.messages);
      after = body.messages.at(-1).seq;
    }
  }
}

// Keeps what must never happen in `page.problems`: errors, violations of the policy, strangers asked.
function watch(page, own) {
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(`error: ${error.stack ?? error}`));
  page.on('console', (message) => {
    if (/Content Security Policy|TrustedHTML|TrustedScript/.test(message.text())) page.problems.push(message.text());
  });
  page.on('dialog', (dialog) => {
    page.problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(own) && !request.url().startsWith('data:')) page.problems.push(`request: ${request.url()}`);
  });
}

export const online = (page) => page.waitForSelector('[data-view=chat] [data-connection=online], [data-view=chat][data-connection=online]');

export const connection = (page) => page.$eval('[data-connection]', (root) => root.dataset.connection);

// States in which the page says that it is not connected.
export const away = ['offline', 'waiting', 'connecting'];

export const waitForConnection = (page, ...states) =>
  page.waitForFunction((wanted) => wanted.includes(document.querySelector('[data-connection]')?.dataset.connection), states);

export const composer = '[data-composer] textarea';

export async function say(page, text) {
  await page.fill(composer, text);
  await page.press(composer, 'Enter');
}

// Waits until the page shows a message of that text that the server has acknowledged.
export const see = (page, text) =>
  page.waitForFunction((wanted) => [...document.querySelectorAll('[data-timeline] [data-seq] [data-body]')].some((body) => body.textContent.trim() === wanted), text);

export async function goTo(page, room) {
  await page.click(`[data-room-link="${room}"]`);
  await page.waitForURL(`**/room/${room}`);
}

// What the timeline shows: acknowledged rows and those that wait.
export const rows = (page) =>
  page.$$eval('[data-timeline] [data-seq]', (all) => all.map((row) => ({ seq: Number(row.dataset.seq), id: Number(row.dataset.id),
    text: row.querySelector('[data-body]')?.textContent.trim() ?? null })));
export const pending = (page) =>
  page.$$eval('[data-pending]', (all) => all.map((row) => ({ id: row.dataset.pending, state: row.dataset.state, text: row.querySelector('[data-body]')?.textContent.trim() })));

export const badge = (page, room) =>
  page.$eval(`[data-room-link="${room}"]`, (link) => Number((link.matches('[data-unread]') ? link : link.querySelector('[data-unread]'))?.dataset.unread ?? 0));

// Two frames later: what was done before has been laid out and painted.
export const painted = (page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

export const shot = (page, name) => page.screenshot({ path: path.join(out, `${name}.png`), animations: 'disabled' });

const axe_source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// What axe has to say against the page, one line each.
export async function violations(page) {
  await page.evaluate(axe_source);
  const found = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] }));
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.replaceAll('\n', ' ')}`));
}

// What is wrong with how the page is laid out, one line each.
export const layoutFaults = (page) =>
  page.evaluate((textarea) => {
    const faults = [];
    const root = document.documentElement;
    if (root.scrollWidth > innerWidth) faults.push(`scrolls sideways: ${root.scrollWidth} > ${innerWidth}`);
    if (root.scrollHeight > innerHeight + 1) faults.push(`the page itself scrolls: ${root.scrollHeight} > ${innerHeight}`);
    const box = document.querySelector(textarea).getBoundingClientRect();
    if (box.bottom > innerHeight || box.top < 0 || box.left < 0 || box.right > innerWidth) faults.push(`the composer is outside: ${JSON.stringify(box)}`);
    const timeline = document.querySelector('[data-timeline]').getBoundingClientRect();
    if (timeline.width < 0.6 * innerWidth) faults.push(`the messages have ${timeline.width} of ${innerWidth}`);
    if (timeline.bottom > box.top + 1) faults.push('the composer covers messages');
    for (const body of document.querySelectorAll('[data-timeline] [data-body]')) {
      const { left, right } = body.getBoundingClientRect();
      if (left < timeline.left - 1 || right > timeline.right + 1) faults.push(`a message leaves its column: ${left} to ${right}: ${body.textContent.slice(0, 40)}`);
    }
    return faults;
  }, composer);

const databaseOf = (server) => path.join(server.folder, 'data', 'starling.db');

// Reads the server's database beside it, as an operator could: one process, a line per question.
export class Database {
  constructor(server) {
    const program = `import json, sqlite3, sys
db = sqlite3.connect("file:${databaseOf(server)}?mode=ro", uri=True)
for line in sys.stdin:
    print(json.dumps(db.execute(line).fetchall()), flush=True)`;
    this.child = spawn('python3', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async rows(question) {
    this.child.stdin.write(`${question.replaceAll('\n', ' ')}\n`);
    const { value } = await within(this.answers.next(), question);
    return JSON.parse(value);
  }

  close() {
    this.child.stdin.end();
  }
}

// Changes it behind the server's back.
export function changeDatabase(server, statement) {
  const program = 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute(sys.stdin.read())';
  const { status, stderr } = spawnSync('python3', ['-c', program, databaseOf(server)], { input: statement });
  if (status !== 0) throw new Error(String(stderr));
}

// A token as another backend would make it that shares `auth.secret`.
export function tokenFor(secret, id) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now_s = Math.floor(Date.now() / 1000);
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: String(id), iat: now_s, exp: now_s + 3600, jti: `test-${id}` })}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}
