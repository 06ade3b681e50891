// A server on several shards, whatever the number of cores: what clients see must not depend on
// where the kernel and the acceptor have put them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { range, Server, UNLIMITED, within } from './harness.mjs';

const SHARDS = 4;
const CONFIG = `[limits]\n${UNLIMITED}`;

test('members on four shards, writing at once, see one order', async () => {
  const server = await Server.start({ config: CONFIG, args: ['--threads', String(SHARDS)] });
  try {
    const members = [];
    for (let i = 0; i < 2 * SHARDS; ++i) members.push(await server.member(await server.user(`user${i}`), 'room'));
    const each = 250;
    for (let n = 0; n < each; ++n) {
      for (const [i, member] of members.entries()) {
        member.send({ type: 'chat_message', roomId: 'room', content: `${i}-${n}`, clientMessageId: `${i}-${n}` });
      }
    }
    const total = each * members.length;
    const views = [];
    for (const member of members) {
      const last = await member.next((frame) => frame.type === 'chat_message' && frame.seq === total);
      const view = [...member.frames.filter((frame) => frame.type === 'chat_message'), last];
      assert.deepEqual(view.map((frame) => frame.seq), range(1, total));
      views.push(view.map((frame) => frame.content).join(' '));
    }
    assert.equal(new Set(views).size, 1);
    // Each sender's own messages stand in the order of their sending.
    for (const i of members.keys()) {
      const own = views[0].split(' ').filter((content) => content.startsWith(`${i}-`));
      assert.deepEqual(own, range(0, each - 1).map((n) => `${i}-${n}`));
    }
    // They really are on all shards; a shard's numbers are copied out once a second.
    const everywhere = (metrics) => range(0, SHARDS - 1).every((core) => metrics.includes(`starling_rooms{core="${core}"} 1\n`));
    const seen = async () => {
      while (!everywhere(await (await fetch(server.metrics)).text()));
    };
    await within(seen(), 'the room on every shard');
  } finally {
    await server.dispose();
  }
});

test('a logout closes the sockets of the token on every shard', async () => {
  const server = await Server.start({ args: ['--threads', String(SHARDS)] });
  try {
    const user = await server.user('ann');
    const sessions = [];
    for (let i = 0; i < SHARDS; ++i) sessions.push(await server.session(user));
    const answer = await server.call('DELETE', '/api/sessions', { token: user.token });
    assert.equal(answer.status, 204);
    for (const session of sessions) assert.equal((await within(session.closed, 'the close')).code, 4200);
    // And no shard lets it in again.
    for (let i = 0; i < SHARDS; ++i) {
      const client = await server.connect();
      client.send({ type: 'auth', token: user.token });
      assert.equal((await client.next('error')).code, 'unauthenticated');
    }
  } finally {
    await server.dispose();
  }
});

test('presence, typing and read pointers reach other shards', async () => {
  const server = await Server.start({ config: '[presence]\ngrace_ms = 100\n', args: ['--threads', String(SHARDS)] });
  try {
    const ann = await server.user('ann');
    const bob = await server.user('bob');
    const here = [];
    for (let i = 0; i < SHARDS; ++i) here.push(await server.member(ann, 'room'));
    const other = await server.member(bob, 'room');
    assert.deepEqual(other.joined.onlineUsers, [ann.id, bob.id]);
    for (const session of here) assert.equal((await session.next('user_joined')).userId, bob.id);
    other.send({ type: 'typing', roomId: 'room', isTyping: true });
    for (const session of here) assert.equal((await session.next('typing')).isTyping, true);
    other.send({ type: 'chat_message', roomId: 'room', content: 'hello' });
    for (const session of here) await session.next('chat_message');
    here[0].send({ type: 'mark_read', roomId: 'room', seq: 1 });
    for (const session of here) assert.equal((await session.next('read_update')).seq, 1);
    assert.equal((await server.call('GET', '/api/rooms/room', { token: bob.token })).body.onlineCount, 2);
    assert.equal((await server.call('GET', '/api/fleet', { token: bob.token })).body.servers[0].connections >= SHARDS + 1, true);
    for (const session of here.slice(1)) await session.close();
    await other.settle();
    assert.equal(other.frames.some((frame) => frame.type === 'user_left'), false);
    await here[0].close();
    assert.equal((await other.next('user_left')).userId, ann.id);
  } finally {
    await server.dispose();
  }
});

test('SIGTERM sends the clients of every shard away to resume, and ends with 0', async () => {
  const server = await Server.start({ config: CONFIG, args: ['--threads', String(SHARDS)] });
  try {
    const members = [];
    for (let i = 0; i < 2 * SHARDS; ++i) members.push(await server.member(await server.user(`user${i}`), 'room'));
    for (const [i, member] of members.entries()) {
      member.send({ type: 'chat_message', roomId: 'room', content: 'last', clientMessageId: `last-${i}` });
    }
    const stopped = server.stop();
    for (const member of members) {
      assert.equal((await within(member.closed, 'the close')).code, 4100);
      assert.ok(member.frames.some((frame) => frame.type === 'reconnect'));
    }
    assert.equal(await stopped, 0);
    // What was acknowledged before the end is there after it.
    const acknowledged = members.flatMap((member) => member.frames.filter((frame) => frame.type === 'message_sent'));
    await server.start();
    const { body } = await server.call('GET', '/api/messages/room/room?limit=100', { token: (await server.user('late')).token });
    for (const frame of acknowledged) assert.ok(body.messages.some((message) => message.id === frame.id && message.seq === frame.seq));
  } finally {
    await server.dispose();
  }
});
