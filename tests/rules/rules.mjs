// The rules of docs/protocol.md as a server shows them to its clients. Each throws where it does not
// hold. They share three users, and each has rooms of its own, so they may run side by side.
import assert from 'node:assert/strict';
import { within } from '../e2e/harness.mjs';

const upTo = (last) => Array.from({ length: last }, (_, i) => i + 1);
const closeCode = async (client, limit) => (await within(client.closed, 'the close', limit)).code;

export const rules = [];
const rule = (number, promise, check) => rules.push({ number, promise, check });

// ---- dialects --------------------------------------------------------------------------------

rule('dialects.1', 'starling.v1 is chosen where it is offered, and its first frame is welcome', async ({ run }) => {
  const client = await run.connect();
  assert.equal(client.socket.protocol, 'starling.v1');
  await client.next('welcome');
  await client.close();
});

rule('dialects.2', 'the older dialect has no welcome, one active room, and its own messages back once', async ({ run, ann, bob }) => {
  const [first, second] = [run.room(), run.room()];
  const client = await run.session(ann, { protocol: null, auth: { roomId: first } });
  const other = await run.member(bob, first);
  client.send({ type: 'join_room', roomId: second });
  await client.next((frame) => frame.type === 'room_joined' && frame.roomId === second);
  await other.say(first, 'not for those who went on', 'x');
  client.send({ type: 'chat_message', roomId: second, content: 'mine' });
  await client.next((frame) => frame.content === 'mine');
  await client.settle();
  assert.deepEqual(client.frames.filter(({ type }) => ['welcome', 'chat_message', 'message_sent', 'notice'].includes(type)), []);
  await client.close();
  await other.close();
});

rule('dialects.3', 'fields may be written in snake_case; unknown ones are ignored; an unknown type is unknown_type', async ({ run, ann }) => {
  const roomId = run.room();
  const client = await run.session(ann);
  assert.equal((await client.ask({ type: 'join_room', room_id: roomId, colour: 'blue' })).type, 'room_joined');
  client.send({ type: 'chat_message', room_id: roomId, content: 'x', client_message_id: 'snake' });
  assert.equal((await client.next('message_sent')).clientMessageId, 'snake');
  assert.equal((await client.ask({ type: 'sing' })).code, 'unknown_type');
  await client.close();
});

rule('dialects.4', 'what is no JSON is bad_json and costs nothing else; binary frames are closed with 1003', async ({ run, ann }) => {
  const client = await run.session(ann);
  for (const text of ['{"type":"ping"', '[]', '{"type":"ping","t":01}']) {
    client.send(text);
    assert.equal((await client.next('error')).code, 'bad_json', text);
  }
  await client.settle();
  client.socket.send(Buffer.from([1, 2, 3]));
  assert.equal(await closeCode(client), 1003);
});

// ---- identity --------------------------------------------------------------------------------

rule('identity.1', 'without a valid token no call is answered and no command obeyed', async ({ run }) => {
  for (const token of [undefined, 'no.such.token']) {
    for (const target of ['/api/users', '/api/rooms', '/api/messages/room/general']) {
      assert.equal((await run.call('GET', target, { token })).status, 401, target);
    }
  }
  const client = await run.connect();
  for (const command of [{ type: 'join_room', roomId: 'x' }, { type: 'chat_message', roomId: 'x', content: 'y' }, { type: 'auth', token: 'no.such.token' }]) {
    assert.equal((await client.ask(command)).code, 'unauthenticated', command.type);
  }
  await client.close();
});

rule('identity.2', 'nobody speaks as somebody else', async ({ run, ann, bob }) => {
  const client = await run.connect();
  assert.equal((await client.ask({ type: 'auth', token: ann.token, userId: bob.id })).code, 'forbidden');
  const body = { content: 'I am bob', room_id: run.room(), sender_id: bob.id };
  assert.equal((await run.call('POST', '/api/messages', { token: ann.token, body })).status, 403);
  await client.close();
});

