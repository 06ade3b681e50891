// Who gets in, and who does not.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Server, within } from './harness.mjs';

const SECRET = 'a secret for the tests only';
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function mint(payload, { secret = SECRET, header = { alg: 'HS256', typ: 'JWT' }, hash = 'sha256' } = {}) {
  const body = `${encode(header)}.${encode(payload)}`;
  return `${body}.${createHmac(hash, secret).update(body).digest('base64url')}`;
}

const later = () => Math.floor(Date.now() / 1000) + 3600;
let server;
let ann;
before(async () => {
  server = await Server.start({ config: `[auth]\nsecret = "${SECRET}"\n` });
  ann = await server.user('ann', { password: 'correct horse battery' });
});
after(() => server.dispose());

const status = async (token) => (await server.call('GET', '/api/users', { token })).status;

test('a token of another backend with the same key is believed; forgeries are not', async () => {
  const good = { sub: String(ann.id), name: 'ann', exp: later(), jti: 'x' };
  assert.equal(await status(mint(good)), 200);
  const forgeries = {
    'another key': mint(good, { secret: 'another secret altogether' }),
    'no signature': `${encode({ alg: 'none' })}.${encode(good)}.`,
    'alg none with a signature': mint(good, { header: { alg: 'none' } }),
    'another algorithm': mint(good, { header: { alg: 'HS512' }, hash: 'sha512' }),
    'an asymmetric algorithm': mint(good, { header: { alg: 'RS256' } }),
    expired: mint({ ...good, exp: later() - 7200 }),
    'without exp': mint({ sub: good.sub }),
    'not yet': mint({ ...good, nbf: later() }),
    'sub as a number': mint({ ...good, sub: ann.id }),
    'sub with more behind it': mint({ ...good, sub: `${ann.id} or 1` }),
    'sub zero': mint({ ...good, sub: '0' }),
    'sub above 2^53': mint({ ...good, sub: '9007199254740992' }),
    huge: mint({ ...good, pad: 'x'.repeat(4000) }),
    empty: '',
    dots: '..',
  };
  for (const [what, token] of Object.entries(forgeries)) {
    assert.equal(await status(token || undefined), 401, what);
    const client = await server.connect();
    client.send({ type: 'auth', token: token || undefined });
    assert.equal((await client.next('error')).code, 'unauthenticated', what);
    await client.close();
  }
});

test('a user that only another backend knows is made at the first auth', async () => {
  const token = mint({ sub: '7001', name: 'from elsewhere', exp: later(), jti: 'y' });
  const client = await server.session({ token });
  assert.deepEqual([client.session.userId, client.session.username], [7001, 'from elsewhere']);
  client.send({ type: 'join_room', roomId: 'r' });
  await client.next('room_joined');
  await client.close();
  const taken = await server.connect();
  taken.send({ type: 'auth', token: mint({ sub: '7002', name: 'ann', exp: later() }) });
  assert.equal((await taken.next('error')).code, 'conflict');
  await taken.close();
});

test('passwords: login, wrong ones, unknown names', async () => {
  const login = (username, password) => server.call('POST', '/api/sessions', { body: { username, password } });
  const good = await login('ANN', 'correct horse battery');
  assert.equal(good.status, 201);
  assert.equal(good.body.user.id, ann.id);
  assert.equal(await status(good.body.token), 200);
  const cookie = good.headers.get('set-cookie');
  assert.match(cookie, /^starling=.*; Path=\/; HttpOnly; SameSite=Strict; Max-Age=2592000$/);
  assert.equal((await login('ann', 'wrong password')).status, 401);
  assert.equal((await login('nobody', 'wrong password')).status, 401);
  assert.equal((await login('ann', '')).status, 400);
  await server.user('tokenonly');
  assert.equal((await login('tokenonly', 'anything at all')).status, 401);
  for (const password of ['short', 'x'.repeat(257), 7]) {
    const answer = await server.call('POST', '/api/users', { body: { username: 'new', email: 'n@x', password } });
    assert.equal(answer.status, 400);
  }
  for (const username of ['', ' ann', 'a<b', "a'b", 'a\nb', 'x'.repeat(51)]) {
    assert.equal((await server.call('POST', '/api/users', { body: { username, email: 'n@x' } })).status, 400, username);
  }
});

