// docs/limits.md, row by row: at each bound a server takes what it is given, beyond it the answer is
// the one that the page tells. The page's own numbers are used. Once is enough: it is not among the
// sanitized runs.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Raw, Server, range, statusOf, within } from '../e2e/harness.mjs';

const page = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8');
const SECRET = 'a secret for the tests only';

// {name, bound, answers}: a setting is called by its key, what is fixed by what it is of.
const rows = page.split('\n').filter((line) => /^\| .* \| \d/.test(line)).map((line) => {
  const [what, bound, , , ...answers] = line.slice(2, -2).split(' | ');
  return { name: /<br>`(.+)`$/.exec(what)?.[1] ?? what, bound: parseInt(bound, 10), answers };
});

// ---- what was answered, in the page's words
const status = ({ status, body }) => (status < 400 ? '' : `${status} \`${body.code}\``);
const raw_status = (text) => (text === '' ? 'closed' : statusOf(text) < 400 ? '' : `${statusOf(text)} \`${JSON.parse(text.slice(text.indexOf('\r\n\r\n'))).code}\``);
const close_of = async (client) => `close ${(await within(client.closed, 'the close')).code}`;

// The answer to one command: an error, or nothing where another frame has its `ref`. An error about the
// `ref` itself has none.
async function told(client, command, ref = command.ref ?? 'r') {
  client.send({ ...command, ref });
  const frame = await client.next((frame) => frame.ref === ref || (frame.type === 'error' && frame.ref === undefined));
  return frame.type === 'error' ? `\`error\` \`${frame.code}\`` : '';
}
// Repeats what is limited until it is refused.
async function until_refused(act) {
  for (let i = 0; i < 50; ++i) {
    const answer = await act(i);
    if (answer) return answer;
  }
  return '';
}

const post = (server, user, extra) => server.call('POST', '/api/messages', { token: user.token, body: { content: 'x', room_id: 'room', ...extra } }).then(status);
const say = (client, extra) => told(client, { type: 'chat_message', roomId: 'room', content: 'x', clientMessageId: `${Math.random()}`, ...extra });
const register = (server, extra) => server.call('POST', '/api/users', { body: { username: `u${Math.random()}`, email: 'u@x', ...extra } }).then(status);
const login = (server, username) => server.call('POST', '/api/sessions', { body: { username, password: 'a wrong guess' } }).then((answer) => (answer.status === 401 ? '' : status(answer)));
const x = (count) => 'x'.repeat(count);
const nested = (depth) => '['.repeat(depth - 1) + ']'.repeat(depth - 1); // within an object

// A valid token of that many bytes.
function token_of(bytes, user) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  for (let kid = 0; ; ++kid) {
    for (let pad = bytes / 2; pad < bytes; ++pad) {
      const signed = `${encode({ alg: 'HS256', typ: 'JWT', kid: x(kid) })}.${encode({ sub: String(user.id), name: 'ann', exp: 4e9, pad: x(pad) })}`;
      if (signed.length + 44 === bytes) return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
      if (signed.length + 44 > bytes) break;
    }
  }
}

