// Who may what: every REST call and every WebSocket command, by whom, on whose things.
//
// The tables below hold the expected answer of each cell; nothing is derived from another cell. The
// columns are the caller's token and the rows the thing that is asked for, always in that order:
//   none      no token             broken   the signature is another's
//   expired   its time is over     revoked  logged out
//   other     valid, another user's (bob)   right    the owner's (ann)
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Server, within } from './harness.mjs';

const SECRET = 'a secret for the tests only';
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
function mint(payload, secret = SECRET) {
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(payload)}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}
const in_seconds = (count) => Math.floor(Date.now() / 1000) + count;

const CALLERS = ['none', 'broken', 'expired', 'revoked', 'other', 'right'];
const MISSING = { user: 987654, message: 987654321, room: 'nowhere' };

let server;
let ann;
let bob;
let tokens;
let answers = ''; // everything that was told to anybody but ann
const secrets = []; // what must never be told to others, nor logged
const messages = { ann: [], bob: [] }; // to be deleted: ids

async function post_as(user, content) {
  const answer = await server.call('POST', '/api/messages', { token: user.token, body: { content, room_id: 'hall' } });
  assert.equal(answer.status, 201);
  return answer.body.data.id;
}

before(async () => {
  server = await Server.start({ config: `[auth]\nsecret = "${SECRET}"\n[log]\nlevel = "debug"\n` });
  ann = await server.user('ann', { email: 'planted-ann@secret.example', password: 'planted password of ann' });
  bob = await server.user('bob', { email: 'planted-bob@secret.example', password: 'planted password of bob' });
  const login = await server.call('POST', '/api/sessions', { body: { username: 'ann', password: 'planted password of ann' } });
  const revoked = login.body.token;
  assert.equal((await server.call('DELETE', '/api/sessions', { token: revoked })).status, 204);
  const payload = { sub: String(ann.id), name: 'ann', jti: 'planted-jti' };
  tokens = {
    none: undefined,
    broken: mint({ ...payload, exp: in_seconds(3600) }, 'the secret of somebody else'),
    expired: mint({ ...payload, exp: in_seconds(-60) }),
    revoked,
    other: bob.token,
    right: ann.token,
  };
  secrets.push(ann.email, bob.email, 'planted password', SECRET, ...Object.values(tokens).filter(Boolean));
  for (const user of [ann, bob]) await (await server.member(user, 'hall')).close();
  await (await server.member(ann, 'anns')).close();
  for (let i = 0; i < 10; ++i) {
    messages.ann.push(await post_as(ann, `ann ${i}`));
    messages.bob.push(await post_as(bob, `bob ${i}`));
  }
});
after(() => server.dispose());

// ---- REST ------------------------------------------------------------------------------------

// Which thing: ann's own, bob's, or one that is not there.
const user_of = (what) => ({ own: ann.id, other: bob.id, missing: MISSING.user })[what];
const name_of = (what) => ({ own: 'ann', other: 'bob', missing: 'nobody' })[what];
const message_of = (what) => ({ own: messages.ann[round], other: messages.bob[round], missing: MISSING.message })[what];
const room_of = (what) => ({ own: 'anns', other: 'hall', missing: MISSING.room })[what];
let fresh = 0;
let round = 0; // each deletes messages of its own

