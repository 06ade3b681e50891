// Three servers, 200 people in 10 rooms, 500 messages a second, while servers, broker and database are
// killed, frozen and cut off: in the end every view, every history and the database agree, message by
// message. By default a fixed list of faults; STARLING_CHAOS_SECONDS=600 (tests/fleet/chaos) does it
// at random, and STARLING_SEED repeats the plan of a run, which prints it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../web/random.mjs';
import { Spoiler } from './cable.mjs';
import { Chaos } from './chaos.mjs';
import { Fleet } from './fleet.mjs';
import { Load } from './load.mjs';

const SECONDS = Number(process.env.STARLING_CHAOS_SECONDS ?? 0);
const RATE = Number(process.env.STARLING_CHAOS_RATE ?? 500);
const PEOPLE = Number(process.env.STARLING_CHAOS_PEOPLE ?? 200);

const list = [
  ['kill a server', 0, 4_000, 5_000],
  ['spoil the bus', 0, 5_000, 6_000],
  ['kill the broker', 0, 4_000, 2_000],
  ['kill a server', 1, 2_000, 8_000],
  ['freeze a server', 2, 6_000, 8_000],
  ['cut a server off from both, silently', 1, 5_000, 7_000],
  ['kill the database', 0, 4_000, 6_000],
  ['fill the broker', 0, 3_000, 1_000],
  ['stop the database', 0, 2_000, 8_000],
  ['drain a server', 0, 2_000, 4_000],
];

test('chaos', { timeout: (SECONDS + 600) * 1000 }, async () => {
  const random = Random.fromEnvironment();
  console.log(`STARLING_SEED=${random.seed}`);
  const spoilers = [];
  const fleet = await Fleet.start({
    spoiler: () => spoilers[spoilers.push(new Spoiler(random, { lose: 0, double: 0, reorder: 0 })) - 1],
  });
  let load;
  try {
    await fleet.together();
    load = await Load.start(fleet, { people: PEOPLE, rooms: 10, random });
    // What happens is decided apart from who says what, so that the seed repeats it.
    const chaos = new Chaos(fleet, new Random(random.seed), spoilers);
    const begin = performance.now();
    load.talk(RATE);
    await load.more(RATE);
    if (SECONDS > 0) await chaos.rage(SECONDS);
    else await chaos.follow(list);
    load.check();
    await load.more(RATE, 'messages go on in the end');
    const seconds = (performance.now() - begin) / 1000;
    const rate = load.acknowledged.size / seconds;
    await load.settle();
    await load.compare();
    const { count, p50, p99 } = load.latency();
    console.log(`${load.acknowledged.size} messages acknowledged, ${rate.toFixed(0)}/s over ${seconds.toFixed(0)} s; to members on other servers ${count}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(0)} ms`);
    assert.ok(load.acknowledged.size > RATE * 10);
  } finally {
    await load?.end();
    await fleet.dispose();
  }
});