// ---- trials: what is done `count` times, with `count` bytes, ...; in the order of the page's answers
const messages = {
  'limits.message_bytes': [(s, n) => post(s.server, s.ann, { content: x(n) }), (s, n) => say(s.member, { content: x(n) })],
  'limits.metadata_bytes': [(s, n) => post(s.server, s.ann, { metadata: { a: x(n - 8) } }), (s, n) => say(s.member, { metadata: { a: x(n - 8) } })],
  "a room's id": [(s, n) => post(s.server, s.ann, { room_id: x(n) }), (s, n) => told(s.member, { type: 'join_room', roomId: x(n) })],
  '`messageType`': [(s, n) => post(s.server, s.ann, { message_type: x(n) }), (s, n) => say(s.member, { messageType: x(n) })],
  '`clientMessageId`, `Idempotency-Key`': [(s, n) => post(s.server, s.ann, { clientMessageId: x(n) }), (s, n) => say(s.member, { clientMessageId: x(n) })],
  '`ref`': [undefined, (s, n) => told(s.member, { type: 'ping' }, x(n))],
  '`t` of a `ping`, as JSON': [undefined, (s, n) => told(s.member, { type: 'ping', t: x(n - 2) })],
  "a user's name": [(s, n) => register(s.server, { username: `${Math.random()}`.padEnd(n, 'ü') })],
  'an email address': [(s, n) => register(s.server, { email: `${x(n - 2)}@x` })],
  'a new password, at least': [(s, n, over) => register(s.server, { password: x(over ? n - 2 : n) })],
  'a new password, at most': [(s, n) => register(s.server, { password: x(n) })],
  'a token': [
    (s, n) => s.server.call('GET', '/api/rooms', { token: token_of(n, s.ann) }).then(status),
    async (s, n) => told(await s.server.connect(), { type: 'auth', token: token_of(n, s.ann) }),
  ],
  'objects and arrays in each other': [
    (s, n) => s.server.call('POST', '/api/messages', { token: s.ann.token, body: `{"content":"x","room_id":"room","other":${nested(n)}}` }).then(status),
    async (s, n) => {
      s.member.send(`{"type":"ping","other":${nested(n)}}`);
      const frame = await s.member.next((one) => one.type === 'error' || one.type === 'pong');
      return frame.type === 'error' ? `\`error\` \`${frame.code}\`` : '';
    },
  ],
};

const pings = (s) => until_refused(() => told(s.member, { type: 'ping' }));
const posts = (s) => until_refused(() => post(s.server, s.ann));
const says = (s) => until_refused(() => say(s.member));
const users = (s) => until_refused(() => register(s.server));
const logins = (s) => until_refused(() => login(s.server, 'ann'));
const gets = (s) => until_refused(() => s.server.call('GET', '/api/rooms', { token: s.ann.token }).then(status));
const pair = (rate, burst, trials) => ({ [rate]: [{ [rate]: 1, [burst]: 9 }, ...trials], [burst]: [{ [rate]: 1, [burst]: 9 }, ...trials] });

// Idle connections until one is closed by the server.
async function connections({ server }) {
  const open = [];
  try {
    for (let i = 0; i < 9; ++i) {
      const raw = new Raw(server).write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
      open.push(raw);
      if ((await raw.until((text, ended) => ended || text.includes('alive') || text.includes('ok'))) === '') return 'closed';
    }
    return '';
  } finally {
    for (const raw of open) raw.socket.destroy();
  }
}
async function upgrades({ server }, headers) {
  const open = [];
  try {
    for (let i = 0; i < 9; ++i) open.push(await server.connect({ headers }));
    return '';
  } catch (error) {
    return error.status ? `${error.status}` : 'closed';
  } finally {
    for (const client of open) client.socket.terminate();
  }
}