test('a logout closes the token’s sockets within a second, and the token stays dead after a restart', async () => {
  const { body } = await server.call('POST', '/api/sessions', { body: { username: 'ann', password: 'correct horse battery' } });
  const renewed = (await server.call('POST', '/api/sessions', { token: body.token, headers: { 'Content-Length': '0' } })).body.token;
  const client = await server.session({ token: body.token });
  const spared = await server.session({ token: renewed });
  const answer = await server.call('DELETE', '/api/sessions', { token: body.token });
  assert.equal(answer.status, 204);
  assert.match(answer.headers.get('set-cookie'), /^starling=; .*Max-Age=0$/);
  assert.equal((await within(client.closed, 'the close', 1000)).code, 4200);
  await spared.settle();
  assert.equal(await status(body.token), 401);
  await server.kill();
  await server.start();
  assert.equal(await status(body.token), 401);
  assert.equal(await status(renewed), 200);
  const late = await server.connect();
  late.send({ type: 'auth', token: body.token });
  assert.equal((await late.next('error')).code, 'unauthenticated');
  await late.close();
});

test('a token that runs out closes its session', async () => {
  const exp = Math.floor(Date.now() / 1000) + 2;
  const client = await server.session({ token: mint({ sub: String(ann.id), exp, jti: 'z' }) });
  assert.equal((await within(client.closed, 'the close')).code, 4200);
});

test('who does not say who they are is closed with 4301', async () => {
  const strict = await Server.start({ config: '[auth]\ndeadline_ms = 100\n' });
  try {
    const client = await strict.connect();
    assert.equal((await within(client.closed, 'the close')).code, 4301);
  } finally {
    await strict.dispose();
  }
});

test('pages of other origins may neither connect nor use the cookie', async () => {
  const cookie = `starling=${ann.token}`;
  const own = `http://127.0.0.1:${server.port}`;
  const foreign = 'https://evil.example';
  const client = await server.connect({ headers: { Origin: own } });
  await client.close();
  for (const origin of [foreign, 'null', `${own}.evil.example`, 'http://localhost:1']) {
    await assert.rejects(server.connect({ headers: { Origin: origin } }), { status: 403 });
    const read = await server.call('GET', '/api/rooms', { headers: { Origin: origin, Cookie: cookie } });
    assert.equal(read.status, 403, origin);
    const write = await server.call('POST', '/api/users', { headers: { Origin: origin }, body: { username: 'q', email: 'q@x' } });
    assert.equal(write.status, 403, origin);
  }
  assert.equal((await server.call('GET', '/api/rooms', { headers: { Origin: own, Cookie: cookie } })).status, 200);
});

test('an allowed origin is allowed, and open mode on loopback lets loopback pages in', async () => {
  const open = await Server.start({ args: ['--auth', 'open'], config: '[http]\nallowed_origins = ["https://chat.example"]\n' });
  try {
    for (const origin of ['https://chat.example', 'http://localhost:3000', 'http://127.0.0.1:5173']) {
      await (await open.connect({ headers: { Origin: origin } })).close();
    }
    await assert.rejects(open.connect({ headers: { Origin: 'https://evil.example' } }), { status: 403 });
  } finally {
    await open.dispose();
  }
});

test('in open mode an id is believed, once for a session, and what is missing is told', async () => {
  const open = await Server.start({ args: ['--auth', 'open'], config: '[limits]\nrooms_per_session = 2\n' });
  try {
    const first = await open.user('first');
    const other = await open.user('other');
    const client = await open.connect();
    await client.next('welcome');
    const refused = async (frame, code, message) => {
      client.send(frame);
      const error = await client.next('error');
      assert.deepEqual([error.code, error.message], [code, message], JSON.stringify(frame));
    };
    await refused({ type: 'auth' }, 'bad_request', 'User ID is required');
    await refused({ type: 'chat_message', roomId: 'a', content: 'x' }, 'bad_request', 'Content and user ID are required');
    await refused({ type: 'join_room', roomId: 'a' }, 'bad_request', 'Room ID and User ID are required');
    const { _socket: line } = client.socket; // both in one piece: the archive cannot answer in between
    line.cork();
    client.send({ type: 'auth', userId: first.id });
    const under_way = refused({ type: 'auth', userId: other.id }, 'bad_request', 'Authentication is under way');
    line.uncork();
    await under_way;
    assert.equal((await client.next('auth_success')).userId, first.id);
    await refused({ type: 'auth', userId: other.id }, 'forbidden', 'The session belongs to another user');
    await refused({ type: 'join_room', roomId: 'a', userId: other.id }, 'forbidden', 'The session belongs to another user');
    for (const roomId of ['a', 'b', 'a']) {
      client.send({ type: 'join_room', roomId });
      await client.next('room_joined');
    }
    await refused({ type: 'join_room', roomId: 'c' }, 'bad_request', 'Too many rooms in this session');
    client.send({ type: 'leave_room', roomId: 'b' });
    await client.next('room_left');
    client.send({ type: 'join_room', roomId: 'c' });
    assert.equal((await client.next('room_joined')).roomId, 'c');
    assert.equal(await open.stop(), 0);
  } finally {
    await open.dispose();
  }
});
