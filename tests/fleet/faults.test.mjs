// What may happen to a fleet of three under load, one thing at a time, and what must be true then:
// nothing acknowledged is lost or doubled, all see one order, and others go on.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { within } from '../e2e/harness.mjs';
import { Random } from '../web/random.mjs';
import { Spoiler } from './cable.mjs';
import { Fleet } from './fleet.mjs';
import { Load } from './load.mjs';

const RATE = 100;       // messages a second
// How long a broker or a database is away: STARLING_AWAY_SECONDS.
const AWAY_MS = Number(process.env.STARLING_AWAY_SECONDS ?? 4) * 1000;
const TEST_MS = 300_000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const random = Random.fromEnvironment();
console.log(`STARLING_SEED=${random.seed}`);

let fleet;
let load;
const spoilers = [];

before(async () => {
  fleet = await Fleet.start({
    spoiler: () => {
      const spoiler = new Spoiler(random, { lose: 0, double: 0, reorder: 0 });
      spoilers.push(spoiler);
      return spoiler;
    },
  });
  await fleet.together();
});
after(() => fleet?.dispose());

// Each test has people and rooms of its own, and leaves the fleet whole.
async function under_load(acts) {
  load = await Load.start(fleet, { people: 12, rooms: 3, random });
  load.talk(RATE);
  await load.more(200);
  await acts();
  await load.more(200, 'messages go on afterwards');
  await load.settle();
  await load.compare();
}
afterEach(async () => {
  await load?.end();
  load = undefined;
  if (!fleet.broker.running) await fleet.broker.run();
  if (!fleet.database.running) await fleet.database.run();
  for (const server of fleet.servers) {
    server.cables.broker.restore();
    server.cables.database.restore();
    if (!fleet.running.includes(server)) await server.start();
  }
  await fleet.together();
});

// That much of time, as {since, until}.
async function passing(ms) {
  const since = performance.now();
  await pause(ms);
  return { since, until: performance.now() };
}

const seconds = (from) => (performance.now() - from) / 1000;

// What was said in that time, {since, until}, came to other servers within a second. To be asked when
// all of it must have come.
function by_the_archive(time, what) {
  const { count, p99 } = load.latency(time);
  assert.ok(count > 50 && p99 < 1_000, `${what} p99 was ${p99} ms of ${count}`);
}

async function back_on_the_bus(servers) {
  const begin = performance.now();
  for (const server of servers) await fleet.busUp(server);
  assert.ok(seconds(begin) < 5, `back on the bus after ${seconds(begin)} s`);
}

test('a server is killed, three times', { timeout: TEST_MS }, () => under_load(async () => {
  for (const server of fleet.servers) {
    await server.kill();
    await load.more(100, 'the others go on');
    await server.start();
    await load.more(100);
  }
}));

test('a server is killed between its commit and the word of it', { timeout: TEST_MS }, async () => {
  load = await Load.start(fleet, { people: 6, rooms: 1, random });
  const [first] = fleet.servers;
  const [speaker] = load.members.filter((member) => member.server === first);
  const elsewhere = load.members.filter((member) => member.server !== first);
  first.cables.broker.silence();
  speaker.say();
  await load.more(1, 'the message is acknowledged');
  first.child.kill('SIGKILL');
  first.cables.broker.cut();
  const all_have_it = async () => {
    while (elsewhere.some((member) => member.view.length < 1)) await pause(10);
  };
  await within(all_have_it(), 'members on other servers have it', 10_000);
  await first.ended;
  await first.start();
  first.cables.broker.restore();
  await load.settle();
  await load.compare();
});

test('a server stands still for 12 s', { timeout: TEST_MS }, () => under_load(async () => {
  const [frozen, ...others] = fleet.servers;
  frozen.child.kill('SIGSTOP');
  const begin = performance.now();
  const speakers = load.members.filter((member) => others.includes(member.server));
  const before_that = new Map(speakers.map((member) => [member, member.view.length]));
  // Also in the rooms whose rows it may have locked.
  while (speakers.some((member) => member.view.length < before_that.get(member) + 10)) await pause(10);
  assert.ok(seconds(begin) < 9, `the others went on after ${seconds(begin)} s`);
  await pause(Math.max(0, 12_000 - (performance.now() - begin)));
  frozen.child.kill('SIGCONT');
}));

test('the broker is restarted', { timeout: TEST_MS }, () => under_load(async () => {
  await fleet.broker.stop();
  const time = await passing(3_000);
  await fleet.broker.run();
  await back_on_the_bus(fleet.servers);
  by_the_archive(time, 'without the bus');
}));

