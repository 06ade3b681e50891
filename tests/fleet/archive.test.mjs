// Servers that share an archive in MariaDB: one order, nothing twice, nothing lost, whatever happens
// to them or to it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { Server, UNLIMITED, run, within } from '../e2e/harness.mjs';
import { DatabaseProxy } from './database_proxy.mjs';
import { startMariadb } from './mariadb.mjs';

const config = `[auth]\nsecret = "a secret that servers share"\n[limits]\n${UNLIMITED}`;
const env = (url) => ({ STARLING_STORE__URL: url });
const insertion = /^INSERT INTO messages/m;
let mariadb;
let databases = 0;
before(async () => (mariadb = await startMariadb()));
after(() => mariadb.dispose());

// `count` servers on a database of their own; `urls`: how each of them gets there, if not directly.
async function fleet(t, count, urls = []) {
  const url = await mariadb.database(`fleet${++databases}`);
  const migrated = await run(['migrate', 'up'], { env: env(url) });
  assert.equal(migrated.code, 0, migrated.stderr);
  const servers = [];
  t.after(() => Promise.all(servers.map((server) => server.dispose())));
  for (let i = 0; i < count; ++i) {
    const through = urls[i]?.replace(/[^/]*$/, url.match(/[^/]*$/)[0]) ?? url;
    servers.push(await Server.start({ config, env: env(through) }));
  }
  const rows = (sql) => mariadb.query(sql, url.match(/[^/]*$/)[0]);
  return { servers, rows };
}

async function proxied(t, options) {
  const proxy = await DatabaseProxy.start(mariadb, options);
  t.after(() => proxy.close());
  return proxy;
}

// A session that is in these rooms.
async function enter(server, user, ...rooms) {
  const client = await server.session(user);
  for (const roomId of rooms) {
    client.send({ type: 'join_room', roomId });
    await client.next((frame) => frame.type === 'room_joined' && frame.roomId === roomId);
  }
  return client;
}

const say = (client, clientMessageId, roomId = 'a') => {
  client.send({ type: 'chat_message', roomId, content: `of ${clientMessageId}`, clientMessageId });
  return clientMessageId;
};
const answer = (client, id, limit) =>
  client.next((f) => (f.type === 'message_sent' || f.type === 'error') && f.clientMessageId === id, limit);
const post = (client, id, roomId) => answer(client, say(client, id, roomId));