// [call, thing, expected of none, broken, expired, revoked, other, right, body]
const REST = [
  ['POST /api/users', () => '/api/users', 'missing', [201, 201, 201, 201, 201, 201], () => ({ username: `new-${++fresh}`, email: 'n@x' })],
  ['POST /api/users', () => '/api/users', 'own', [409, 409, 409, 409, 409, 409], () => ({ username: 'ann', email: 'n@x' })],
  ['POST /api/users', () => '/api/users', 'other', [409, 409, 409, 409, 409, 409], () => ({ username: 'BOB', email: 'n@x' })],
  ['GET /api/users', () => '/api/users', 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/users/online', () => '/api/users/online', 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/users/{id}', (w) => `/api/users/${user_of(w)}`, 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/users/{id}', (w) => `/api/users/${user_of(w)}`, 'other', [401, 401, 401, 401, 200, 200]],
  ['GET /api/users/{id}', (w) => `/api/users/${user_of(w)}`, 'missing', [401, 401, 401, 401, 404, 404]],
  ['GET /api/users/username/{name}', (w) => `/api/users/username/${name_of(w)}`, 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/users/username/{name}', (w) => `/api/users/username/${name_of(w)}`, 'other', [401, 401, 401, 401, 200, 200]],
  ['GET /api/users/username/{name}', (w) => `/api/users/username/${name_of(w)}`, 'missing', [401, 401, 401, 401, 404, 404]],
  ['PATCH /api/users/{id}/status', (w) => `/api/users/${user_of(w)}/status`, 'own', [401, 401, 401, 401, 403, 200], () => ({ is_online: true })],
  ['PATCH /api/users/{id}/status', (w) => `/api/users/${user_of(w)}/status`, 'other', [401, 401, 401, 401, 200, 403], () => ({ is_online: true })],
  ['PATCH /api/users/{id}/status', (w) => `/api/users/${user_of(w)}/status`, 'missing', [401, 401, 401, 401, 403, 403], () => ({ is_online: true })],
  ['POST /api/sessions', () => '/api/sessions', 'own', [201, 201, 201, 201, 201, 201], () => ({ username: 'ann', password: 'planted password of ann' })],
  ['POST /api/sessions', () => '/api/sessions', 'other', [401, 401, 401, 401, 401, 401], () => ({ username: 'bob', password: 'planted password of ann' })],
  ['POST /api/sessions', () => '/api/sessions', 'missing', [401, 401, 401, 401, 401, 401], () => ({ username: 'nobody', password: 'planted password of ann' })],
  ['POST /api/sessions (renew)', () => '/api/sessions', 'own', [400, 400, 400, 400, 201, 201], () => ''],
  ['POST /api/messages', () => '/api/messages', 'own', [401, 401, 401, 401, 403, 201], () => ({ content: 'x', room_id: 'hall', sender_id: ann.id })],
  ['POST /api/messages', () => '/api/messages', 'other', [401, 401, 401, 401, 201, 403], () => ({ content: 'x', room_id: 'hall', sender_id: bob.id })],
  ['POST /api/messages', () => '/api/messages', 'missing', [401, 401, 401, 401, 403, 403], () => ({ content: 'x', room_id: 'hall', sender_id: MISSING.user })],
  ['GET /api/messages/stats', () => '/api/messages/stats', 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/stats/room/{room}', (w) => `/api/messages/stats/room/${room_of(w)}`, 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/stats/room/{room}', (w) => `/api/messages/stats/room/${room_of(w)}`, 'missing', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/room/{room}', (w) => `/api/messages/room/${room_of(w)}`, 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/room/{room}', (w) => `/api/messages/room/${room_of(w)}`, 'other', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/room/{room}', (w) => `/api/messages/room/${room_of(w)}`, 'missing', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/room/{room}/recent', (w) => `/api/messages/room/${room_of(w)}/recent`, 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/room/{room}/recent', (w) => `/api/messages/room/${room_of(w)}/recent`, 'missing', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/{id}', (w) => `/api/messages/${message_of(w)}`, 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/{id}', (w) => `/api/messages/${message_of(w)}`, 'other', [401, 401, 401, 401, 200, 200]],
  ['GET /api/messages/{id}', (w) => `/api/messages/${message_of(w)}`, 'missing', [401, 401, 401, 401, 404, 404]],
  ['DELETE /api/messages/{id}', (w) => `/api/messages/${message_of(w)}`, 'own', [401, 401, 401, 401, 403, 200]],
  ['DELETE /api/messages/{id}', (w) => `/api/messages/${message_of(w)}`, 'other', [401, 401, 401, 401, 200, 403]],
  ['DELETE /api/messages/{id}', (w) => `/api/messages/${message_of(w)}`, 'missing', [401, 401, 401, 401, 404, 404]],
  ['GET /api/rooms', () => '/api/rooms', 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/rooms/{room}', (w) => `/api/rooms/${room_of(w)}`, 'own', [401, 401, 401, 401, 200, 200]],
  ['GET /api/rooms/{room}', (w) => `/api/rooms/${room_of(w)}`, 'missing', [401, 401, 401, 401, 404, 404]],
  ['GET /api/fleet', () => '/api/fleet', 'own', [401, 401, 401, 401, 200, 200]],
  ['DELETE /api/sessions', () => '/api/sessions', 'missing', [401, 401, 401, 401]], // of the right ones: below
];

let cells = 0;

// The token of a call's answer is its caller's own: what others may not see is everything else.
function remember(caller, answer) {
  if (caller === 'right') return;
  answers += JSON.stringify(answer.body, (key, value) => (key === 'token' ? undefined : value));
  if (caller === 'other') answers = answers.replaceAll(bob.email, ''); // one's own is shown
}

for (const way of ['Authorization', 'cookie']) {
  test(`every REST call, by every kind of token (${way})`, async () => {
    ++round;
    const wrong = [];
    for (const [call, path, thing, expected, body] of REST) {
      const [method] = call.split(' ');
      for (const [column, status] of expected.entries()) {
        const caller = CALLERS[column];
        const token = tokens[caller];
        const options = way === 'cookie' ? { headers: token ? { Cookie: `starling=${token}` } : {} } : { token };
        if (body) options.body = body();
        if (options.body === '') delete options.body;
        if (method === 'POST' && options.body === undefined) options.headers = { ...options.headers, 'Content-Length': '0' };
        const answer = await server.call(method, path(thing), options);
        ++cells;
        if (answer.status !== status) wrong.push(`${call}, ${thing}, ${caller}: ${answer.status} and not ${status}`);
        if (answer.status === 401) assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
        const created = answer.status === 201 && call.startsWith('POST /api/sessions');
        if (!created) remember(caller, answer);
        else secrets.push(answer.body.token);
      }
    }
    assert.deepEqual(wrong, []);
  });
}

// ---- WebSocket -------------------------------------------------------------------------------

// Expected: the type of the answer, or the code of the error.
const V1 = [
  ['auth', 'own', ['unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated', 'auth_success', 'auth_success'], () => ({ type: 'auth' })],
  ['auth as ann', 'own', ['unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated', 'forbidden', 'auth_success'], () => ({ type: 'auth', userId: ann.id })],
  ['auth as bob', 'other', ['unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated', 'auth_success', 'forbidden'], () => ({ type: 'auth', userId: bob.id })],
  ['auth as nobody', 'missing', ['unauthenticated', 'unauthenticated', 'unauthenticated', 'unauthenticated', 'forbidden', 'forbidden'], () => ({ type: 'auth', userId: MISSING.user })],
];
const IN = 'unauthenticated';
const COMMANDS = [
  ['join_room', 'own', [IN, IN, IN, IN, 'room_joined', 'room_joined'], () => ({ type: 'join_room', roomId: 'hall' })],
  ['join_room as ann', 'own', [IN, IN, IN, IN, 'forbidden', 'room_joined'], () => ({ type: 'join_room', roomId: 'hall', userId: ann.id })],
  ['join_room as bob', 'other', [IN, IN, IN, IN, 'room_joined', 'forbidden'], () => ({ type: 'join_room', roomId: 'hall', userId: bob.id })],
  ['join_room as nobody', 'missing', [IN, IN, IN, IN, 'forbidden', 'forbidden'], () => ({ type: 'join_room', roomId: 'hall', userId: MISSING.user })],
  ['chat_message, a member', 'own', [IN, IN, IN, IN, 'message_sent', 'message_sent'], (n) => ({ type: 'chat_message', roomId: 'hall', content: 'x', clientMessageId: n })],
  ['chat_message as ann', 'own', [IN, IN, IN, IN, 'forbidden', 'message_sent'], (n) => ({ type: 'chat_message', roomId: 'hall', content: 'x', userId: ann.id, clientMessageId: n })],
  ['chat_message as bob', 'other', [IN, IN, IN, IN, 'message_sent', 'forbidden'], (n) => ({ type: 'chat_message', roomId: 'hall', content: 'x', userId: bob.id, clientMessageId: n })],
  ['chat_message, ann’s room', 'other', [IN, IN, IN, IN, 'not_in_room', 'message_sent'], (n) => ({ type: 'chat_message', roomId: 'anns', content: 'x', clientMessageId: n })],
  ['chat_message, no room', 'missing', [IN, IN, IN, IN, 'not_in_room', 'not_in_room'], (n) => ({ type: 'chat_message', roomId: MISSING.room, content: 'x', clientMessageId: n })],
  ['get_recent_messages', 'own', [IN, IN, IN, IN, 'recent_messages', 'recent_messages'], () => ({ type: 'get_recent_messages', roomId: 'hall' })],
  ['get_recent_messages', 'missing', [IN, IN, IN, IN, 'recent_messages', 'recent_messages'], () => ({ type: 'get_recent_messages', roomId: MISSING.room })],
  ['typing, not entered', 'other', [IN, IN, IN, IN, 'not_in_room', 'not_in_room'], () => ({ type: 'typing', roomId: 'hall', isTyping: true })],
  ['typing', 'missing', [IN, IN, IN, IN, 'not_in_room', 'not_in_room'], () => ({ type: 'typing', roomId: MISSING.room, isTyping: true })],
  ['mark_read', 'own', [IN, IN, IN, IN, 'read_update', 'read_update'], () => ({ type: 'mark_read', roomId: 'hall', seq: 1 })],
  ['mark_read, ann’s room', 'other', [IN, IN, IN, IN, 'not_in_room', 'read_update'], () => ({ type: 'mark_read', roomId: 'anns', seq: 1 })],
  ['mark_read', 'missing', [IN, IN, IN, IN, 'not_in_room', 'not_in_room'], () => ({ type: 'mark_read', roomId: MISSING.room, seq: 1 })],
  ['leave_room', 'missing', [IN, IN, IN, IN, 'room_left', 'room_left'], () => ({ type: 'leave_room', roomId: MISSING.room })],
  ['ping', 'own', ['pong', 'pong', 'pong', 'pong', 'pong', 'pong'], () => ({ type: 'ping' })],
  ['an unknown command', 'missing', ['unknown_type', 'unknown_type', 'unknown_type', 'unknown_type', 'unknown_type', 'unknown_type'], () => ({ type: 'become_root' })],
];

let numbers = 0;
async function verdict(client, frame) {
  const ref = `ref-${++numbers}`;
  client.send({ ...frame, ref });
  const answer = await client.next((one) => one.ref === ref, 5_000);
  return answer.type === 'error' ? answer.code : answer.type;
}

async function entered(caller) {
  const client = await server.connect();
  await client.next('welcome');
  const said = await verdict(client, { type: 'auth', token: tokens[caller] });
  assert.equal(said, ['other', 'right'].includes(caller) ? 'auth_success' : 'unauthenticated', caller);
  return client;
}

for (const [what, rows] of [['auth', V1], ['every command', COMMANDS]]) {
  test(`${what} of starling.v1, by every kind of token`, async () => {
    const wrong = [];
    for (const [command, thing, expected, frame] of rows) {
      for (const [column, wanted] of expected.entries()) {
        const caller = CALLERS[column];
        const client = what === 'auth' ? await server.connect() : await entered(caller);
        const token = what === 'auth' && tokens[caller] ? { token: tokens[caller] } : {};
        const found = await verdict(client, { ...frame(`m-${++numbers}`), ...token });
        ++cells;
        if (found !== wanted) wrong.push(`${command}, ${thing}, ${caller}: ${found} and not ${wanted}`);
        if (caller !== 'right') answers += JSON.stringify(client.frames);
        await client.close();
      }
    }
    assert.deepEqual(wrong, []);
  });
}

test('a session is nobody else’s afterwards', async () => {
  const client = await entered('right');
  assert.equal(await verdict(client, { type: 'auth', token: tokens.other }), 'forbidden');
  for (const bad of ['broken', 'expired', 'revoked']) assert.equal(await verdict(client, { type: 'auth', token: tokens[bad] }), 'unauthenticated');
  assert.equal(await verdict(client, { type: 'auth', token: tokens.right }), 'auth_success');
  await client.close();
});

test('nothing of a refused call has happened', async () => {
  for (const id of messages.ann.slice(round + 1)) {
    const answer = await server.call('GET', `/api/messages/${id}`, { token: ann.token });
    assert.equal(answer.status, 200);
    assert.ok(answer.body.content.startsWith('ann '));
  }
  // Each "x" in the hall was said by one who may: 'right' as ann, 'other' as bob.
  const page = await server.call('GET', '/api/messages/room/hall?limit=100', { token: ann.token });
  for (const message of page.body.messages) assert.ok([ann.id, bob.id].includes(message.senderId));
  const room = await server.call('GET', `/api/messages/room/${MISSING.room}`, { token: ann.token });
  assert.deepEqual(room.body.messages, []);
});

test('a logout closes the sockets of that token within a second, and no others', async () => {
  const login = () => server.call('POST', '/api/sessions', { body: { username: 'bob', password: 'planted password of bob' } });
  const [gone, stays] = [(await login()).body.token, (await login()).body.token];
  secrets.push(gone, stays);
  const closing = await Promise.all([1, 2, 3].map(() => server.session({ token: gone })));
  const spared = await server.session({ token: stays });
  assert.equal((await server.call('DELETE', '/api/sessions', { token: gone })).status, 204);
  for (const client of closing) assert.equal((await within(client.closed, 'the close', 1_000)).code, 4200);
  await spared.settle();
  await spared.close();
  assert.equal((await server.call('GET', '/api/rooms', { token: gone })).status, 401);
});

test('no e-mail, password or token is told to others or logged', async () => {
  assert.ok(cells >= 500, `${cells} cells`);
  const metrics = await (await fetch(server.metrics)).text();
  assert.equal(await server.stop(), 0);
  const logged = server.lines.join('\n');
  assert.ok(answers.length > 10_000 && logged.includes('"message":"serving"'), 'there is something to look through');
  for (const secret of secrets) {
    assert.ok(!answers.includes(secret), `told to others: ${secret}`);
    assert.ok(!logged.includes(secret), `logged: ${secret}`);
    assert.ok(!metrics.includes(secret), `in the metrics: ${secret}`);
  }
});
