// 500 strings that try to make the page run something, as messages and as names of people: none does, and each
// comes back as it was sent.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { UNLIMITED } from '../e2e/harness.mjs';
import { changeDatabase, composer, online, painted, Rig, say, tokenFor } from './harness.mjs';
import { hostileStrings } from './xss.mjs';

const secret = 'a secret that only this test and its server know';
const config = `[auth]\nsecret = "${secret}"\n[limits]\n${UNLIMITED}`;
const strings = hostileStrings(500);
const rigs = [];
after(async () => {
  for (const rig of rigs) await rig.dispose();
});

async function start() {
  const rig = await Rig.start({ config });
  rigs.push(rig);
  return rig;
}

// Whatever runs is noted, and so is every violation of the policy: the page must not even try.
const trap = (context) => context.addInitScript(() => {
  globalThis.ran = [];
  globalThis.sentinel = (n) => globalThis.ran.push(`sentinel ${n}`);
  addEventListener('securitypolicyviolation', (event) => globalThis.ran.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
});

// Touches every element of the timeline and of the lists beside it as a person might.
const touchEverything = (page) => page.evaluate(() => {
  const elements = document.querySelectorAll('[data-timeline] *, [data-people] *, [data-typing] *');
  for (const element of elements) {
    for (const type of ['pointerenter', 'pointerover', 'mouseover', 'mouseenter', 'focus', 'toggle', 'animationstart', 'load', 'error']) {
      element.dispatchEvent(new Event(type, { bubbles: true }));
    }
    // Links would lead away, and buttons do what they say; what runs by a click is in an attribute or an address.
    for (const { name, value } of element.attributes) {
      if (name.startsWith('on') || /^\s*(javascript|vbscript|data|blob):/i.test(value)) globalThis.ran.push(`${element.tagName} ${name}=${value}`);
    }
  }
  const links = [...document.querySelectorAll('[data-body] a')];
  for (const link of links) {
    if (!['http:', 'https:', 'mailto:'].includes(link.protocol)) globalThis.ran.push(`a link to ${link.href}`);
    if (!link.rel.split(' ').includes('noopener')) globalThis.ran.push(`a link without noopener: ${link.href}`);
  }
  const allowed = new Set('A B BLOCKQUOTE BR CODE DEL DIV EM H1 H2 H3 H4 H5 H6 HR I LI OL P PRE S SPAN STRONG TABLE TBODY TD TH THEAD TR UL BDI BUTTON'.split(' '));
  for (const element of document.querySelectorAll('[data-body] *')) if (!allowed.has(element.tagName)) globalThis.ran.push(`an element ${element.tagName}`);
});

async function nothingRan(page) {
  await touchEverything(page);
  await painted(page);
  assert.deepEqual(await page.evaluate(() => globalThis.ran), []);
  assert.deepEqual(page.problems, []);
  assert.doesNotMatch(await page.title(), /sentinel \d/);
}

// What a text without Markdown looks like when it is shown: blank space is not told apart.
const squeezed = (text) => text.replace(/\s+/g, ' ').trim();
// Strings in which Markdown finds nothing: they must be shown to the letter.
const without_tags = (text) => text.replaceAll(/<[^>]*>/g, '');
const plain = strings.filter((text) => !/[\n\t\u0000]|<https?:/.test(text) && !/[`*_~#>\[\]|\\]|^ {4}|https?:|^\s*[-+]\s/.test(without_tags(text)));

const shownTexts = (page) => page.$$eval('[data-timeline] [data-seq] [data-body]', (bodies) => bodies.map((body) => body.textContent));

test('500 messages: none runs, all come back as they were sent', async () => {
  const rig = await start();
  const mallory = await rig.server.user('mallory');
  // Half of them arrive while somebody looks, half are there already; a timeline shows 400 at most.
  const half = strings.length / 2;
  await rig.post(mallory, 'before', half, (i) => strings[i - 1]);
  const page = await rig.person('ann', { room: 'before', before: trap });
  await page.waitForSelector(`[data-timeline] [data-seq="${half}"]`);
  while ((await page.getAttribute('[data-timeline] [data-seq]', 'data-seq')) !== '1') {
    await page.$eval('[data-timeline]', (timeline) => (timeline.scrollTop = 0));
    await painted(page);
  }
  await nothingRan(page);
  const shown = await shownTexts(page);
  await page.goto(`${rig.url}/room/live`);
  await online(page);
  await rig.post(mallory, 'live', half, (i) => strings[half + i - 1]);
  await page.waitForSelector(`[data-timeline] [data-seq="${half}"]`);
  await nothingRan(page);

  const sent = [...(await rig.history(mallory, 'before')), ...(await rig.history(mallory, 'live'))].map(({ content }) => content);
  assert.deepEqual(sent, strings);
  shown.push(...(await shownTexts(page)));
  const expected = plain.map(squeezed);
  assert.ok(expected.length > 150, `only ${expected.length} without Markdown`);
  const all = new Set(shown.map(squeezed));
  assert.deepEqual(expected.filter((text) => !all.has(text)), []);
  await page.context().close();
});

test('written in the page itself they are as harmless', async () => {
  const rig = rigs[0] ?? (await start());
  const page = await rig.person('eve', { room: 'own', before: trap });
  const chosen = strings.filter((text, i) => i % 25 === 0 && !/[\u0000\r]/.test(text));
  for (const text of chosen) {
    await say(page, text);
    await page.waitForFunction((box) => document.querySelector(box).value === '', composer);
  }
  await page.waitForFunction((count) => document.querySelectorAll('[data-timeline] [data-seq]').length === count, chosen.length);
  assert.deepEqual((await rig.history(page.user, 'own')).map(({ content }) => content.trim()), chosen.map((text) => text.trim()));
  await nothingRan(page);
  await page.context().close();
});

// Users as an older program may have left them in the database: nobody checked their names.
function insertUsers(server, names) {
  const text = (value) => `CAST(x'${Buffer.from(value).toString('hex')}' AS TEXT)`;
  const values = names.map((name, i) => `(${1000 + i}, ${text(name)}, ${text(`key ${i}`)}, 0)`);
  changeDatabase(server, `INSERT INTO users (id, username, username_key, created_at) VALUES ${values}`);
}

test('500 names: none runs, in messages, among the people, and who is typing', async () => {
  const rig = await start();
  await rig.server.stop();
  insertUsers(rig.server, strings);
  await rig.server.start();
  const people = strings.map((username, i) => ({ id: 1000 + i, username, token: tokenFor(secret, 1000 + i) }));
  const page = await rig.person('ann', { room: 'names', before: trap });
  const half = people.length / 2;
  const members = [];
  for (const group of [people.slice(0, half), people.slice(half)]) {
    for (const user of group) await rig.post(user, 'names', 1, () => `I am number ${user.id}`);
    await page.waitForSelector(`[data-timeline] [data-seq="${members.length ? 2 * half : half}"]`);
    for (const user of group.filter((_, i) => i % 5 === 0)) members.push(await rig.server.member(user, 'names'));
    await page.waitForFunction((last) => [...document.querySelectorAll('[data-timeline] [data-seq]')].at(-1).dataset.sender === last, String(group.at(-1).id));
    members.at(-1).send({ type: 'typing', roomId: 'names', isTyping: true });
    await page.waitForFunction(() => document.querySelector('[data-typing]').textContent.trim() !== '');
    await nothingRan(page);
  }
  // The names stand there to the letter.
  const shown = await page.$eval('[data-timeline]', (timeline) => timeline.innerText);
  const text = squeezed(shown);
  const missing = strings.slice(half).map(squeezed).filter((name) => !/[\u0000-\u001f]/.test(name) && !text.includes(name));
  assert.deepEqual(missing, []);
  for (const member of members) await member.close();
  await page.context().close();
});