test('the broker is killed', { timeout: TEST_MS }, () => under_load(async () => {
  await fleet.broker.kill();
  const time = await passing(3_000);
  await fleet.broker.run();
  await back_on_the_bus(fleet.servers);
  by_the_archive(time, 'without the bus');
}));

test('the broker runs out of memory', { timeout: TEST_MS }, () => under_load(async () => {
  let time;
  await fleet.broker.alarm(true);
  try {
    const told = fleet.servers.map((server) => fleet.metric(server, 'starling_bus_blocked', (blocked) => blocked === 1));
    await within(Promise.all(told), 'the servers are told');
    time = await passing(AWAY_MS);
  } finally {
    await fleet.broker.alarm(false);
  }
  await back_on_the_bus(fleet.servers);
  by_the_archive(time, 'with a broker that takes nothing');
}));

test('the broker stands still', { timeout: TEST_MS }, () => under_load(async () => {
  fleet.broker.pause();
  await pause(AWAY_MS);
  await load.more(100, 'messages go on').finally(() => fleet.broker.resume());
  await back_on_the_bus(fleet.servers);
}));

// Where nobody is told, see links.test.mjs.
test("a server's connections to the broker are cut", { timeout: TEST_MS }, () => under_load(async () => {
  const [lonely] = fleet.servers;
  lonely.cables.broker.cut();
  await pause(AWAY_MS);
  lonely.cables.broker.restore();
  await back_on_the_bus([lonely]);
}));

test("a server's connections to the database are cut", { timeout: TEST_MS }, () => under_load(async () => {
  const [lonely] = fleet.servers;
  lonely.cables.database.cut();
  const time = await passing(AWAY_MS);
  const { count, p99 } = load.latency({ ...time, counts: (from, to) => from !== lonely && to !== lonely });
  assert.ok(count > 50 && p99 < 1_000, `between the others p99 was ${p99} ms of ${count}`);
  lonely.cables.database.restore();
}));

test('all connections to the broker are cut', { timeout: TEST_MS }, () => under_load(async () => {
  for (const server of fleet.servers) server.cables.broker.cut();
  const time = await passing(AWAY_MS);
  for (const server of fleet.servers) server.cables.broker.restore();
  await back_on_the_bus(fleet.servers);
  by_the_archive(time, 'without the bus');
}));

test('the database is stopped', { timeout: TEST_MS }, () => under_load(async () => {
  await fleet.database.stop();
  await pause(AWAY_MS);
  await fleet.database.run();
  const begin = performance.now();
  await load.more(1, 'messages are kept again');
  assert.ok(seconds(begin) < 5, `going on after ${seconds(begin)} s`);
}));

test('the database is killed', { timeout: TEST_MS }, () => under_load(async () => {
  await fleet.database.kill();
  await pause(2_000);
  await fleet.database.run();
  const begin = performance.now();
  await load.more(1, 'messages are kept again');
  assert.ok(seconds(begin) < 5, `going on after ${seconds(begin)} s`);
}));

test('the bus loses, doubles and reorders what it carries', { timeout: TEST_MS }, () => under_load(async () => {
  for (const spoiler of spoilers) Object.assign(spoiler, { lose: 0.1, double: 0.1, reorder: 0.1 });
  await load.more(1_000);
  for (const spoiler of spoilers) Object.assign(spoiler, { lose: 0, double: 0, reorder: 0 });
  for (const { lost, doubled, reordered } of spoilers) assert.ok(lost > 5 && doubled > 5 && reordered > 5);
}));

test('a server comes, and one goes', { timeout: TEST_MS }, () => under_load(async () => {
  const added = await fleet.add();
  for (const member of load.members.slice(0, 4)) {
    member.server = added;
    member.socket.terminate();
  }
  await load.more(200, 'messages go on with one more');
  const [other] = fleet.servers;
  const known = await fleet.metric(other, 'starling_bus_servers', (count) => count >= 3);
  assert.equal(await added.stop(), 0);
  // The others know that it has gone, and do not wait for its beats.
  await within(fleet.metric(other, 'starling_bus_servers', (count) => count < known), 'one less is known', 5_000);
  await load.more(200, 'messages go on with one less');
  fleet.servers.splice(fleet.servers.indexOf(added), 1);
  added.cables.database.dispose();
  added.cables.broker.dispose();
}));
