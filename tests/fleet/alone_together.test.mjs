// Servers without a bus: the database is all they have, and enough.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../web/random.mjs';
import { Fleet } from './fleet.mjs';
import { Load } from './load.mjs';

test('two servers find each other by the database alone', { timeout: 180_000 }, async () => {
  const fleet = await Fleet.start({ servers: 2, bus: false });
  let load;
  try {
    load = await Load.start(fleet, { people: 6, rooms: 2, random: Random.fromEnvironment() });
    load.talk(100);
    await load.more(500);
    await load.settle();
    await load.compare();
    const { count, p99 } = load.latency();
    assert.ok(count > 300 && p99 < 1_000, `p99 was ${p99} ms of ${count}`);
  } finally {
    await load?.end();
    await fleet.dispose();
  }
});
