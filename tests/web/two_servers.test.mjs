// Two browsers at two servers of a fleet: one conversation, also when one of the servers is gone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fleet } from '../fleet/fleet.mjs';
import { away, composer, online, Rig, rows, say, see, waitForConnection } from './harness.mjs';

test('two people at two servers are in one room', { timeout: 120_000 }, async () => {
  const fleet = await Fleet.start({ servers: 2 });
  const rigs = [];
  try {
    await fleet.together();
    for (const server of fleet.servers) rigs.push(await Rig.start({ server }));
    const [ann, bob] = await Promise.all([rigs[0].person('ann'), rigs[1].person('bob')]);
    for (const page of [ann, bob]) {
      await page.waitForFunction(() => document.querySelectorAll('[data-people] .here').length === 2);
    }
    await say(ann, 'Is that the other server?');
    await see(bob, 'Is that the other server?');
    await bob.press(composer, 'x');
    await ann.waitForFunction(() => document.querySelector('[data-typing]').textContent.includes('bob'));
    await bob.fill(composer, '');
    await say(bob, 'It is.');
    // Who is at the other server may have it before the sender has read the acknowledgement.
    for (const page of [ann, bob]) await see(page, 'It is.');
    assert.deepEqual(await rows(ann), await rows(bob));

    // A server dies. What the others say meanwhile is there when it has come back.
    await fleet.servers[1].kill();
    await waitForConnection(bob, ...away);
    await say(bob, 'Written while it was away');
    await say(ann, 'Still here?');
    await fleet.servers[1].start();
    await online(bob);
    for (const page of [ann, bob]) {
      await see(page, 'Still here?');
      await see(page, 'Written while it was away');
    }
    assert.deepEqual((await rows(ann)).map(({ seq }) => seq), [1, 2, 3, 4]);
    assert.deepEqual(await rows(ann), await rows(bob));
  } finally {
    for (const rig of rigs) await rig.dispose();
    await fleet.dispose();
  }
});
