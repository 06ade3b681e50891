// What servers tell each other and nobody keeps: who is where, who types, what was read, which token
// ended; and what the archive shows of it. Real servers around a real RabbitMQ and MariaDB.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LIMIT_MS, Server, run } from '../e2e/harness.mjs';
import { startMariadb } from './mariadb.mjs';
import { startRabbitmq } from './rabbitmq.mjs';

let mariadb;
let rabbitmq;
let databases = 0;
before(async () => ([mariadb, rabbitmq] = await Promise.all([startMariadb(), startRabbitmq()])));
after(() => Promise.all([mariadb.dispose(), rabbitmq.dispose()]));

// Servers on a database of their own; each is heard by the others before this returns.
async function fleet(t, count) {
  const url = await mariadb.database(`signals${++databases}`);
  const env = { STARLING_STORE__URL: url, STARLING_BUS__URL: `amqp://guest:guest@127.0.0.1:${rabbitmq.port}/` };
  const migrated = await run(['migrate', 'up'], { env: { STARLING_STORE__URL: url } });
  assert.equal(migrated.code, 0, migrated.stderr);
  const servers = [];
  t.after(() => Promise.all(servers.map((server) => server.dispose())));
  const config = `[auth]\nsecret = "secret of test ${databases}, shared"\nregistrations_per_hour = 0\n[presence]\ngrace_ms = 200\n`;
  for (let i = 0; i < count; ++i) servers.push(await Server.start({ config, env }));
  const ann = await servers[0].user('ann');
  for (const server of servers) await known(server, ann, (all) => all.filter(alive).length === count);
  return { servers, ann };
}

const alive = (server) => server.state === 'alive';

// Asks until the answer is as wanted; what happens between servers has no event to wait for.
async function eventually(ask, wanted, what, limit = LIMIT_MS) {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > deadline) assert.fail(`${what}; the last answer: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const known = (server, user, wanted, limit) =>
  eventually(async () => (await server.call('GET', '/api/fleet', { token: user.token })).body.servers, wanted, 'the fleet is known', limit);
const online = (server, user, asker, wanted, limit) =>
  eventually(async () => (await server.call('GET', `/api/users/${user.id}`, { token: asker.token })).body.isOnline,
    (is) => is === wanted, `${user.username} is ${wanted ? 'online' : 'offline'}`, limit);
const about = (type, user) => (frame) => frame.type === type && frame.userId === user.id;

test('who comes to one server is seen on the others, and typing, and who goes', async (t) => {
  const { servers: [a, b], ann } = await fleet(t, 2);
  const bob = await a.user('bob');
  const here = await a.member(ann, 'r');
  const there = await b.member(bob, 'r');
  const joined = await here.next(about('user_joined', bob));
  assert.equal(joined.username, 'bob');
  assert.equal(joined.onlineCount, 2);
  await eventually(async () => (await b.call('GET', '/api/rooms/r', { token: ann.token })).body.onlineCount,
    (count) => count === 2, 'both are counted there');
  there.send({ type: 'typing', roomId: 'r', isTyping: true });
  assert.equal((await here.next(about('typing', bob))).isTyping, true);
  there.send({ type: 'typing', roomId: 'r', isTyping: false });
  assert.equal((await here.next(about('typing', bob))).isTyping, false);
  await there.close();
  assert.equal((await here.next(about('user_left', bob))).onlineCount, 1);
  await online(a, bob, ann, false);
});

test('a read pointer moves on the sockets of its user everywhere', async (t) => {
  const { servers: [a, b], ann } = await fleet(t, 2);
  const bob = await a.user('bob');
  const here = await a.member(ann, 'r');
  const there = await b.member(ann, 'r');
  const other = await a.member(bob, 'r');
  for (let i = 1; i <= 3; ++i) other.send({ type: 'chat_message', roomId: 'r', content: `${i}`, clientMessageId: `${i}` });
  const third = (frame) => frame.type === 'chat_message' && frame.content === '3';
  await Promise.all([here.next(third), there.next(third)]);
  // Each server has heard that she is on the other one.
  const members = async (server) => (await server.call('GET', '/api/rooms/r', { token: ann.token })).body.onlineCount;
  await eventually(() => members(b), (count) => count === 2, 'everybody is known there');
  there.send({ type: 'mark_read', roomId: 'r', seq: 2 });
  const update = await here.next('read_update');
  assert.deepEqual([update.seq, update.headSeq, update.unread], [2, 3, 1]);
});

test('a logout closes the sockets of the token on every server', async (t) => {
  const { servers: [a, b], ann } = await fleet(t, 2);
  const there = await b.session(ann);
  assert.equal((await a.call('DELETE', '/api/sessions', { token: ann.token })).status, 204);
  assert.equal((await there.closed).code, 4200);
  assert.equal((await b.call('GET', '/api/users', { token: ann.token })).status, 401);
});

test('users of servers that were all killed at once are offline soon after the first is back', async (t) => {
  const { servers: [a, b], ann } = await fleet(t, 2);
  const [bob, eve] = [await a.user('bob'), await a.user('eve')];
  await a.session(bob);
  await b.session(eve);
  for (const one of [bob, eve]) await online(a, one, ann, true);
  await Promise.all([a.kill(), b.kill()]);
  await Promise.all([a.start(), b.start()]);
  await b.session(eve); // who came again is not sent away
  await online(a, bob, ann, false, 60_000);
  await online(a, eve, ann, true);
});

test('users of a killed server are gone everywhere after ten seconds, and those who moved are not', async (t) => {
  const { servers: [a, b, c], ann } = await fleet(t, 3);
  const [bob, eve] = [await a.user('bob'), await a.user('eve')];
  const watching = await a.member(ann, 'r');
  await c.member(bob, 'r');
  await c.member(eve, 'r');
  await watching.next(about('user_joined', bob));
  await watching.next(about('user_joined', eve));
  await c.kill();
  await b.member(eve, 'r');
  assert.equal((await watching.next(about('user_left', bob), 30_000)).onlineCount, 2);
  await online(b, bob, ann, false);
  await online(b, eve, ann, true);
  assert.ok(!watching.frames.some(about('user_left', eve)));
  const [lost] = (await known(a, ann, (all) => all.some((one) => !alive(one)))).filter((one) => !alive(one));
  assert.equal(lost.address, `127.0.0.1:${c.port}`);
  const status = () => run(['status', '--data-dir', `${a.folder}/data`]);
  const { code } = await eventually(status, ({ stdout }) => stdout.includes(`other   ${lost.serverId}  ${lost.address}  silent`), 'status says so, too');
  assert.equal(code, 0);
});
