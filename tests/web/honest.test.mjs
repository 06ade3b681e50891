// The page says what is: when it is cut off and why, what was not sent, and it forgets nothing that was written.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { changeDatabase, composer, connection, online, painted, pending, Rig, rows, say, see, waitForConnection } from './harness.mjs';

const told_ms = 2_000;
const silence_ms = 10_000;
let rig;
before(async () => {
  rig = await Rig.start({ proxied: true });
});
after(() => rig.dispose());
afterEach(() => rig.proxy.pass());

const away = ['offline', 'waiting', 'connecting'];

// How long it took the page to be in one of `states`, from before `act`.
async function told(page, act, ...states) {
  const began = performance.now();
  await act();
  await waitForConnection(page, ...states);
  return performance.now() - began;
}

const texts = async (page) => (await rows(page)).map(({ text }) => text);

test('without a network: said within 2 s, and what is written goes out once it is back', async () => {
  const page = await rig.person('ann', { room: 'offline' });
  await say(page, 'before');
  await see(page, 'before');
  const took_ms = await told(page, () => page.context().setOffline(true), 'offline');
  assert.ok(took_ms <= told_ms, `${took_ms} ms`);
  await say(page, 'written without a network');
  await page.waitForSelector('[data-pending][data-state=pending]');
  await page.waitForSelector('[data-people-toggle]:not([data-online])'); // nobody can say who is here
  await page.context().setOffline(false);
  await online(page);
  await page.waitForSelector('[data-people-toggle][data-online="1"]');
  await see(page, 'written without a network');
  assert.deepEqual(await texts(page), ['before', 'written without a network']);
  assert.deepEqual(await pending(page), []);
  await page.context().close();
});

test('the server dies: said within 2 s; it comes back: nothing is lost or there twice', async () => {
  const ann = await rig.person('ann2', { room: 'killed' });
  const bob = await rig.person('bob2', { room: 'killed' });
  await say(ann, 'before the crash');
  await see(bob, 'before the crash');
  const took_ms = await told(ann, () => rig.server.kill(), ...away);
  assert.ok(took_ms <= told_ms, `${took_ms} ms`);
  await say(ann, 'written while it was away');
  await ann.waitForSelector('[data-pending]');
  await rig.server.start();
  await see(bob, 'written while it was away');
  await see(ann, 'written while it was away');
  await say(bob, 'after the crash');
  await see(ann, 'after the crash');
  const expected = ['before the crash', 'written while it was away', 'after the crash'];
  for (const page of [ann, bob]) {
    assert.deepEqual(await texts(page), expected);
    assert.equal(await connection(page), 'online');
    await page.context().close();
  }
});

test('a cut that nobody tells of is noticed within 10 s', async () => {
  const page = await rig.person('eve', { room: 'silent' });
  const took_ms = await told(page, () => rig.proxy.silence(), ...away);
  assert.ok(took_ms <= silence_ms, `${took_ms} ms`);
  await say(page, 'into the dark');
  rig.proxy.pass();
  await online(page);
  await see(page, 'into the dark');
  assert.deepEqual(await texts(page), ['into the dark']);
  await page.context().close();
});

test('a reload keeps drafts and what waits to be sent, and sends it once', async () => {
  const page = await rig.person('dora', { room: 'reload' });
  await say(page, 'before');
  await see(page, 'before');
  rig.proxy.refuseSockets();
  await waitForConnection(page, ...away);
  await say(page, 'first in the outbox');
  await say(page, 'second in the outbox');
  await page.fill(composer, 'a thought that is not yet fin');
  const waiting = ['first in the outbox', 'second in the outbox'];
  await page.waitForFunction((count) => document.querySelectorAll('[data-pending]').length === count, waiting.length);
  assert.deepEqual((await pending(page)).map(({ text, state }) => `${state} ${text}`), waiting.map((text) => `pending ${text}`));
  await page.reload();
  await waitForConnection(page, ...away);
  // What can be shown is: the rooms, what waits, what was being written, and that there is no connection.
  await page.waitForFunction((count) => document.querySelectorAll('[data-pending]').length === count, waiting.length);
  assert.deepEqual((await pending(page)).map(({ text, state }) => `${state} ${text}`), waiting.map((text) => `pending ${text}`));
  await page.waitForSelector('[data-room-link="reload"]');
  await page.waitForSelector('[data-banner]');
  assert.equal(await page.inputValue(composer), 'a thought that is not yet fin');
  // Also what is written now outlives a reload.
  await say(page, 'written after the reload');
  await page.fill(composer, 'a thought that is not yet fin');
  waiting.push('written after the reload');
  await page.waitForFunction((count) => document.querySelectorAll('[data-pending]').length === count, waiting.length);
  await page.reload();
  await page.waitForFunction((count) => document.querySelectorAll('[data-pending]').length === count, waiting.length);
  rig.proxy.pass();
  await online(page);
  for (const text of waiting) await see(page, text);
  assert.equal(await page.inputValue(composer), 'a thought that is not yet fin');
  assert.deepEqual(await texts(page), ['before', ...waiting]);
  assert.deepEqual((await rig.history(page.user, 'reload')).map(({ content }) => content), ['before', ...waiting]);
  await page.context().close();
});

test('drafts are each room\'s own', async () => {
  const page = await rig.person('dana', { room: 'north' });
  await page.fill(composer, 'for the north');
  await painted(page);
  await page.goto(`${rig.url}/room/south`);
  await online(page);
  assert.equal(await page.inputValue(composer), '');
  await page.fill(composer, 'for the south');
  await painted(page);
  await page.click('[data-room-link="north"]');
  await page.waitForFunction((box) => document.querySelector(box).value === 'for the north', composer);
  await page.click('[data-room-link="south"]');
  await page.waitForFunction((box) => document.querySelector(box).value === 'for the south', composer);
  await page.context().close();
});

test('what the server refuses stays with its text, and can be tried again or thrown away', async () => {
  const page = await rig.person('fred', { room: 'failed' });
  await say(page, 'before');
  await see(page, 'before');
  changeDatabase(rig.server, `INSERT INTO restrictions (user_id, room_id, kind) VALUES (${page.user.id}, 'failed', 'mute')`);
  await say(page, 'refused once');
  await page.waitForSelector('[data-pending][data-state=failed]');
  await say(page, 'refused twice');
  await page.waitForFunction(() => document.querySelectorAll('[data-pending][data-state=failed]').length === 2);
  const failed = ['failed refused once', 'failed refused twice'];
  const kept = async () => (await pending(page)).map(({ text, state }) => `${state} ${text}`);
  assert.deepEqual(await kept(), failed);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('[data-pending][data-state=failed]').length === 2);
  assert.deepEqual(await kept(), failed);
  changeDatabase(rig.server, 'DELETE FROM restrictions');
  await page.locator('[data-pending]').first().getByRole('button', { name: /try again|retry/i }).click();
  await see(page, 'refused once');
  assert.deepEqual(await kept(), ['failed refused twice']);
  await page.locator('[data-pending]').getByRole('button', { name: /delete|discard|remove/i }).click();
  await page.waitForFunction(() => !document.querySelector('[data-pending]'));
  assert.deepEqual((await rig.history(page.user, 'failed')).map(({ content }) => content), ['before', 'refused once']);
  await page.context().close();
});
