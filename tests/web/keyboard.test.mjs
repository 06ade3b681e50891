// Everything by the keyboard alone, and always with a focus that can be seen.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { badge, online, password, Rig, see } from './harness.mjs';

let rig;
before(async () => {
  rig = await Rig.start();
});
after(() => rig.dispose());

// What has the focus, and whether that can be seen.
const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const ring = element.closest('[data-composer]') ? getComputedStyle(element.closest('[data-composer]')) : style;
  const seen = [style, ring].some((one) => (one.outlineStyle !== 'none' && parseFloat(one.outlineWidth) > 0) || one.boxShadow !== 'none');
  const box = element.getBoundingClientRect();
  return { tag: element.tagName, name: element.getAttribute('name'), text: (element.getAttribute('aria-label') ?? element.textContent).trim(),
    room: element.closest('[data-room-link]')?.dataset.roomLink, seq: element.closest('[data-seq]')?.dataset.seq,
    composer: element.matches('[data-composer] textarea'), seen, inside: box.bottom > 0 && box.top < innerHeight && box.width > 0 };
});

// Tab (or another key) until what has the focus is what was wanted.
async function move(page, wanted, { key = 'Tab', most = 40 } = {}) {
  const passed = [];
  for (let i = 0; i <= most; ++i) {
    const now = await focused(page);
    if (now.tag !== 'BODY') {
      assert.ok(now.seen, `the focus cannot be seen: ${JSON.stringify(now)}`);
      assert.ok(now.inside, `the focus is out of view: ${JSON.stringify(now)}`);
      if (wanted(now)) return now;
    }
    passed.push(now.name ?? now.text.slice(0, 20));
    await page.keyboard.press(key);
  }
  throw new Error(`never reached: ${passed.join(' > ')}`);
}

const atRoom = (page, room) => page.waitForURL(`**/room/${room}`);

async function goByName(page, room) {
  await page.keyboard.press('Control+k');
  await page.waitForSelector('[data-switcher]');
  await page.keyboard.type(room);
  await page.keyboard.press('Enter');
  await atRoom(page, room);
  await page.waitForSelector('[data-switcher]', { state: 'hidden' });
  await page.waitForSelector('[data-composer] textarea:focus');
}

async function write(page, text) {
  await move(page, (now) => now.composer);
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
  await see(page, text);
}

test('register, go to rooms, write, read, delete, look for help, log out', async () => {
  const page = await rig.open();
  await page.waitForSelector('[data-view=login]');
  await move(page, (now) => /create an account/i.test(now.text));
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-view=register]');
  for (const [name, value] of [['username', 'ann'], ['email', 'ann@example.org'], ['password', password]]) {
    await move(page, (now) => now.name === name);
    await page.keyboard.type(value);
  }
  await page.keyboard.press('Enter');
  await online(page);

  for (const room of ['alpha', 'beta', 'gamma']) {
    await goByName(page, room);
    await write(page, `hello ${room}`);
  }
  await page.keyboard.type('first line');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('second line');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelectorAll('[data-timeline] [data-seq]').length === 2);
  assert.equal((await rig.history(await signedIn(), 'gamma')).at(-1).content, 'first line\nsecond line');

  // Rooms above and below, in the order of the list, whatever that is.
  const order = await page.$$eval('[data-room-link]', (links) => links.map((link) => link.dataset.roomLink));
  const here = () => decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1));
  const at = order.indexOf(here());
  const direction = at > 0 ? ['Alt+ArrowUp', order[at - 1]] : ['Alt+ArrowDown', order[at + 1]];
  await page.keyboard.press(direction[0]);
  await atRoom(page, direction[1]);
  await see(page, `hello ${direction[1]}`);

  // The next unread room.
  const bob = await rig.server.user('bob');
  const unread = order.find((room) => ![here(), 'general'].includes(room));
  await rig.post(bob, unread, 2);
  await page.waitForFunction((room) => document.querySelector(`[data-room-link="${room}"] [data-unread], [data-room-link="${room}"][data-unread]`)?.dataset.unread === '2', unread);
  await page.keyboard.press('Alt+Shift+ArrowDown');
  await atRoom(page, unread);
  await see(page, 'line 2');
  await page.waitForFunction((room) => !Number(document.querySelector(`[data-room-link="${room}"] [data-unread], [data-room-link="${room}"][data-unread]`)?.dataset.unread ?? 0), unread);
  assert.equal(await badge(page, unread), 0);

  // From message to message: one stop for Tab, arrows and Home and End inside. One's own is the first here.
  await move(page, (now) => now.seq !== undefined, { key: 'Shift+Tab' });
  for (const [key, seq] of [['Home', '1'], ['End', '3'], ['ArrowUp', '2'], ['ArrowDown', '3'], ['Home', '1']]) {
    await page.keyboard.press(key);
    assert.equal((await focused(page)).seq, seq, key);
  }
  await page.keyboard.press('?');
  await page.waitForSelector('[data-help]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-help]', { state: 'hidden' });
  assert.equal((await focused(page)).seq, '1', 'the focus is where it was before the sheet');
  await page.keyboard.press('Delete');
  await move(page, (now) => now.tag === 'BUTTON' && now.text === 'Delete');
  await page.keyboard.press('Enter');
  await page.waitForFunction((text) => !document.querySelector('[data-timeline]').textContent.includes(text), `hello ${unread}`);
  assert.deepEqual((await rig.history(bob, unread)).map(({ content }) => content), ['line 1', 'line 2']);

  await move(page, (now) => /log out/i.test(now.text));
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-view=login]');
  await page.reload();
  await page.waitForSelector('[data-view=login]');
  await move(page, (now) => now.name === 'username');
  await page.keyboard.type('ann');
  await move(page, (now) => now.name === 'password');
  await page.keyboard.type('not the password');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=alert]:not(:empty)');
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

// ann, as the server's interface for programs sees her.
async function signedIn() {
  const { body } = await rig.server.call('POST', '/api/sessions', { body: { username: 'ann', password } });
  return body;
}
