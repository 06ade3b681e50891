// The page says what is: when it is cut off and why, within the time that is promised.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { away, connection, online, pending, Rig, rows, say, see, waitForConnection } from './harness.mjs';

const told_ms = 2_000;
const silence_ms = 10_000;
let rig;
before(async () => {
  rig = await Rig.start({ proxied: true });
});
after(() => rig.dispose());
afterEach(() => rig.proxy.pass());

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
