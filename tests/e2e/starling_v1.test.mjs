// The dialect starling.v1: every command, every answer, every error code.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { range, Server, UNLIMITED } from './harness.mjs';

const GRACE_MS = 200;
let server;
let ann;
let bob;
before(async () => {
  server = await Server.start({ config: `[presence]\ngrace_ms = ${GRACE_MS}\ntyping_ms = 400\n[limits]\n${UNLIMITED}` });
  ann = await server.user('ann');
  bob = await server.user('bob');
});
after(() => server.dispose());

let rooms = 0;
const fresh = () => `room-${++rooms}`;

async function said(client, roomId, count, prefix = 'm') {
  for (let i = 1; i <= count; ++i) {
    client.send({ type: 'chat_message', roomId, content: `${prefix}${i}`, clientMessageId: `${roomId}-${prefix}${i}` });
  }
  const answers = [];
  for (let i = 0; i < count; ++i) answers.push(await client.next('message_sent'));
  return answers;
}

test('the first frame is welcome, with epoch and limits', async () => {
  const client = await server.connect();
  const welcome = await client.next(() => true);
  assert.equal(welcome.type, 'welcome');
  assert.equal(client.socket.protocol, 'starling.v1');
  assert.equal(welcome.server, 'starling');
  assert.ok(welcome.epoch > 0 && welcome.serverId && welcome.version && welcome.heartbeatMs > 0);
  assert.equal(welcome.limits.maxMessageBytes, 4096);
  await client.close();
});

test('a token may come with auth, or be the cookie of the upgrade', async () => {
  const client = await server.connect({ headers: { Cookie: `a=b; starling=${ann.token}` } });
  client.send({ type: 'auth', ref: 'x' });
  const success = await client.next('auth_success');
  assert.deepEqual([success.userId, success.username, success.ref], [ann.id, 'ann', 'x']);
  assert.ok(success.epoch && Array.isArray(success.rooms) && success.sessionId);
  client.send({ type: 'auth', token: ann.token, ref: 'again' });
  assert.equal((await client.next('auth_success')).ref, 'again');
  client.send({ type: 'auth', token: bob.token });
  assert.equal((await client.next('error')).code, 'forbidden');
  await client.close();
});

test('nobody speaks before saying who they are, nor as somebody else', async () => {
  const client = await server.connect();
  for (const frame of [{ type: 'join_room', roomId: 'x' }, { type: 'chat_message', roomId: 'x', content: 'y' },
    { type: 'get_recent_messages', roomId: 'x' }, { type: 'mark_read', roomId: 'x', seq: 1 },
    { type: 'typing', roomId: 'x', isTyping: true }, { type: 'leave_room', roomId: 'x' }, { type: 'auth' },
    { type: 'auth', token: 'no.such.token' }]) {
    client.send({ ...frame, ref: frame.type });
    const error = await client.next('error');
    assert.deepEqual([error.code, error.ref, error.retryable], ['unauthenticated', frame.type, false]);
  }
  client.send({ type: 'auth', token: ann.token, userId: bob.id });
  assert.equal((await client.next('error')).code, 'forbidden');
  client.send({ type: 'auth', token: ann.token, userId: ann.id });
  await client.next('auth_success');
  client.send({ type: 'chat_message', roomId: 'x', content: 'y', userId: bob.id });
  assert.equal((await client.next('error')).code, 'forbidden');
  await client.close();
});

test('many rooms in one session, each in its own order', async () => {
  const client = await server.session(ann);
  const names = [fresh(), fresh(), fresh()];
  for (const roomId of names) client.send({ type: 'join_room', roomId });
  for (const roomId of names) assert.equal((await client.next('room_joined')).roomId, roomId);
  for (const roomId of names) await said(client, roomId, 3);
  for (const roomId of names) {
    const seqs = client.frames.filter((frame) => frame.roomId === roomId && frame.type === 'chat_message').map((frame) => frame.seq);
    assert.deepEqual(seqs, [1, 2, 3]);
  }
  const other = await server.session(ann);
  assert.deepEqual(other.session.rooms.filter((room) => names.includes(room.roomId)).map((room) => room.headSeq), [3, 3, 3]);
  await client.close();
  await other.close();
});

