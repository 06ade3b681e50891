// A server in a network namespace of its own, whose lines to the broker, the database or both are out,
// at the other end or with their link down: no connection is told, packets are gone. What must be true
// then for it, and that the others notice nothing.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { within } from '../e2e/harness.mjs';
import { Random } from '../web/random.mjs';
import { Fleet } from './fleet.mjs';
import { Load } from './load.mjs';

const RATE = 100; // messages a second
// How long a link is down: STARLING_AWAY_SECONDS. Silence is noticed after some 4 s.
const AWAY_MS = Number(process.env.STARLING_AWAY_SECONDS ?? 8) * 1000;
const NOTICED_MS = 4_500;
const TEST_MS = 300_000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const seconds = (from) => (performance.now() - from) / 1000;

const random = Random.fromEnvironment();
console.log(`STARLING_SEED=${random.seed}`);

let fleet;
let load;
before(async () => {
  fleet = await Fleet.start({ networks: true });
  await fleet.together();
});
after(() => fleet?.dispose());
afterEach(async () => {
  await load?.end();
  load = undefined;
  for (const { cables } of fleet.servers) for (const line of Object.values(cables)) line.restore();
  await fleet.together();
});

// Nobody's connection ends in it: clients wait, and are not sent elsewhere.
async function under_load(acts) {
  load = await Load.start(fleet, { people: 12, rooms: 3, random });
  load.talk(RATE);
  await load.more(200);
  const sockets = load.members.map((member) => member.socket);
  await acts();
  await load.more(200, 'messages go on afterwards');
  await load.settle();
  await load.compare();
  assert.deepEqual(load.members.map((member) => member.socket), sockets, 'everybody stayed where they were');
}

// What was said in that time came from one server to another in less than a second, to or from `lonely`
// or not. To be asked when all of it must have come.
function at_once(time, lonely, touching, what) {
  const counts = (from, to) => (from === lonely || to === lonely) === touching;
  const { count, p99 } = load.latency({ ...time, counts });
  assert.ok(count > 50 && p99 < 1_000, `${what}: p99 was ${p99} ms of ${count}`);
}

// A member of that server has its next answer within 5 s.
async function goes_on(server) {
  const begin = performance.now();
  const its = load.members.filter((member) => member.server === server);
  while (!its.some((member) => member.answered > begin)) await pause(10);
  assert.ok(seconds(begin) < 5, `${server.name} went on after ${seconds(begin)} s`);
}

async function back_on_the_bus(server) {
  const begin = performance.now();
  await fleet.busUp(server);
  assert.ok(seconds(begin) < 5, `back on the bus after ${seconds(begin)} s`);
}

test('the link to the broker is down', { timeout: TEST_MS }, () => under_load(async () => {
  const [lonely] = fleet.servers;
  const cut = performance.now();
  lonely.cables.broker.pull_far();
  await pause(NOTICED_MS);
  const noticed = performance.now();
  await pause(AWAY_MS - NOTICED_MS);
  const until = performance.now();
  lonely.cables.broker.restore();
  await back_on_the_bus(lonely);
  at_once({ since: noticed, until }, lonely, true, 'to it and from it, by the archive');
  at_once({ since: cut, until }, lonely, false, 'between the others');
}));

// The time of being cut off in which nothing of that server holds up the others: what it may have locked
// in the database is free after 6 s. It notices by itself that it is alone.
async function free_of(lonely) {
  const begin = performance.now();
  await pause(6_000);
  const free = performance.now();
  await within(not_ready(lonely), 'the server is not ready', 15_000);
  await pause(AWAY_MS - (performance.now() - begin));
  return { since: free, until: performance.now() };
}

async function not_ready(server) {
  while ((await server.call('GET', '/readyz')).status !== 503) await pause(50);
}

test('the link to the database is down', { timeout: TEST_MS }, () => under_load(async () => {
  const [lonely] = fleet.servers;
  lonely.cables.database.pull_far();
  const time = await free_of(lonely);
  lonely.cables.database.restore();
  await goes_on(lonely);
  at_once(time, lonely, false, 'between the others');
}));

test('both links are down', { timeout: TEST_MS }, () => under_load(async () => {
  const [lonely] = fleet.servers;
  for (const line of Object.values(lonely.cables)) line.pull();
  const time = await free_of(lonely);
  for (const line of Object.values(lonely.cables)) line.restore();
  await Promise.all([goes_on(lonely), back_on_the_bus(lonely)]);
  at_once(time, lonely, false, 'between the others');
}));
