// What people look at, to be looked at: tests/out/*.png. STARLING_PICTURES=1 also makes those of the README.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { changeDatabase, layoutFaults, online, painted, phone, Rig, say, see, shot, waitForConnection } from './harness.mjs';
import { fillScene } from './scene.mjs';

const pictures = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../docs/images');
let rig;
let scene;
before(async () => {
  rig = await Rig.start({ proxied: true });
  scene = await fillScene(rig.server);
});
after(() => rig.dispose());
afterEach(() => rig.proxy.pass());

const visit = async (options = {}) => {
  const page = await rig.person('Sam', { user: scene.me, ...options });
  await page.waitForSelector('[data-timeline] [data-seq]');
  await painted(page);
  return page;
};

async function finish(page, name) {
  await painted(page);
  await shot(page, name);
  assert.deepEqual(await layoutFaults(page), []);
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

for (const [name, options] of Object.entries({ light: {}, dark: { colorScheme: 'dark' } })) {
  test(`a desk, ${name}`, async () => {
    const there = [];
    for (const person of ['Mira', 'Tomás', 'Yoko']) there.push(await rig.server.member(scene.people[person], 'general'));
    const page = await visit(options);
    there[1].send({ type: 'typing', roomId: 'general', isTyping: true });
    await page.waitForFunction(() => document.querySelector('[data-typing]').textContent.includes('Tomás'));
    // Rooms that nobody looked at have their last message in the list.
    await page.waitForFunction(() => document.querySelector('[data-room-link="design"]').textContent.includes('The new icons'));
    if (process.env.STARLING_PICTURES) {
      mkdirSync(pictures, { recursive: true });
      await page.screenshot({ path: path.join(pictures, `chat-${name}.png`), animations: 'disabled' });
    }
    await finish(page, name);
    for (const client of there) await client.close();
  });
}

test('a phone', async () => {
  await finish(await visit(phone), 'mobile');
  const page = await visit({ ...phone, colorScheme: 'dark' });
  await page.getByRole('button', { name: 'Show rooms' }).click();
  await page.waitForSelector('[data-room-link="design"]', { state: 'visible' });
  await shot(page, 'mobile-rooms');
  await page.context().close();
});

test('320 px', async () => finish(await visit({ viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true }), 'narrow'));
test('from right to left', async () => finish(await visit({ query: '?locale=ar-XB' }), 'rtl'));
test('forced colours', async () => finish(await visit({ forcedColors: 'active' }), 'forced-colours'));

test('an empty room', async () => {
  const page = await rig.person('Sam', { user: scene.me, room: 'lounge' });
  await page.waitForSelector('[data-empty]');
  await finish(page, 'empty');
});

test('nobody\'s first minute', async () => {
  const page = await rig.open();
  await page.waitForSelector('[data-view=login]');
  await shot(page, 'login');
  await page.getByRole('button', { name: /create an account/i }).click();
  await page.waitForSelector('[data-view=register]');
  await shot(page, 'register');
  await page.context().close();
  const dark = await rig.open({ ...phone, colorScheme: 'dark' });
  await dark.waitForSelector('[data-view=login]');
  await shot(dark, 'login-mobile-dark');
  await dark.context().close();
});

test('offline, with something that waits', async () => {
  const page = await visit();
  rig.proxy.refuseSockets();
  await waitForConnection(page, 'waiting', 'offline');
  await say(page, 'I am on the train, this goes out behind the tunnel');
  await page.waitForSelector('[data-pending]');
  // The banner comes after a second: shorter cuts are nobody's concern.
  await page.getByRole('button', { name: 'Try now' }).waitFor();
  await finish(page, 'offline');
});

test('loaded anew without a connection', async () => {
  const page = await visit();
  await page.waitForFunction(() => localStorage.getItem('starling.rooms')?.includes('oncall'));
  rig.proxy.refuseSockets();
  await waitForConnection(page, 'waiting', 'offline');
  await say(page, 'Still in the tunnel');
  await page.waitForSelector('[data-pending]');
  await page.reload();
  await page.waitForSelector('[data-pending]');
  await page.getByRole('button', { name: 'Try now' }).waitFor();
  await finish(page, 'offline-reloaded');
});

test('logging out without the server', async () => {
  const user = await rig.server.user('Alex');
  const page = await rig.person('Alex', { user, room: 'lounge' });
  await page.context().setOffline(true);
  await page.click('[data-logout]');
  await page.waitForFunction(() => document.querySelector('[role=status]').textContent.includes('cannot be reached'));
  await shot(page, 'leaving');
  await page.context().close();
});

test('a message that was refused', async () => {
  changeDatabase(rig.server, `INSERT INTO restrictions (user_id, room_id, kind) VALUES (${scene.me.id}, 'design', 'mute')`);
  const page = await visit({ room: 'design' });
  await say(page, 'Could you put them beside the old ones?');
  await page.waitForSelector('[data-pending][data-state=failed]');
  await finish(page, 'failed');
});

test('200 people', async () => {
  const names = ['Ada', 'Boris', 'Chiara', 'Dmitri', 'Eun-ji', 'Farah', 'Gustav', 'Hana', 'Ines', 'Jomo'];
  const members = [];
  for (let i = 0; i < 199; ++i) {
    const user = await rig.server.user(`${names[i % 10]} ${String.fromCharCode(65 + (i % 26))}. ${i}`, { email: `p${i}@example.org` });
    members.push(await rig.server.member(user, 'town-hall'));
  }
  for (let i = 0; i < 30; ++i) members[i].send({ type: 'chat_message', roomId: 'town-hall', content: i % 3 ? 'Hello from me too!' : 'Good to see so many of you here.' });
  const page = await rig.person('Sam', { user: scene.me, room: 'town-hall' });
  await page.waitForSelector('[data-timeline] [data-seq="30"]');
  await page.waitForFunction(() => document.querySelector('[data-people]')?.textContent.includes('200') || document.body.textContent.includes('200'));
  await finish(page, 'people');
  for (const member of members) await member.close();
});

test('the switcher and the sheet of keys', async () => {
  const page = await visit();
  await page.keyboard.press('Control+k');
  await page.waitForSelector('[data-switcher]');
  await page.keyboard.type('d');
  await shot(page, 'switcher');
  await page.keyboard.press('Escape');
  await page.focus('[data-timeline] [tabindex="0"]');
  await page.keyboard.press('?');
  await page.waitForSelector('[data-help]');
  await shot(page, 'help');
  await page.context().close();
});

test('somebody\'s long talk in a room with everything in it', async () => {
  const page = await visit({ room: 'general', viewport: { width: 1920, height: 1080 } });
  await see(page, 'Approved. One question about naming, otherwise ship it.');
  await online(page);
  await finish(page, 'wide');
});