test('a repeated message is one message, told as a duplicate', async () => {
  const roomId = fresh();
  const client = await server.member(ann, roomId);
  const message = { type: 'chat_message', roomId, content: 'once', clientMessageId: 'same' };
  client.send(message);
  client.send({ ...message, content: 'twice?' });
  const first = await client.next('message_sent');
  const second = await client.next('message_sent');
  assert.deepEqual([first.duplicate, second.duplicate, second.id, second.seq], [false, true, first.id, first.seq]);
  await client.settle();
  assert.deepEqual(client.seqs(), [1]);
  // Another sender's same id is another message.
  const other = await server.member(bob, roomId);
  other.send(message);
  assert.deepEqual([(await other.next('message_sent')).seq], [2]);
  await client.close();
  await other.close();
});

test('who is not a member may not write, and leaving ends membership', async () => {
  const roomId = fresh();
  const client = await server.session(ann);
  client.send({ type: 'chat_message', roomId, content: 'x', clientMessageId: 'c', ref: 'r' });
  const error = await client.next('error');
  assert.deepEqual([error.code, error.clientMessageId, error.ref], ['not_in_room', 'c', 'r']);
  client.send({ type: 'join_room', roomId });
  await client.next('room_joined');
  await said(client, roomId, 1);
  client.send({ type: 'leave_room', roomId, ref: 'l' });
  assert.equal((await client.next('room_left')).ref, 'l');
  client.send({ type: 'chat_message', roomId, content: 'x' });
  assert.equal((await client.next('error')).code, 'not_in_room');
  const again = await server.session(ann);
  assert.ok(!again.session.rooms.some((room) => room.roomId === roomId));
  await client.close();
  await again.close();
});

// Of the harness.
test('who waits in vain for a message is told what others were refused', async () => {
  const roomId = fresh();
  const reader = await server.member(bob, roomId);
  const writer = await server.session(ann);
  writer.send({ type: 'chat_message', roomId, content: 'x' });
  await writer.settle();
  await assert.rejects(reader.next('chat_message', 1), /there are .*; errors of other clients .*not_in_room/);
  await writer.close();
  await reader.close();
});

test('history is paged both ways, oldest first', async () => {
  const roomId = fresh();
  const client = await server.member(ann, roomId);
  await said(client, roomId, 30);
  const page = async (fields) => {
    client.send({ type: 'get_recent_messages', roomId, ...fields });
    return client.next('recent_messages');
  };
  const latest = await page({ limit: 10 });
  assert.deepEqual(latest.messages.map((message) => message.seq), range(21, 30));
  assert.deepEqual([latest.fromSeq, latest.toSeq, latest.hasMore], [21, 30, true]);
  assert.equal(latest.messages[0].clientMessageId, `${roomId}-m21`);
  const older = await page({ beforeSeq: 6, limit: 10 });
  assert.deepEqual([older.messages.map((message) => message.seq), older.hasMore], [range(1, 5), false]);
  const newer = await page({ after_seq: 25, limit: 3 });
  assert.deepEqual([newer.messages.map((message) => message.seq), newer.hasMore], [[26, 27, 28], true]);
  assert.equal((await page({})).messages.length, 20);
  assert.equal((await page({ limit: 1000 })).messages.length, 30);
  const other = await server.session(bob);
  other.send({ type: 'get_recent_messages', roomId });
  assert.ok(!('clientMessageId' in (await other.next('recent_messages')).messages[0]));
  await client.close();
  await other.close();
});

