// Whoever comes back gets what they missed, once and in order, or is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { range, Server, UNLIMITED } from './harness.mjs';

async function post(server, user, room, count, from = 1) {
  for (let i = from; i < from + count; ++i) {
    const answer = await server.call('POST', '/api/messages', { token: user.token, body: { content: `${i}`, room_id: room } });
    assert.equal(answer.status, 201);
  }
}

async function collect(client, count) {
  const seqs = [];
  while (seqs.length < count) seqs.push((await client.next('chat_message')).seq);
  return seqs;
}

test('afterSeq and auth.resume go on across a restart of the server', async () => {
  const server = await Server.start();
  try {
    const ann = await server.user('ann');
    const bob = await server.user('bob');
    const first = await server.member(ann, 'a');
    first.send({ type: 'join_room', roomId: 'b' });
    await first.next('room_joined');
    await post(server, bob, 'a', 3);
    await post(server, bob, 'b', 2);
    assert.deepEqual(await collect(first, 5), [1, 2, 3, 1, 2]);
    const { epoch } = first.session;
    await server.kill();
    await server.start();
    await post(server, bob, 'a', 2, 4);
    await post(server, bob, 'b', 1, 3);
    const second = await server.session(ann, { resume: { epoch, rooms: { a: 3, b: 2 } } });
    assert.equal(second.session.epoch, epoch);
    const missed = await collect(second, 3);
    assert.deepEqual(missed.sort(), [3, 4, 5]);
    await post(server, bob, 'a', 1, 6);
    assert.equal((await second.next('chat_message')).seq, 6);
    const third = await server.session(ann);
    third.send({ type: 'join_room', roomId: 'a', afterSeq: 2 });
    assert.deepEqual(await collect(third, 4), range(3, 6));
    assert.ok(![second, third].some((client) => client.frames.some((frame) => frame.type === 'gap')));
  } finally {
    await server.dispose();
  }
});

test('further behind than resume.max_events: a gap names the older part', async () => {
  const server = await Server.start({ config: '[resume]\nmax_events = 10\n' });
  try {
    const ann = await server.user('ann');
    await post(server, ann, 'r', 30);
    const client = await server.session(ann);
    client.send({ type: 'join_room', roomId: 'r', afterSeq: 5 });
    const gap = await client.next('gap');
    assert.deepEqual([gap.roomId, gap.fromSeq, gap.toSeq, gap.reason], ['r', 6, 20, 'too_many']);
    assert.deepEqual(await collect(client, 10), range(21, 30));
  } finally {
    await server.dispose();
  }
});

test('1,000 events come back in pages, with live ones behind them', async () => {
  const server = await Server.start({ config: `[resume]\nmax_events = 2000\n[limits]\n${UNLIMITED}` });
  try {
    const ann = await server.user('ann');
    const writer = await server.member(ann, 'r');
    for (let i = 1; i <= 1000; ++i) writer.send({ type: 'chat_message', roomId: 'r', content: `${i}`, clientMessageId: `${i}` });
    for (let i = 1; i <= 1000; ++i) await writer.next('message_sent');
    const reader = await server.session(ann);
    reader.send({ type: 'join_room', roomId: 'r', afterSeq: 0 });
    for (let i = 1001; i <= 1100; ++i) writer.send({ type: 'chat_message', roomId: 'r', content: `${i}`, clientMessageId: `${i}` });
    assert.deepEqual(await collect(reader, 1100), range(1, 1100));
  } finally {
    await server.dispose();
  }
});

test('another epoch, or a seq from the future: the client starts afresh', async () => {
  const server = await Server.start();
  try {
    const ann = await server.user('ann');
    await post(server, ann, 'r', 3);
    for (const where of [{ afterSeq: 1, epoch: 1 }, { afterSeq: 99 }]) {
      const client = await server.session(ann);
      client.send({ type: 'join_room', roomId: 'r', ...where });
      const gap = await client.next('gap');
      assert.deepEqual([gap.reason, gap.toSeq, gap.epoch], ['epoch', 3, client.session.epoch]);
      await client.settle();
      assert.deepEqual(client.seqs(), []);
    }
  } finally {
    await server.dispose();
  }
});

test('a deleted message leaves its place, and the deletion is part of a resume', async () => {
  const server = await Server.start();
  try {
    const ann = await server.user('ann');
    await post(server, ann, 'r', 3);
    const { messages } = (await server.call('GET', '/api/messages/room/r', { token: ann.token })).body;
    await server.call('DELETE', `/api/messages/${messages[1].id}`, { token: ann.token });
    const client = await server.session(ann);
    client.send({ type: 'join_room', roomId: 'r', afterSeq: 0 });
    const events = [];
    while (events.length < 4) events.push(await client.next((frame) => 'seq' in frame && frame.roomId === 'r'));
    assert.deepEqual(events.map((event) => event.seq), [1, 2, 3, 4]);
    assert.deepEqual([events[1].deleted, 'content' in events[1]], [true, false]);
    assert.deepEqual([events[3].type, events[3].ofSeq], ['message_deleted', 2]);
    const page = (await server.call('GET', '/api/messages/room/r?limit=2', { token: ann.token })).body;
    assert.deepEqual([page.messages.map((message) => message.seq), page.pagination.total, page.pagination.pages], [[1, 3], 2, 1]);
  } finally {
    await server.dispose();
  }
});
