// The SDK as it is shipped (web/sdk/dist) against a real server: lines cut anywhere, the server killed, and
// in the end everybody has exactly what the archive has.
// STARLING_SDK_CUTS: how many connections are cut (300 by default).
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import WebSocket from 'ws';
import { Proxy } from '../web/chaos.mjs';
import { range, Server, UNLIMITED, within } from './harness.mjs';

const CUTS = Number(process.env.STARLING_SDK_CUTS ?? 300);
const ROOMS = ['one', 'two'];
const dist = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../web/sdk/dist/index.js');

assert.ok(existsSync(dist), `there is no ${dist}: npm run build --prefix web/sdk`);
const { Starling, StarlingError } = await import(pathToFileURL(dist));

// Resolves when `holds` does; looked at whenever the client tells of something.
function until(client, holds, what, limit) {
  return within(
    new Promise((resolve) => {
      const look = () => holds() && resolve();
      for (const event of ['state', 'room', 'pending', 'message', 'tombstone', 'deleted']) client.on(event, look);
      look();
    }),
    what,
    limit,
  );
}

class Person {
  constructor(line, user) {
    Object.assign(this, { user, seen: new Map(ROOMS.map((room) => [room, []])), sent: [], replaced: [], failures: [] });
    // Jitter of a tenth: hundreds of cuts take seconds, not minutes. Who falls far behind pages all of it.
    const random = () => Math.random() / 10;
    this.client = new Starling({ url: line.url, token: user.token, WebSocket, random, fillLimit: 1_000_000 });
    const { client } = this;
    for (const event of ['message', 'tombstone', 'deleted']) client.on(event, (what) => this.take(what));
    for (const event of ['gap', 'error']) client.on(event, (what) => this.failures.push({ event, ...what }));
    client.on('pending', ({ change, pending, message }) => {
      if (pending.state === 'failed') this.failures.push(pending);
      if (change !== 'removed') return;
      this.replaced.push([pending.clientMessageId, message?.clientMessageId]);
      this.write();
    });
    for (const room of ROOMS) void client.join(room, { afterSeq: 0 });
    client.connect();
  }

  take(event) {
    const seen = this.seen.get(event.roomId);
    if (event.seq !== seen.length + 1) this.failures.push({ expected: seen.length + 1, event });
    seen.push(event);
  }

  write() {
    while (this.writing && this.client.pending().length < 6) {
      this.sent.push(this.client.send(ROOMS[this.sent.length % 2], `${this.user.username} ${this.sent.length}`));
      if (this.sent.length % 7 === 0) {
        const room = ROOMS[this.sent.length % 2];
        this.client.markRead(room, this.client.memberships.get(room).seq);
      }
    }
  }
}

async function historyOf(server, token, room) {
  const messages = [];
  for (let more = true; more; ) {
    const afterSeq = messages.at(-1)?.seq ?? 0;
    const { body } = await server.call('GET', `/api/messages/room/${room}?afterSeq=${afterSeq}&limit=100`, { token });
    messages.push(...body.messages);
    more = body.messages.length > 0;
  }
  return messages;
}