const rates_and_numbers = {
  ...pair('limits.messages_per_second', 'limits.message_burst', [undefined, pings]),
  'limits.refusals': [{ 'limits.message_burst': 3, 'limits.messages_per_second': 1, 'limits.refusals': 3 }, undefined, (s) => {
    for (let i = 0; i < 9; ++i) s.member.send({ type: 'ping' });
    return close_of(s.member);
  }],
  ...pair('limits.user_messages_per_second', 'limits.user_message_burst', [posts, pings]),
  ...pair('limits.room_messages_per_second', 'limits.room_message_burst', [posts, says]),
  ...pair('limits.address_requests_per_second', 'limits.address_request_burst', [gets, pings]),
  'limits.rooms_created_per_hour': [{ 'limits.rooms_created_per_hour': 3 },
    (s) => until_refused((i) => post(s.server, s.ann, { room_id: `new-${i}` })),
    (s) => until_refused((i) => told(s.member, { type: 'join_room', roomId: `newer-${i}` }))],
  'auth.registrations_per_hour': [{ 'auth.registrations_per_hour': 3 }, users],
  'auth.logins_per_minute': [{ 'auth.logins_per_minute': 2 }, logins],
  'auth.account_logins_per_minute': [{ 'auth.account_logins_per_minute': 2 }, logins],
  'auth.address_passwords': [{ 'auth.address_passwords': 1 }, async (s) => (await Promise.all(Array.from({ length: 9 }, () => login(s.server, 'ann')))).find(Boolean)],
  'passwords that wait to be hashed': [{ 'auth.address_passwords': 0 },
    (s) => Promise.any(range(1, 200).map((i) => login(s.server, `u${i}`).then((answer) => answer || Promise.reject(new Error('it was hashed')))))],
  'limits.connections': [{ 'limits.connections': 5 }, connections, upgrades],
  'limits.address_connections': [{ 'limits.address_connections': 5, 'http.trusted_proxies': '["127.0.0.2"]' }, connections, async (s) => {
    const direct = await upgrades(s);
    const behind = await Server.start({ config: '[limits]\naddress_connections = 3\n[http]\ntrusted_proxies = ["127.0.0.1"]\n' });
    try {
      return `${direct}; through a trusted proxy: ${await upgrades({ server: behind }, { 'X-Forwarded-For': '192.0.2.1' })}`;
    } finally {
      await behind.dispose();
    }
  }],
  'limits.user_connections': [{ 'limits.user_connections': 1 }, undefined, async (s) => {
    const second = await s.server.connect();
    return `${await told(second, { type: 'auth', token: s.ann.token })}, ${await close_of(second)}`;
  }],
  'limits.rooms_per_session': [{ 'limits.rooms_per_session': 3 }, undefined, (s) => until_refused((i) => told(s.member, { type: 'join_room', roomId: `r${i}` }))],
  'limits.rooms_per_user': [{ 'limits.rooms_per_user': 3 }, undefined, (s) => until_refused((i) => told(s.member, { type: 'join_room', roomId: `r${i}` }))],
  'resume.max_events': [{ 'resume.max_events': 2 }, undefined, async (s) => {
    for (let i = 0; i < 5; ++i) await say(s.member);
    s.member.frames.length = 0;
    s.member.send({ type: 'join_room', roomId: 'room', afterSeq: 0 });
    const gap = await s.member.next('gap');
    await s.member.settle();
    return `\`gap\` \`${gap.reason}\`, ${`${s.member.seqs()}` === '4,5' ? 'then the newest' : s.member.seqs()}`;
  }],
  'presence.events_max': [{ 'presence.events_max': 1 }, undefined, async (s) => {
    const others = await Promise.all(['bob', 'cyd'].map(async (name) => s.server.member(await s.server.user(name), 'room')));
    await s.member.next((frame) => frame.type === 'presence_count' && frame.onlineCount === 3);
    others[0].send({ type: 'typing', roomId: 'room', isTyping: true });
    await others[0].settle();
    await s.member.settle();
    const names = s.member.frames.filter(({ type, username }) => type === 'typing' || (type === 'user_joined' && username === 'cyd'));
    return `\`presence_count\` ${names.length === 0 ? 'instead' : JSON.stringify(names)}`;
  }],
  'limits.requests_in_flight': [{ 'limits.requests_in_flight': 16, 'limits.message_burst': 1_000_000, 'limits.user_messages_per_second': 0, 'limits.room_messages_per_second': 0 }, async (s) => {
    const call = await until_refused(async () => (await Promise.all(range(1, 60).map(() => post(s.server, s.ann)))).find(Boolean));
    const command = await until_refused(async () => (await Promise.all(range(1, 60).map((i) => say(s.member, { ref: `${i}` })))).find(Boolean));
    return call === '503 `unavailable`' ? `503 or ${command}` : call;
  }],
  'auth.deadline_ms': [{ 'auth.deadline_ms': 100 }, async (s) => close_of(await s.server.connect())],
  'limits.frame_bytes': [{ 'limits.frame_bytes': 30_000 }, (s) => {
    s.member.send(x(30_001));
    return close_of(s.member);
  }],
  'limits.fragments': [{ 'limits.fragments': 2 }, (s) => {
    for (let i = 0; i < 3; ++i) s.member.socket.send('{', { fin: false });
    return close_of(s.member);
  }],
  'presence.typing_ms': [{ 'presence.typing_ms': 100 }, async (s) => {
    const bob = await s.server.member(await s.server.user('bob'), 'room');
    s.member.send({ type: 'typing', roomId: 'room', isTyping: true });
    await bob.next((frame) => frame.type === 'typing' && frame.isTyping);
    return `\`typing\` with \`isTyping: ${(await bob.next('typing')).isTyping}\``;
  }],
  'presence.grace_ms': [{ 'presence.grace_ms': 1 }, async (s) => {
    const bob = await s.server.member(await s.server.user('bob'), 'room');
    bob.socket.terminate();
    return `\`${(await s.member.next('user_left')).type}\``;
  }],
};