test('unread is computed, clamped, and told to all of a user’s sockets', async () => {
  const roomId = fresh();
  const writer = await server.member(ann, roomId);
  const reader = await server.member(bob, roomId);
  const second = await server.session(bob);
  await said(writer, roomId, 5);
  const session = await server.session(bob);
  const entry = session.session.rooms.find((room) => room.roomId === roomId);
  assert.deepEqual([entry.headSeq, entry.readSeq, entry.unread], [5, 0, 5]);
  reader.send({ type: 'mark_read', roomId, seq: 3, ref: 'm' });
  const update = await reader.next('read_update');
  assert.deepEqual([update.seq, update.unread, update.ref, update.userId], [3, 2, 'm', bob.id]);
  assert.equal((await second.next('read_update')).unread, 2);
  reader.send({ type: 'mark_read', roomId, seq: 1 });
  assert.equal((await reader.next('read_update')).seq, 3);
  reader.send({ type: 'mark_read', roomId, seq: 1e9 });
  assert.deepEqual((({ seq, unread }) => [seq, unread])(await reader.next('read_update')), [5, 0]);
  const own = (await server.session(ann)).session.rooms.find((room) => room.roomId === roomId);
  assert.equal(own.unread, 0);
  reader.send({ type: 'mark_read', roomId: 'nowhere', seq: 1 });
  assert.equal((await reader.next('error')).code, 'not_in_room');
  for (const client of [writer, reader, second, session]) await client.close();
});

test('presence is by user: the first connection comes, the last goes after a grace', async () => {
  const roomId = fresh();
  const watcher = await server.member(ann, roomId);
  const one = await server.member(bob, roomId);
  const joined = await watcher.next('user_joined');
  assert.deepEqual([joined.userId, joined.username, joined.onlineCount], [bob.id, 'bob', 2]);
  const two = await server.member(bob, roomId);
  assert.equal(two.joined.onlineCount, 2);
  await one.close();
  await watcher.settle();
  assert.ok(!watcher.frames.some((frame) => frame.type === 'user_left' || frame.type === 'user_joined'));
  await two.close();
  const left = await watcher.next('user_left');
  assert.deepEqual([left.userId, left.onlineCount], [bob.id, 1]);
  await watcher.close();
});

// Bob comes back at once, in a room of its own. False: the machine took longer for it than the grace, which shows nothing.
async function reloaded_in_time() {
  const roomId = fresh();
  const watcher = await server.member(ann, roomId);
  const page = await server.member(bob, roomId);
  await watcher.next('user_joined');
  const began = performance.now();
  await page.close();
  const again = await server.member(bob, roomId);
  const in_time = performance.now() - began < GRACE_MS;
  await again.close();
  const left = await watcher.next('user_left');
  if (in_time) assert.deepEqual([left.userId, watcher.frames.filter(({ type }) => type.startsWith('user_'))], [bob.id, []]);
  await watcher.close();
  return in_time;
}

test('who comes back within the grace has never gone', async () => {
  for (let tries = 1; !(await reloaded_in_time()); ++tries) assert.ok(tries < 50, `never within ${GRACE_MS} ms`);
});

test('in rooms above presence.events_max only counts are told', async () => {
  const crowded = await Server.start({ config: '[presence]\nevents_max = 1\n' });
  try {
    const first = await crowded.member(await crowded.user('u1'), 'big');
    const second = await crowded.member(await crowded.user('u2'), 'big');
    const count = await first.next('presence_count');
    assert.deepEqual([count.roomId, count.onlineCount], ['big', 2]);
    assert.ok(!first.frames.some((frame) => frame.type === 'user_joined'));
    await second.close();
  } finally {
    await crowded.dispose();
  }
});

test('typing is told to the others and ends by itself', async () => {
  const roomId = fresh();
  const writer = await server.member(ann, roomId);
  const reader = await server.member(bob, roomId);
  writer.send({ type: 'typing', roomId, isTyping: true });
  assert.deepEqual((({ userId, isTyping, username }) => [userId, isTyping, username])(await reader.next('typing')), [ann.id, true, 'ann']);
  assert.equal((await reader.next('typing')).isTyping, false);
  await writer.settle();
  assert.ok(!writer.frames.some((frame) => frame.type === 'typing'));
  writer.send({ type: 'typing', roomId: 'elsewhere', isTyping: true });
  assert.equal((await writer.next('error')).code, 'not_in_room');
  await writer.close();
  await reader.close();
});