rule('identity.3', 'a logout ends the token and closes its sockets with 4200', async ({ run }) => {
  const password = 'correct horse battery';
  const { username } = await run.user('leaving', { password });
  const { body } = await run.call('POST', '/api/sessions', { body: { username, password } });
  const client = await run.session({ token: body.token });
  assert.equal((await run.call('DELETE', '/api/sessions', { token: body.token })).status, 204);
  assert.equal(await closeCode(client), 4200);
  assert.equal((await run.call('GET', '/api/users', { token: body.token })).status, 401);
});

rule('identity.4', 'a page of another origin may not connect', async ({ run }) => {
  const refused = await run.connect({ headers: { Origin: 'https://elsewhere.example' } }).catch(({ status }) => status);
  assert.equal(refused, 403);
});

rule('identity.5', 'a token is renewed by a valid one, and a live socket takes the new one', async ({ run, ann }) => {
  const client = await run.session(ann);
  const { status, body } = await run.call('POST', '/api/sessions', { token: ann.token });
  assert.equal(status, 201);
  assert.equal((await client.ask({ type: 'auth', token: body.token })).type, 'auth_success');
  await client.close();
});

rule('identity.6', 'a socket that does not say who it is is closed with 4301', async ({ run }) => {
  assert.equal(await closeCode(await run.connect()), 4301);
});

// ---- commands --------------------------------------------------------------------------------

rule('commands.1', 'every answer and error carries the ref of its command', async ({ run, ann }) => {
  const roomId = run.room();
  const client = await run.session(ann);
  for (const [command, answer] of [[{ type: 'join_room', roomId }, 'room_joined'], [{ type: 'get_recent_messages', roomId }, 'recent_messages'],
    [{ type: 'mark_read', roomId, seq: 0 }, 'read_update'], [{ type: 'ping' }, 'pong'], [{ type: 'leave_room', roomId }, 'room_left'],
    [{ type: 'join_room', roomId: '!' }, 'error']]) {
    assert.equal((await client.ask(command)).type, answer);
  }
  await client.close();
});

rule('commands.2', 'a membership lasts until leave_room, not until the socket closes', async ({ run, ann }) => {
  const roomId = run.room();
  await (await run.member(ann, roomId)).close();
  const again = await run.session(ann);
  assert.ok(again.session.rooms.some((room) => room.roomId === roomId), 'it ended with the socket');
  await again.ask({ type: 'leave_room', roomId });
  const third = await run.session(ann);
  assert.ok(!third.session.rooms.some((room) => room.roomId === roomId), 'it did not end');
  await again.close();
  await third.close();
});

rule('commands.3', 'who is not in a room may not write there: not_in_room, with the clientMessageId', async ({ run, ann }) => {
  const client = await run.session(ann);
  const error = await client.say(run.room(), 'x', 'outside');
  assert.deepEqual([error.type, error.code, error.retryable], ['error', 'not_in_room', false]);
  await client.close();
});

rule('commands.4', 'history is paged both ways, oldest first', async ({ run, ann }) => {
  const roomId = run.room();
  const client = await run.member(ann, roomId);
  for (const n of upTo(12)) await client.say(roomId, `${n}`, `h${n}`);
  const page = async (fields) => {
    const { messages, fromSeq, toSeq, hasMore } = await client.ask({ type: 'get_recent_messages', roomId, ...fields });
    return [messages.map(({ seq }) => seq), fromSeq, toSeq, hasMore];
  };
  assert.deepEqual(await page({ limit: 5 }), [[8, 9, 10, 11, 12], 8, 12, true]);
  assert.deepEqual(await page({ beforeSeq: 4, limit: 5 }), [[1, 2, 3], 1, 3, false]);
  assert.deepEqual(await page({ afterSeq: 9, limit: 2 }), [[10, 11], 10, 11, true]);
  await client.close();
});

rule('commands.5', 'typing reaches the others and ends by itself', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const client = await run.member(ann, roomId);
  const other = await run.member(bob, roomId);
  client.send({ type: 'typing', roomId, isTyping: true });
  assert.equal((await other.next('typing')).isTyping, true);
  assert.equal((await other.next('typing')).isTyping, false);
  await client.settle();
  assert.ok(!client.frames.some(({ type }) => type === 'typing'), 'it came back to who types');
  await client.close();
  await other.close();
});