// Whatever comes of it, the message is repeated until it is accepted: its acknowledgement.
async function insist(client, id, roomId) {
  for (;;) {
    const got = await post(client, id, roomId);
    if (got.type === 'message_sent') return got;
    assert.equal(got.code, 'unavailable', JSON.stringify(got));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// Every room is numbered 1, 2, 3, ..., each event knows the one before it, no key is there twice,
// heads are what is there, and what was acknowledged is there under its number.
async function in_order(rows, acknowledged) {
  const all = await rows('SELECT room_id, seq, id, prev_id, sender_id, client_message_id FROM messages ORDER BY room_id, seq');
  const last = new Map();
  for (const [room, seq, id, prev] of all) {
    const before = last.get(room) ?? { seq: 0, id: '0' };
    assert.equal(Number(seq), before.seq + 1, `${room} has a hole before ${seq}`);
    assert.equal(prev, before.id, `${room} ${seq} follows another event`);
    last.set(room, { seq: Number(seq), id });
  }
  assert.equal(new Set(all.map(([room, , , , sender, key]) => `${room} ${sender} ${key}`)).size, all.length);
  for (const [room, head, id] of await rows('SELECT id, head, last_id FROM rooms WHERE head > 0')) {
    assert.deepEqual(last.get(room), { seq: Number(head), id });
  }
  const by_id = new Map(all.map(([room, seq, id]) => [id, `${room} ${seq}`]));
  for (const one of acknowledged) assert.equal(by_id.get(String(one.id)), `${one.roomId} ${one.seq}`);
  return all.length;
}

test('an archive that is not migrated is refused with the command that does it', async () => {
  const url = await mariadb.database('fresh');
  const refused = await run(['serve', '--port', '0', '--admin', '127.0.0.1:0', '--data-dir', mariadb.folder + '/own'], { env: env(url) });
  assert.equal(refused.code, 78);
  assert.match(refused.stderr, /run: starling migrate up$/m);
  const users = await run(['user', 'list'], { env: env(url) });
  assert.match(users.stderr, /the database is not migrated; run: starling migrate up/);
  const status = async () => JSON.parse((await run(['migrate', 'status', '--json'], { env: env(url) })).stdout);
  assert.equal((await status()).pending, 2);
  const tried = await run(['migrate', 'up', '--dry-run'], { env: env(url) });
  assert.match(tried.stdout, /^1 {2}pending/m);
  assert.equal((await status()).pending, 2, 'a dry run does nothing');
  const [one, other] = await Promise.all([1, 2].map(() => run(['migrate', 'up'], { env: env(url) })));
  assert.deepEqual([one.code, other.code], [0, 0], one.stderr + other.stderr);
  assert.equal((await status()).pending, 0);
  await mariadb.query('UPDATE schema_migrations SET checksum = 1', 'fresh');
  const other_build = await run(['migrate', 'status'], { env: env(url) });
  assert.match(other_build.stderr, /made by another build/);
});

test('nobody answers: exit code 69, and no password is shown', async () => {
  const refused = await run(['migrate', 'status'], { env: env('mysql://u:pass-word@127.0.0.1:1/x') });
  assert.equal(refused.code, 69);
  assert.ok(!refused.stderr.includes('pass-word'), refused.stderr);
});

test('two servers give one order, and one place to what both are told', async (t) => {
  const { servers, rows } = await fleet(t, 2);
  const users = await Promise.all(Array.from({ length: 6 }, (_, i) => servers[i % 2].user(`user${i}`)));
  const rooms = ['room0', 'room1', 'room2'];
  const clients = await Promise.all(users.map((user) => Promise.all(servers.map((server) => enter(server, user, ...rooms)))));
  const acknowledged = [];
  await Promise.all(clients.map(async ([one, other], u) => {
    for (let i = 0; i < 40; ++i) {
      const room = `room${(u + i) % 3}`;
      const [first, second] = await Promise.all([post(one, `m${i}`, room), post(other, `m${i}`, room)]);
      assert.equal(first.seq, second.seq, `m${i} of user${u}`);
      acknowledged.push({ ...first, roomId: room }, { ...second, roomId: room });
    }
  }));
  assert.equal(await in_order(rows, acknowledged), 6 * 40);
  const histories = await Promise.all(servers.map((server) =>
    server.call('GET', '/api/messages/room/room1?limit=100', { token: users[0].token })));
  assert.deepEqual(histories[0].body, histories[1].body);
});

test('a name that two servers are asked for at once is given once', async (t) => {
  const { servers, rows } = await fleet(t, 2);
  const made = await Promise.all(Array.from({ length: 40 }, (_, i) => servers[i % 2].call('POST', '/api/users',
    { body: { username: `name${i >> 1}`, email: 'a@example.org' } })));
  assert.equal(made.filter(({ status }) => status === 201).length, 20);
  assert.equal(made.filter(({ status }) => status === 409).length, 20);
  assert.deepEqual(await rows('SELECT count(*), count(DISTINCT id) FROM users'), [['20', '20']]);
});

test('the answer to a commit is lost: it is repeated, and there once', async (t) => {
  const proxy = await proxied(t);
  const { servers: [server], rows } = await fleet(t, 1, [proxy.url]);
  const ann = await enter(server, await server.user('ann'), 'a');
  for (const pass of [true, false]) {
    await insist(ann, `before-${pass}`); // the server believes in its archive again
    const caught = proxy.catch(/^COMMIT/, { pass, behind: insertion });
    say(ann, `kept-${pass}`);
    const line = await caught;
    if (pass) await proxy.answered(line);
    proxy.cut(line);
    const sent = await answer(ann, `kept-${pass}`);
    assert.equal(sent.type, 'message_sent');
    assert.notEqual(sent.duplicate, true);
    await ann.next((frame) => frame.type === 'chat_message' && frame.id === sent.id);
    await in_order(rows, [{ ...sent, roomId: 'a' }]);
  }
  assert.equal(await in_order(rows, []), 4);
});

test('a user without a password is made once, whether or not the commit before was kept', async (t) => {
  const proxy = await proxied(t);
  const { servers: [server], rows } = await fleet(t, 1, [proxy.url]);
  for (const pass of [true, false]) {
    await insist(await enter(server, await server.user(`before-${pass}`), 'a'), 'm');
    const caught = proxy.catch(/^COMMIT/, { pass, behind: /^INSERT INTO users/m });
    const made = server.call('POST', '/api/users', { body: { username: `ann-${pass}`, email: 'a@example.org' } });
    const line = await caught;
    if (pass) await proxy.answered(line);
    proxy.cut(line);
    assert.equal((await made).status, 201);
    assert.equal((await server.call('POST', '/api/users', { body: { username: `ANN-${pass}`, email: 'a@example.org' } })).status, 409);
  }
  assert.deepEqual(await rows('SELECT count(*), count(DISTINCT id) FROM users'), [['4', '4']]);
});

// Of MariaDB and, as the server sees it, of MySQL 8.
for (const plain of [false, true]) {
  test(`many messages are inserted together ${plain ? 'as text, where there are no arrays' : 'as arrays'}`, async (t) => {
    const proxy = await proxied(t, { plain });
    const { servers: [server], rows } = await fleet(t, 1, [proxy.url]);
    const clients = await Promise.all(Array.from({ length: 4 }, async (_, i) => enter(server, await server.user(`user${i}`), 'a', 'b')));
    // One of them is refused by the database, and nobody suffers by that.
    await rows("ALTER TABLE messages ADD CHECK (client_message_id <> 'poison')");
    const executed = async () => Number((await mariadb.query("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'"))[0][1]);
    const before = await executed();
    const caught = proxy.catch(/^COMMIT/, { pass: true, behind: insertion });
    say(clients[0], 'first');
    const line = await caught; // until it is let go, the others gather
    const key = (c, i) => (c === 0 && i === 77 ? 'poison' : `m${i}`);
    clients.forEach((client, c) => {
      for (let i = 0; i < 150; ++i) {
        client.send({ type: 'chat_message', roomId: i % 3 ? 'a' : 'b', content: `${i} 🐦 'quoted' \\ \u0000`, clientMessageId: key(c, i), metadata: i % 7 ? undefined : { i } });
      }
    });
    await Promise.all(clients.map((client) => client.settle()));
    proxy.release(line);
    const acknowledged = [];
    for (const [c, client] of clients.entries()) {
      for (let i = 0; i < 150; ++i) {
        const sent = await answer(client, key(c, i));
        if (key(c, i) === 'poison') assert.deepEqual([sent.type, sent.code], ['error', 'internal']);
        else acknowledged.push({ ...sent, roomId: i % 3 ? 'a' : 'b' });
      }
    }
    assert.equal(await in_order(rows, acknowledged), 1 + 4 * 150 - 1);
    const [[different]] = await rows("SELECT count(*) FROM messages WHERE client_message_id <> 'first' AND content <> CONCAT(SUBSTR(client_message_id, 2), \" 🐦 'quoted' \\\\ \", CHAR(0))");
    assert.equal(different, '0');
    assert.equal(await executed() > before, !plain, 'arrays are used where they are known');
  });
}

test('kill -9 between the commit and its answer: kept once', async (t) => {
  const proxy = await proxied(t);
  const { servers: [server], rows } = await fleet(t, 1, [proxy.url]);
  const user = await server.user('ann');
  const ann = await enter(server, user, 'a');
  const caught = proxy.catch(/^COMMIT/, { pass: true, behind: insertion });
  say(ann, 'key');
  await proxy.answered(await caught);
  await server.kill();
  await server.start();
  const again = await post(await enter(server, user, 'a'), 'key');
  assert.deepEqual([again.type, again.duplicate, again.seq], ['message_sent', true, 1]);
  assert.equal(await in_order(rows, [{ ...again, roomId: 'a' }]), 1);
});

test('kill -9 before the commit: nobody has seen it, and it never was', async (t) => {
  const proxy = await proxied(t);
  const { servers: [server], rows } = await fleet(t, 1, [proxy.url]);
  const users = [await server.user('ann'), await server.user('bob')];
  const clients = [await enter(server, users[0], 'a'), await enter(server, users[1], 'a')];
  const caught = proxy.catch(/^COMMIT/, { pass: false, behind: insertion });
  say(clients[0], 'lost');
  await caught;
  await clients[1].settle(); // shards turn meanwhile
  await server.kill();
  for (const client of clients) {
    await within(client.closed, 'the end of the connection'); // behind all that was sent
    assert.deepEqual(client.frames.filter(({ type }) => type === 'chat_message' || type === 'message_sent'), []);
  }
  await server.start();
  const next = await post(await enter(server, users[1], 'a'), 'next');
  assert.deepEqual([next.type, next.seq], ['message_sent', 1]);
  assert.equal(await in_order(rows, [{ ...next, roomId: 'a' }]), 1);
});

test('a server that stands still in a transaction holds up the others for less than 6 s', async (t) => {
  const proxy = await proxied(t);
  const { servers: [frozen, other], rows } = await fleet(t, 2, [proxy.url]);
  const [ann, bob] = [await enter(frozen, await frozen.user('ann'), 'a'), await enter(other, await other.user('bob'), 'a', 'b')];
  await post(ann, 'before');
  const caught = proxy.catch(insertion, { pass: true });
  say(ann, 'frozen');
  const line = await caught;
  frozen.child.kill('SIGSTOP');
  const begun = Date.now();
  const elsewhere = await post(bob, 'elsewhere', 'b');
  const free = Date.now() - begun;
  const sent = await insist(bob, 'meanwhile');
  const waited = Date.now() - begun;
  proxy.release(line);
  frozen.child.kill('SIGCONT');
  const late = await answer(ann, 'frozen');
  t.diagnostic(`in another room after ${free} ms, in the same room after ${waited} ms`);
  assert.ok(waited < 6_000, `${waited} ms`);
  assert.equal(late.type, 'message_sent');
  assert.ok(late.seq > sent.seq, 'what was rolled back is numbered anew');
  assert.equal(await in_order(rows, [{ ...sent, roomId: 'a' }, { ...late, roomId: 'a' }, { ...elsewhere, roomId: 'b' }]), 4);
});

// A client of the database that does one statement after the other.
function session(t, database) {
  const child = spawn('mariadb', ['--no-defaults', '-uroot', '-S', mariadb.socket, '-N', '-B', '-n', database]);
  t.after(() => child.kill());
  let text = '';
  let changed = () => {};
  child.stdout.on('data', (data) => ((text += data), changed()));
  return async (sql) => {
    const mark = `done ${Math.random()}`;
    child.stdin.write(`${sql}; SELECT '${mark}';\n`);
    await within(new Promise((resolve) => {
      changed = () => text.includes(mark) && resolve();
      changed();
    }), sql);
  };
}

const lock_waits = async () => (await mariadb.query("SELECT trx_id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")).flat();
// Until so many wait, and not in the transactions of `others`; who waits.
const waiting = (count, others = []) => within((async () => {
  for (;;) {
    const now = (await lock_waits()).filter((id) => !others.includes(id));
    if (now.length >= count) return now;
    await new Promise((resolve) => setTimeout(resolve, 110)); // the table is made anew after 100 ms only
  }
})(), `${count} transactions wait`);

test('a room that is free again does not wait for one that is not', async (t) => {
  const { servers: [server], rows } = await fleet(t, 1);
  const ann = await enter(server, await server.user('ann'), 'a', 'b');
  for (const room of ['a', 'b']) await post(ann, `before-${room}`, room);
  const [one, other] = [session(t, `fleet${databases}`), session(t, `fleet${databases}`)];
  await one("START TRANSACTION; SELECT id FROM rooms WHERE id = 'a' FOR UPDATE");
  await other("START TRANSACTION; SELECT id FROM rooms WHERE id = 'b' FOR UPDATE");
  say(ann, 'of-a', 'a');
  const seen = await waiting(1);
  say(ann, 'of-b', 'b');
  // The first waited for, set aside and tried again; so is the second; then both are tried together.
  while (seen.length < 4) seen.push(...await waiting(1, seen));
  await other('ROLLBACK');
  const sent = await answer(ann, 'of-b');
  assert.equal(sent.type, 'message_sent');
  await one('ROLLBACK');
  await insist(ann, 'of-a', 'a');
  assert.equal(await in_order(rows, [{ ...sent, roomId: 'b' }]), 4);
});

test('a room that stays locked is told to its senders, and is used when it is free', async (t) => {
  const { servers: [server], rows } = await fleet(t, 1);
  const ann = await enter(server, await server.user('ann'), 'a', 'b');
  for (const room of ['a', 'b']) await post(ann, `before-${room}`, room);
  const one = session(t, `fleet${databases}`);
  await one("START TRANSACTION; SELECT id FROM rooms WHERE id = 'a' FOR UPDATE");
  say(ann, 'of-a', 'a');
  const told = await answer(ann, 'of-a');
  assert.deepEqual([told.type, told.code, told.retryable], ['error', 'unavailable', true]);
  await post(ann, 'of-b', 'b');
  await one('ROLLBACK');
  await insist(ann, 'of-a', 'a');
  assert.equal(await in_order(rows, []), 4);
});

test('a page of the history with a hole is given to nobody', async (t) => {
  const { servers: [server], rows } = await fleet(t, 1);
  const user = await server.user('ann');
  const ann = await enter(server, user, 'a');
  for (let i = 0; i < 12; ++i) await post(ann, `m${i}`);
  const page = (n) => server.call('GET', `/api/messages/room/a?page=${n}&limit=4`, { token: user.token });
  for (const seq of [6, 12]) {
    await rows(`CREATE TABLE away AS SELECT * FROM messages WHERE seq = ${seq}; DELETE FROM messages WHERE seq = ${seq}`);
    assert.equal((await page(seq === 6 ? 2 : 3)).status, 503, `${seq} is missing`);
    await rows('INSERT INTO messages SELECT * FROM away; DROP TABLE away');
    assert.equal((await page(seq === 6 ? 2 : 3)).body.messages.length, 4);
  }
});

test('a deadlock costs nobody anything', async (t) => {
  const { servers: [server, second], rows } = await fleet(t, 2);
  const ann = await enter(server, await server.user('ann'), 'a');
  const bob = await enter(second, await second.user('bob'), 'a');
  await post(ann, 'before');
  const rival = session(t, `fleet${databases}`);
  await rival('CREATE TABLE heavy (id INT PRIMARY KEY) ENGINE=InnoDB');
  await rival('START TRANSACTION');
  await rival(`INSERT INTO heavy VALUES ${Array.from({ length: 500 }, (_, i) => `(${i})`)}`);
  await rival('SELECT id FROM users WHERE id = 1 FOR UPDATE');
  say(ann, 'in-between');
  // The server holds the room and waits for the user; another server waits for the room; the rival
  // now wants it, too.
  const first = await waiting(1);
  say(bob, 'behind');
  await waiting(1, first);
  await rival("SELECT id FROM rooms WHERE id = 'a' FOR UPDATE");
  await rival('ROLLBACK');
  const sent = await answer(ann, 'in-between');
  const behind = await answer(bob, 'behind');
  assert.deepEqual([sent.type, behind.type], ['message_sent', 'message_sent']);
  const [[, deadlocks]] = await mariadb.query("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'");
  assert.ok(Number(deadlocks) > 0, 'there was one');
  assert.equal(await in_order(rows, [{ ...sent, roomId: 'a' }, { ...behind, roomId: 'a' }]), 3);
});

test('an idle server keeps its connection, and a head that went back is a new epoch', async (t) => {
  const { servers: [server], rows } = await fleet(t, 1);
  const user = await server.user('ann');
  const ann = await enter(server, user, 'a');
  for (let i = 0; i < 3; ++i) await post(ann, `m${i}`);
  const [[epoch]] = await rows("SELECT value FROM meta WHERE name = 'epoch'");
  await rows("DELETE FROM messages WHERE seq > 1; UPDATE rooms SET head = 1, messages = 1, last_id = (SELECT max(id) FROM messages) WHERE id = 'a'");
  const sent = await insist(await enter(server, user, 'a'), 'after');
  const [[raised]] = await rows("SELECT value FROM meta WHERE name = 'epoch'");
  assert.ok(BigInt(raised) > BigInt(epoch), 'raised');
  assert.equal(sent.seq, 2);
});

test('the database is killed, stopped and started under load: what was acknowledged is there', async (t) => {
  const { servers, rows } = await fleet(t, 2);
  const users = await Promise.all(Array.from({ length: 4 }, (_, i) => servers[i % 2].user(`user${i}`)));
  const clients = await Promise.all(users.map((user, i) => enter(servers[i % 2], user, 'room0', 'room1')));
  const acknowledged = [];
  let stopping = false;
  let newest = 0; // when the last acknowledgement came
  const senders = clients.map(async (client, u) => {
    for (let i = 0; !stopping; ++i) {
      const roomId = `room${(u + i) % 2}`;
      acknowledged.push({ ...(await insist(client, `m${i}`, roomId)), roomId });
      newest = Date.now();
    }
  });
  const some_more = async () => {
    const goal = acknowledged.length + 40;
    while (acknowledged.length < goal) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const pauses = [];
  await within(some_more(), 'a beginning');
  for (const end of ['kill', 'stop', 'kill']) {
    await mariadb[end]();
    const refused = await servers[0].call('GET', '/api/messages/room/room0', { token: users[0].token });
    assert.equal(refused.status, 503);
    await mariadb.run();
    const back = Date.now();
    await within(some_more(), `going on after ${end}`);
    pauses.push(newest - back);
  }
  stopping = true;
  await Promise.all(senders);
  t.diagnostic(`${acknowledged.length} acknowledged; 40 more within ${pauses} ms of the database's return`);
  await in_order(rows, acknowledged);
  for (const server of servers) assert.equal(await server.stop(), 0);
});

test('who is disabled at one place is out everywhere, and enters no room from then on', async (t) => {
  const { servers, rows } = await fleet(t, 2);
  const on = (words, input) => run(words, { env: env(servers[0].options.env.STARLING_STORE__URL), input });
  const made = await on(['user', 'add', 'ann'], 'a-password-to-begin-with');
  assert.equal(made.code, 0, made.stderr);
  assert.equal((await on(['user', 'add', 'ANN', '--no-password'])).code, 73);
  const login = () => servers[1].call('POST', '/api/sessions', { body: { username: 'ann', password: 'a-password-to-begin-with' } });
  const { token } = (await login()).body;
  const clients = [];
  for (const server of servers) clients.push(await enter(server, { token }, 'a'));
  const disabled = await on(['user', 'disable', 'ann']);
  assert.equal(disabled.code, 0, disabled.stderr);
  // Servers look every ten seconds; until then the archive refuses.
  const said = await Promise.race([clients[1].closed, post(clients[1], 'late')]);
  if (said.type) assert.deepEqual([said.type, said.code], ['error', 'forbidden']);
  assert.deepEqual(await rows('SELECT user_id, room_id, kind, until FROM restrictions'), [[String(1), '*', 'ban', '0']]);
  assert.equal((await login()).status, 401);
  for (const client of clients) assert.equal((await within(client.closed, 'the close')).code, 4200);
  assert.deepEqual(await rows('SELECT count(*) FROM messages'), [['0']]);
  const seen = await on(['user', 'show', 'ann', '--json']);
  assert.equal(JSON.parse(seen.stdout).disabled, true);
});