test('what is malformed gets its error, and the session goes on', async () => {
  const roomId = fresh();
  const client = await server.member(ann, roomId);
  const cases = [
    ['{"type":', 'bad_json'], ['[]', 'bad_json'], ['{"type":"ping"} x', 'bad_json'],
    ['{"type":"ping","later":tru}', 'bad_json'],
    ['{"type":"edit_message"}', 'unknown_type'], ['{}', 'unknown_type'],
    [{ type: 'join_room', roomId: 'no spaces' }, 'bad_request'], [{ type: 'join_room' }, 'bad_request'],
    [{ type: 'join_room', roomId: 'x'.repeat(51) }, 'bad_request'],
    [{ type: 'join_room', roomId, afterSeq: -1 }, 'bad_request'],
    [{ type: 'chat_message', roomId, content: 7 }, 'bad_request'],
    [{ type: 'chat_message', roomId, content: '' }, 'bad_request'],
    [{ type: 'chat_message', content: 'x' }, 'bad_request'],
    [{ type: 'chat_message', roomId, content: 'x', clientMessageId: 'y'.repeat(65) }, 'bad_request'],
    [{ type: 'chat_message', roomId, content: 'x', metadata: [1] }, 'bad_request'],
    [{ type: 'chat_message', roomId, content: 'x', messageType: 'No' }, 'bad_request'],
    [{ type: 'chat_message', roomId, content: 'x'.repeat(4097) }, 'too_large'],
    [{ type: 'get_recent_messages', roomId, beforeSeq: 1, afterSeq: 1 }, 'bad_request'],
    [{ type: 'get_recent_messages' }, 'bad_request'],
    [{ type: 'mark_read', roomId }, 'bad_request'], [{ type: 'typing', roomId }, 'bad_request'],
    [{ type: 'ping', ref: 'r'.repeat(65) }, 'bad_request'],
  ];
  for (const [frame, code] of cases) {
    client.send(frame);
    assert.equal((await client.next('error')).code, code, JSON.stringify(frame));
  }
  client.send({ type: 'chat_message', roomId, content: '\u0000\u{1f426}"\\\n', metadata: { a: [1, { b: null }] }, unknown: 1 });
  const message = await client.next('chat_message');
  assert.equal(message.content, '\u0000\u{1f426}"\\\n');
  assert.deepEqual(message.metadata, { a: [1, { b: null }] });
  client.send({ type: 'ping', t: { x: 1.5 } });
  assert.deepEqual((await client.next('pong')).t, { x: 1.5 });
  await client.close();
});

test('too many messages are refused with the time to wait, and nothing is lost', async () => {
  const strict = await Server.start({ config: '[limits]\nmessages_per_second = 20\nmessage_burst = 5\n' });
  try {
    const user = await strict.user('eve');
    const client = await strict.member(user, 'r');
    for (let i = 0; i < 20; ++i) client.send({ type: 'chat_message', roomId: 'r', content: `${i}`, clientMessageId: `${i}` });
    const error = await client.next('error');
    assert.deepEqual([error.code, error.retryable], ['rate_limited', true]);
    assert.ok(error.retryAfterMs > 0 && error.clientMessageId);
    const notice = await client.next('notice');
    assert.deepEqual([notice.level, notice.code], ['warning', 'throttled']);
    assert.match(notice.message, /20 messages a second/);
    for (let i = 0; i < 20; ++i) {
      const answers = (frame) => frame.clientMessageId === `${i}` && frame.type !== 'chat_message';
      if (error.clientMessageId !== `${i}`) await client.next(answers);
    }
    assert.ok(!client.frames.some((frame) => frame.type === 'notice'), 'once an episode');
    // The original's clients are slowed down instead, and never told.
    const old = await strict.connect({ protocol: '', headers: { Cookie: `starling=${user.token}` } });
    old.send({ type: 'auth' });
    await old.next('room_joined');
    for (let i = 0; i < 20; ++i) old.send({ type: 'chat_message', content: `${i}` });
    for (let i = 0; i < 20; ++i) assert.equal((await old.next('chat_message')).content, `${i}`);
    assert.ok(!old.frames.some((frame) => frame.type === 'error'));
  } finally {
    await strict.dispose();
  }
});
