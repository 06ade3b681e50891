// A server drains with its clients on it, who talk meanwhile (STARLING_DRAIN_CLIENTS=1000): each comes back to the other server at
// the time that it was given, nobody is refused, and nothing is lost or doubled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { within } from '../e2e/harness.mjs';
import { Random } from '../web/random.mjs';
import { Fleet } from './fleet.mjs';
import { Load } from './load.mjs';

const CLIENTS = Number(process.env.STARLING_DRAIN_CLIENTS ?? 200);
const WINDOW_MS = 5_000;

test(`a drain with ${CLIENTS} clients`, { timeout: 300_000 }, async (t) => {
  const fleet = await Fleet.start({ servers: 2, bus: false, env: { STARLING_SERVER__DRAIN_WINDOW_MS: `${WINDOW_MS}` } });
  t.after(() => fleet.dispose());
  const [draining, other] = fleet.servers;
  const seen = { running: [draining], database: fleet.database };
  const load = await Load.start(seen, { people: CLIENTS, rooms: 50, random: Random.fromEnvironment() });
  t.after(() => load.end());
  load.talk(50);
  await load.more(50);
  load.check();
  seen.running = [other];
  load.opens = [];
  load.refusals = 0;
  const begun = performance.now();
  assert.equal(await draining.stop(), 0);
  await within(until(() => load.opens.length === CLIENTS), 'everybody is back', 60_000);
  await load.more(50, 'all go on');
  await load.settle();
  await load.compare();
  assert.equal(load.refusals, 0, 'somebody was refused');
  const times = load.opens.map((at) => at - begun).sort((a, b) => a - b);
  const at = (part) => Math.round(times[Math.floor((times.length - 1) * part)]);
  console.log(`${times.length} came back: quarter ${at(0.25)} ms, half ${at(0.5)} ms, three quarters ${at(0.75)} ms, all ${at(1)} ms`);
  // A herd would be there at once; spread evenly, half of all take half of the window.
  assert.ok(at(0.75) - at(0.25) > WINDOW_MS / 4, `they came together: ${at(0.25)} to ${at(0.75)} ms`);
  assert.equal(new Set(times.map((time) => Math.floor(time / (WINDOW_MS / 20)))).size >= 15, true, 'in fewer than 15 of 20 parts of the window');
});

async function until(done) {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
}