test(`${CUTS} cuts and kill -9 in between: nothing is lost, doubled or reordered`, { timeout: 300_000 }, async () => {
  const server = await Server.start({ config: `[resume]\nmax_events = 50\n[limits]\n${UNLIMITED}` });
  const line = await Proxy.start(server);
  line.lifetime = () => 500 + Math.floor(Math.random() ** 2 * 30_000);
  const people = [];
  try {
    for (const name of ['ann', 'bob', 'cy']) people.push(new Person(line, await server.user(name)));
    const [ann] = people;
    for (const person of people) {
      await until(person.client, () => person.client.state === 'online', 'online');
      person.writing = true;
      person.write();
    }
    let kills = 0;
    while (line.cuts < CUTS) {
      const target = ann.sent.length + 40;
      await until(ann.client, () => ann.sent.length >= target || line.cuts >= CUTS, `${target} messages`, 60_000);
      const own = ann.seen.get('one').filter((event) => event.senderId === ann.user.id && !event.gone).at(-1);
      if (own) {
        own.gone = true;
        await server.call('DELETE', `/api/messages/${own.id}`, { token: ann.user.token });
      }
      if (++kills % 3 === 0) {
        await server.kill();
        await server.start();
      }
    }
    for (const person of people) person.writing = false;
    line.lifetime = () => Infinity;
    line.cut();
    for (const { client, failures, user } of people) {
      await until(client, () => client.pending().length === 0, `${user.username}'s messages`, 60_000);
      assert.deepEqual(failures, []);
    }
    for (const room of ROOMS) {
      const { headSeq } = (await server.call('GET', `/api/rooms/${room}`, { token: ann.user.token })).body;
      const history = await historyOf(server, ann.user.token, room);
      for (const { client, seen, user, sent, failures } of people) {
        await until(client, () => client.memberships.get(room).seq === headSeq, `${headSeq} events`);
        assert.deepEqual(failures, []);
        const events = seen.get(room);
        assert.deepEqual(events.map((event) => event.seq), range(1, headSeq));
        const gone = new Set(events.flatMap((event) => event.ofSeq ?? []));
        const held = events.filter((event) => event.content !== undefined && !gone.has(event.seq));
        const shape = ({ id, seq, content, senderId }) => ({ id, seq, content, senderId });
        assert.deepEqual(held.map(shape), history.map(shape), `${user.username} in ${room}`);
        // Each message once, in the order of writing; and under the id that it was written with.
        const mine = sent.filter((pending) => pending.roomId === room);
        const arrived = events.filter((event) => event.senderId === user.id).map((event) => event.clientMessageId);
        const hidden = mine.length - arrived.length; // deleted before they were seen here
        assert.ok(hidden >= 0 && hidden <= gone.size);
        const inOrder = mine.map((pending) => pending.clientMessageId).filter((id) => arrived.includes(id));
        assert.deepEqual(arrived, inOrder);
      }
    }
    for (const { client, user, sent, replaced } of people) {
      assert.deepEqual(replaced.map(([id]) => id).sort(), sent.map((pending) => pending.clientMessageId).sort());
      assert.ok(replaced.every(([id, replacement]) => id === replacement));
      const { session, ...fresh } = await server.session(user);
      for (const { roomId, unread, readSeq } of session.rooms) {
        const room = client.memberships.get(roomId);
        assert.deepEqual([room.unread, room.readSeq], [unread, readSeq], `${user.username} in ${roomId}`);
      }
      fresh.socket.close();
    }
    console.log(`${line.cuts} cuts, ${Math.floor(kills / 3)} kills, ${people.map(({ sent }) => sent.length)} messages`);
  } finally {
    for (const { client } of people) client.close();
    await line.close();
    await server.dispose();
  }
});

test('from registration to the end of the session, in two places', async () => {
  const server = await Server.start();
  const clients = [];
  const open = (options) => {
    const client = new Starling({ url: server.url, WebSocket, random: () => Math.random() / 10, ...options });
    clients.push(client);
    return client;
  };
  try {
    const first = open();
    const user = await first.register('ann', 'ann@example.org', 'correct horse');
    await until(first, () => first.state === 'online', 'online');
    assert.deepEqual([first.session.userId, first.session.username], [user.id, 'ann']);
    await assert.rejects(open().register('ANN', 'b@example.org'), (error) => error instanceof StarlingError && error.code === 'conflict');
    await assert.rejects(open().login('ann', 'wrong horse'), { code: 'unauthenticated', retryable: false, status: 401 });

    let token;
    const second = open();
    second.on('token', (granted) => (token = granted.token));
    await second.login('ann', 'correct horse');
    await until(second, () => second.state === 'online', 'online');
    const room = await first.join('a');
    first.send('a', 'hello');
    await until(first, () => room.seq === 1, 'the message');
    const page = await first.history('a');
    assert.deepEqual(page.messages.map(({ content, seq }) => [content, seq]), [['hello', 1]]);
    await first.deleteMessage(page.messages[0].id);
    await until(first, () => room.seq === 2, 'the deletion');
    assert.equal((await first.history('a')).messages[0].deleted, true);
    assert.deepEqual((await second.rooms()).map(({ roomId, headSeq }) => [roomId, headSeq]), [['a', 2]]);
    assert.equal((await second.user(user.id)).username, 'ann');
    await first.leave('a');
    assert.equal(first.memberships.size, 0);

    await first.renew();
    await second.renew();
    assert.equal(second.state, 'online');
    // The same token elsewhere: its logout ends this session, too.
    const third = open({ token });
    third.connect();
    await until(third, () => third.state === 'online', 'online');
    await third.logout();
    assert.equal(third.state, 'signed-out');
    await until(second, () => second.state === 'signed-out', 'signed out');
    assert.equal(first.state, 'online');
  } finally {
    for (const client of clients) client.close();
    await server.dispose();
  }
});

test('the package has at most 5,000 bytes as brotli', () => {
  const code = readFileSync(dist);
  const size = brotliCompressSync(code, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: code.length } }).length;
  assert.ok(size <= 5_000, `${size} bytes`);
});