rule('commands.6', 'a read mark moves forward only, no further than the head, on all sockets of its user', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const reader = await run.member(ann, roomId);
  const second = await run.session(ann);
  const writer = await run.member(bob, roomId);
  for (const n of upTo(4)) await writer.say(roomId, `${n}`, `m${n}`);
  const mark = async (seq) => {
    const update = await reader.ask({ type: 'mark_read', roomId, seq });
    return [update.seq, update.unread];
  };
  assert.deepEqual(await mark(2), [2, 2]);
  const heard = await second.next((frame) => frame.type === 'read_update' && frame.roomId === roomId && frame.seq === 2);
  assert.equal(heard.unread, 2);
  assert.deepEqual(await mark(1), [2, 2]);
  assert.deepEqual(await mark(1_000), [4, 0]);
  for (const client of [reader, second, writer]) await client.close();
});

rule('commands.7', 'pong brings back what ping had', async ({ run, ann }) => {
  const client = await run.session(ann);
  for (const t of [1, 'two', { three: [3] }]) assert.deepEqual((await client.ask({ type: 'ping', t })).t, t);
  await client.close();
});

// ---- frames ----------------------------------------------------------------------------------

rule('frames.1', 'a user’s first connection in a room is told, a second is not, the last one’s end is', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const client = await run.member(ann, roomId);
  const [first, second] = [await run.member(bob, roomId), await run.member(bob, roomId)];
  assert.equal((await client.next('user_joined')).userId, bob.id);
  await first.close();
  await client.settle();
  await second.close();
  assert.equal((await client.next((frame) => frame.type === 'user_left' && frame.roomId === roomId)).onlineCount, 1);
  assert.ok(!client.frames.some(({ type }) => type === 'user_joined' || type === 'user_left'), 'more than that was told');
  await client.close();
});

rule('frames.2', 'a deletion is an event with a number of its own, and its message is not shown again', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const client = await run.member(ann, roomId);
  const other = await run.member(bob, roomId);
  const sent = await client.say(roomId, 'a secret', 'd1');
  await run.call('DELETE', `/api/messages/${sent.id}`, { token: ann.token });
  const deleted = await other.next('message_deleted');
  assert.deepEqual([deleted.id, deleted.seq, deleted.ofSeq, deleted.byUserId], [sent.id, 2, 1, ann.id]);
  const { messages } = await other.ask({ type: 'get_recent_messages', roomId });
  assert.deepEqual(messages.map(({ seq }) => seq), [1, 2]);
  assert.equal(messages[0].deleted, true);
  assert.ok(!JSON.stringify(messages).includes('secret'));
  await client.close();
  await other.close();
});

// ---- REST ------------------------------------------------------------------------------------

rule('rest.1', 'errors are problems with a code, and the original’s text', async ({ run, ann }) => {
  for (const [status, code, error, ...call] of [
    [404, 'not_found', 'User not found', 'GET', '/api/users/9007199254740991'],
    [404, 'not_found', 'Message not found', 'GET', '/api/messages/9007199254740991'],
    [400, 'bad_request', 'Username and email are required', 'POST', '/api/users', {}],
    [400, 'bad_request', 'Content, sender_id, and room_id are required', 'POST', '/api/messages', {}],
    [400, 'bad_request', 'is_online field is required', 'PATCH', `/api/users/${ann.id}/status`, {}],
    [409, 'conflict', 'Username already exists', 'POST', '/api/users', { username: ann.username.toUpperCase(), email: 'kit@example.org' }],
  ]) {
    const [method, target, body] = call;
    const answer = await run.call(method, target, { token: ann.token, body });
    assert.match(answer.headers.get('content-type'), /^application\/problem\+json/, target);
    assert.deepEqual([answer.status, answer.body.status, answer.body.code, answer.body.error], [status, status, code, error], `${method} ${target}`);
  }
});

rule('rest.2', 'an e-mail address is shown to its owner only', async ({ run, ann, bob }) => {
  assert.equal((await run.call('GET', `/api/users/${ann.id}`, { token: ann.token })).body.email, 'kit@example.org');
  assert.equal((await run.call('GET', `/api/users/username/${ann.username}`, { token: bob.token })).body.email, undefined);
});