const get = (server, target, headers = '') => Raw.exchange(server, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`).then(raw_status);
const head_bytes = 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close'.length; // the line ends behind it do not count
// Headers of so many bytes in all, none of them too large alone.
const filling = (bytes) => {
  const line = (size) => `a: ${x(size - 5)}\r\n`;
  return line(7_000) + line(7_000) + line(bytes - 14_000);
};
const requests = {
  'the target': [(s, n) => get(s.server, `/livez?${x(n - 7)}`)],
  'the head': [(s, n) => get(s.server, '/livez', filling(n - head_bytes))],
  headers: [(s, n) => get(s.server, '/livez', 'a: b\r\n'.repeat(n - 2))],
  "a header's name": [(s, n) => get(s.server, '/livez', `${x(n)}: b\r\n`)],
  "a header's value": [(s, n) => get(s.server, '/livez', `a: ${x(n)}\r\n`)],
  'http.max_body_bytes': [async (s, n) => {
    const text = JSON.stringify({ content: 'x', room_id: 'room', other: '' });
    return s.server.call('POST', '/api/messages', { token: s.ann.token, body: text.slice(0, -2) + x(n - text.length) + '"}' }).then(status);
  }],
};
const late = (key, bytes) => [{ [key]: 100 }, (s) => Raw.exchange(s.server, bytes).then(raw_status)];
const timeouts = {
  'http.head_timeout_ms': late('http.head_timeout_ms', 'GET / HTTP/1.1\r\n'),
  'http.body_timeout_ms': late('http.body_timeout_ms', 'POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{'),
  'http.idle_timeout_ms': late('http.idle_timeout_ms', ''),
};

const asked_for = {
  'rooms of a resume': async (s, n) => {
    const rooms = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`r${i}`, 0]));
    const epoch = s.member.session.epoch;
    assert.equal(await told(s.member, { type: 'auth', token: s.ann.token, resume: { epoch, rooms: rooms(n + 1) } }), '`error` `bad_request`');
  },
  'messages, users or rooms that a call gives': async (s, n) => {
    for (let i = 0; i <= n; ++i) await post(s.server, s.ann, { room_id: `full-${i}` });
    for (let i = 0; i <= n; ++i) await say(s.member);
    const lists = await Promise.all(['/api/rooms', '/api/messages/room/room', '/api/messages/room/room/recent'].map((path) =>
      s.server.call('GET', `${path}?limit=${n + 1}`, { token: s.ann.token }).then(({ body }) => (body.rooms ?? body.messages).length)));
    assert.deepEqual(lists, [n, n, n]);
    s.member.send({ type: 'get_recent_messages', roomId: 'room', limit: n + 1 });
    assert.equal((await s.member.next('recent_messages')).messages.length, n);
  },
  'rooms that the statistics name': async (s, n) => {
    for (let i = 0; i <= n; i += 50) {
      const answers = await Promise.all(range(i, i + 49).map((k) => post(s.server, s.ann, { room_id: `stats-${k}` })));
      assert.ok(answers.every((answer) => answer === ''), `${answers}`);
    }
    const { body } = await s.server.call('GET', '/api/messages/stats', { token: s.ann.token });
    assert.ok(body.total_messages > n);
    assert.equal(body.room_stats.length, n);
  },
  'user ids in `room_joined`': async (s, n) => {
    for (let i = 0; i <= n; ++i) await s.server.member(await s.server.user(`member-${i}`), 'crowd');
    const { joined } = await s.server.member(s.ann, 'crowd');
    assert.deepEqual([joined.onlineUsers.length, joined.onlineCount], [n, n + 2]);
  },
};

// What is shown elsewhere, because it takes many clients, a slow one, or several servers.
const elsewhere = {
  'messages that are counted as unread': 'tests/e2e/unread.test.mjs',
  'http.body_bytes_per_second': 'tests/unit/net/http_test.cpp',
  'a PROXY header': 'tests/unit/proto/proxy_header_test.cpp',
  'limits.ping_interval_ms': 'tests/unit/net/websocket_test.cpp',
  'limits.send_timeout_ms': 'tests/unit/net/send_test.cpp',
  'limits.private_buffer_bytes': 'tests/unit/net/send_test.cpp',
  'limits.room_buffer_bytes': 'tests/unit/shard/slow_readers_test.cpp',
  'limits.shard_buffer_bytes': 'tests/unit/shard/slow_readers_test.cpp',
  'limits.memory_bytes': 'tests/e2e/memory_ceiling.test.mjs',
  'store.batch_events': 'tests/unit/store/faults_test.cpp',
  'server.drain_window_ms': 'tests/e2e/daemon.test.mjs',
  'server.drain_deadline_ms': 'tests/e2e/daemon.test.mjs',
  'bus.gap_wait_ms': 'tests/unit/shard/fleet_test.cpp',
  'bus.heartbeat_s': 'tests/fleet/links.test.mjs',
  'other servers that it hears': 'tests/unit/chat/fleet_view_test.cpp',
};

const row_of = (name) => {
  const row = rows.find((one) => one.name === name);
  assert.ok(row, `the page has no ${name}`);
  return row;
};

async function with_server(config, act) {
  // TOML's dotted keys need no sections.
  const lines = Object.entries({ 'auth.secret': `"${SECRET}"`, 'server.threads': 1, ...config }).map(([key, value]) => `${key} = ${value}\n`);
  const server = await Server.start({ config: lines.join('') });
  try {
    const ann = await server.user('ann', { password: 'correct horse battery' });
    // Where sockets have no time, none is opened beforehand.
    const member = config['auth.deadline_ms'] ? undefined : await server.member(ann, 'room');
    await act({ server, ann, member });
  } finally {
    await server.dispose();
  }
}

test('each row of the page is tried here, or where it says', () => {
  const tried = [messages, rates_and_numbers, requests, timeouts, asked_for, elsewhere].flatMap(Object.keys);
  assert.deepEqual(tried.sort(), [...new Set(rows.map((row) => row.name))].sort());
  for (const file of Object.values(elsewhere)) assert.ok(existsSync(new URL(`../../${file}`, import.meta.url)), file);
});

test('what is as large as it may be is taken, a byte more is answered as the page says', async () => {
  await with_server({}, async (s) => {
    for (const [name, trials] of Object.entries({ ...messages, ...requests })) {
      const { bound, answers } = row_of(name);
      for (const [i, trial] of trials.entries()) {
        if (!trial) continue;
        assert.equal(await trial(s, bound), '', `${name}: ${bound}`);
        assert.equal(await trial(s, bound + 1, true), answers[i], `${name}: ${bound + 1}`);
      }
    }
  });
});

test('who does too much is answered as the page says', async () => {
  for (const [name, [config, ...trials]] of Object.entries({ ...rates_and_numbers, ...timeouts })) {
    const { answers } = row_of(name);
    for (const [i, trial] of trials.entries()) {
      if (trial) await with_server(config, async (s) => assert.equal(await trial(s), answers[i], `${name}, ${i}`));
    }
  }
});

test('who asks for too much is given what the page says', async () => {
  await with_server({ 'limits.rooms_created_per_hour': 0, 'limits.user_messages_per_second': 0 }, async (s) => {
    for (const [name, trial] of Object.entries(asked_for)) await trial(s, row_of(name).bound);
  });
});