rule('rest.3', 'a message that is posted reaches the sockets; its Idempotency-Key is its clientMessageId', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const other = await run.member(bob, roomId);
  const post = () => run.call('POST', '/api/messages', { token: ann.token, headers: { 'Idempotency-Key': 'k1' }, body: { content: 'by hand', room_id: roomId } });
  const [first, second] = [await post(), await post()];
  assert.deepEqual([first.status, second.status, second.body.data.id], [201, 200, first.body.data.id]);
  const client = await run.member(ann, roomId);
  const third = await client.say(roomId, 'by hand', 'k1');
  assert.deepEqual([third.duplicate, third.id], [true, first.body.data.id]);
  await other.settle();
  assert.deepEqual(other.events(roomId).map(({ id }) => id), [first.body.data.id]);
  await client.close();
  await other.close();
});

rule('rest.4', 'page 1 is the oldest; recent is the newest, oldest first', async ({ run, ann }) => {
  const roomId = run.room();
  const client = await run.member(ann, roomId);
  for (const n of upTo(5)) await client.say(roomId, `${n}`, `p${n}`);
  const contents = async (target) => (await run.call('GET', `/api/messages/room/${roomId}${target}`, { token: ann.token })).body.messages.map(({ content }) => content);
  assert.deepEqual(await contents('?page=1&limit=2'), ['1', '2']);
  assert.deepEqual(await contents('?page=3&limit=2'), ['5']);
  assert.deepEqual(await contents('/recent?limit=2'), ['4', '5']);
  assert.deepEqual(await contents('?beforeSeq=3&limit=1'), ['2']);
  await client.close();
});

rule('rest.5', 'one’s own messages may be deleted, others’ may not', async ({ run, ann, bob }) => {
  const { body } = await run.call('POST', '/api/messages', { token: ann.token, body: { content: 'mine', room_id: run.room() } });
  const attempt = (token) => run.call('DELETE', `/api/messages/${body.data.id}`, { token });
  const statuses = [];
  for (const { token } of [bob, ann, ann]) statuses.push((await attempt(token)).status);
  assert.deepEqual(statuses, [403, 200, 200], 'by another, by its sender, once more');
  assert.equal((await run.call('GET', `/api/messages/${body.data.id}`, { token: ann.token })).status, 404);
});

rule('rest.6', 'names, room ids and contents beyond their bounds are refused', async ({ run, ann }) => {
  const user = async (username) => (await run.call('POST', '/api/users', { body: { username, email: 'kit@example.org' } })).status;
  for (const username of ['x'.repeat(51), 'a<b', 'a\u0000b', `${run.name}"`]) assert.equal(await user(username), 400, JSON.stringify(username));
  const post = async (content, room_id) => (await run.call('POST', '/api/messages', { token: ann.token, body: { content, room_id } })).status;
  for (const room of ['a room', 'x'.repeat(51), 'ä']) assert.equal(await post('x', room), 400, room);
  assert.equal(await post('x'.repeat(65_537), run.room()), 413);
});

// ---- what is promised ------------------------------------------------------------------------

rule('promise.1', 'one order: all readers see the same events at the same numbers, without holes', async ({ run, ann, bob, cid }) => {
  const roomId = run.room();
  const members = await Promise.all([ann, bob, cid].map((user) => run.member(user, roomId)));
  await Promise.all(members.map(async (client, i) => {
    for (const n of upTo(20)) client.send({ type: 'chat_message', roomId, content: `${i}.${n}`, clientMessageId: `o${n}` });
  }));
  const views = [];
  for (const client of members) views.push((await client.until(roomId, 60)).map(({ seq, id }) => `${seq}:${id}`));
  assert.deepEqual(members[0].events(roomId).map(({ seq }) => seq), upTo(60));
  assert.deepEqual(views[1], views[0]);
  assert.deepEqual(views[2], views[0]);
  for (const client of members) await client.close();
});

rule('promise.2', 'what was acknowledged is in the history, as it was acknowledged', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const client = await run.member(ann, roomId);
  for (const n of upTo(5)) {
    const sent = await client.say(roomId, `${n}`, `a${n}`);
    const { body } = await run.call('GET', `/api/messages/${sent.id}`, { token: bob.token });
    assert.deepEqual([body.seq, body.content, body.timestamp], [sent.seq, `${n}`, sent.timestamp]);
  }
  await client.close();
});

rule('promise.3', 'once: the same clientMessageId is the same message, told as a duplicate', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const [one, two] = [await run.member(ann, roomId), await run.member(ann, roomId)];
  const other = await run.member(bob, roomId);
  const message = { type: 'chat_message', roomId, content: 'once', clientMessageId: 'same' };
  for (const client of [one, two]) for (let i = 0; i < 5; ++i) client.send(message);
  const answers = [];
  for (const client of [one, two]) for (let i = 0; i < 5; ++i) answers.push(await client.next('message_sent'));
  assert.equal(new Set(answers.map(({ id, seq }) => `${id}:${seq}`)).size, 1, 'there are several');
  assert.equal(answers.filter(({ duplicate }) => !duplicate).length, 1, 'not exactly one was told to be new');
  await other.settle();
  assert.equal(other.events(roomId).length, 1);
  for (const client of [one, two, other]) await client.close();
});

rule('promise.4', 'nothing is seen that is not kept: what was just delivered can be read', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const writer = await run.member(ann, roomId);
  const reader = await run.member(bob, roomId);
  for (const n of upTo(10)) {
    writer.send({ type: 'chat_message', roomId, content: `${n}` });
    const { id } = await reader.next((frame) => frame.content === `${n}`);
    assert.equal((await run.call('GET', `/api/messages/${id}`, { token: bob.token })).status, 200);
  }
  await writer.close();
  await reader.close();
});

rule('promise.5', 'resume has no window: what was missed comes once and in order, then what is live', async ({ run, ann, bob }) => {
  const roomId = run.room();
  const writer = await run.member(ann, roomId);
  const reader = await run.member(bob, roomId);
  const { epoch } = reader.session;
  const first = await writer.say(roomId, '1', 'r1');
  await reader.until(roomId, 1);
  await reader.close();
  for (const n of upTo(20)) await writer.say(roomId, `${n + 1}`, `r${n + 1}`);
  await run.call('DELETE', `/api/messages/${first.id}`, { token: ann.token });
  const returned = await run.session(bob, { auth: { resume: { epoch, rooms: { [roomId]: 1 } } } });
  const joined = await run.session(bob);
  joined.send({ type: 'join_room', roomId, afterSeq: 5, epoch });
  await writer.say(roomId, 'live', 'r22');
  assert.deepEqual((await returned.until(roomId, 22)).map(({ seq }) => seq), upTo(23).slice(1));
  assert.deepEqual((await joined.until(roomId, 18)).map(({ seq }) => seq), upTo(23).slice(5));
  for (const client of [writer, returned, joined]) await client.close();
});

rule('promise.6', 'no silent loss: numbers of another database, or beyond the head, are answered by a gap', async ({ run, ann }) => {
  const roomId = run.room();
  const client = await run.member(ann, roomId);
  const { epoch } = client.session;
  await client.say(roomId, 'x', 'g1');
  for (const wrong of [{ afterSeq: 1, epoch: epoch + 1 }, { afterSeq: 1_000, epoch }]) {
    const other = await run.session(ann);
    other.send({ type: 'join_room', roomId, ...wrong });
    const gap = await other.next('gap');
    assert.deepEqual([gap.reason, gap.epoch], ['epoch', epoch]);
    await other.close();
  }
  await client.close();
});

// What was watched on all connections of the rules above; these come last.
export const watched = [
  { number: 'order.1', promise: 'within a room, events come one behind the other on every connection', faults: (run) => run.disorder },
  { number: 'form.1', promise: 'every frame and answer is as the descriptions say', faults: (run) => run.undescribed },
];

// What nobody can see from outside, or only at the price of others.
export const unseen = ['power loss and kill -9', 'drain', 'slow readers', 'gaps of more than 1,000 events', 'limits of rates', 'several servers'];
