// Everything bad at once, from addresses of its own, while a hundred people chat.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import zlib from 'node:zlib';
import WebSocket from 'ws';
import { Server, within } from './harness.mjs';

const GOOD = 100;
const PAUSE_MS = 2_000; // between two messages of a good client
const CALM_MS = 4_000;
const ATTACK_MS = 8_000;
const MESSAGES_PER_SECOND = 20;
const BURST = 40;
const REGISTRATIONS = GOOD + 20;
const LOGINS = 10;
const ADDRESS_CONNECTIONS = 150;
const CONFIG = `
[http]
head_timeout_ms = 1000
body_timeout_ms = 2000
[test]
echo = true
[auth]
deadline_ms = 1500
registrations_per_hour = ${REGISTRATIONS}
logins_per_minute = ${LOGINS}
[limits]
messages_per_second = ${MESSAGES_PER_SECOND}
message_burst = ${BURST}
user_messages_per_second = ${MESSAGES_PER_SECOND}
user_message_burst = ${BURST}
refusals = 500
address_requests_per_second = 500
address_request_burst = 1000
address_connections = ${ADDRESS_CONNECTIONS}
fragments = 64
private_buffer_bytes = 65536
`;

// A masked client frame; a mask of zeros leaves the payload as it is.
function frame(opcode, text, last = true) {
  const payload = Buffer.from(text);
  const length = payload.length < 126 ? Buffer.from([0x80 | payload.length])
    : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([Buffer.from([(last ? 0x80 : 0) | opcode]), length, Buffer.alloc(4), payload]);
}
const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: starling.v1\r\n\r\n';
const ECHO = UPGRADE.replace('GET /ws', 'GET /echo').replace('Sec-WebSocket-Protocol: starling.v1', 'Sec-WebSocket-Extensions: permessage-deflate');
// 32 MiB of zeros in 32 kB: twice what a message may be.
const BOMB = (() => {
  const bytes = zlib.deflateRawSync(Buffer.alloc(32 << 20), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const bomb = frame(2, bytes);
  bomb[0] |= 0x40; // RSV1: compressed
  return bomb;
})();
const post = (path, body) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

// Raw sockets from an address of their own. Each one that is closed is opened again, up to a bound.
class Attackers {
  constructor(server, { address, count, begin = () => '', go_on, every_ms = 100, again_ms = 100, most = 40 * count }) {
    Object.assign(this, { server, address, begin, go_on, every_ms, again_ms, left: most });
    this.sockets = new Set();
    this.opened = 0;
    this.closed_by_server = 0;
    this.too_big = 0;
    this.statuses = {};
    this.running = true;
    for (let i = 0; i < count; ++i) this.open(i);
  }

  open(number) {
    if (!this.running || this.left-- <= 0) return;
    ++this.opened;
    const socket = net.connect({ port: this.server.port, host: '127.0.0.1', localAddress: this.address });
    this.sockets.add(socket);
    let turn = 0;
    let timer;
    socket.on('connect', () => {
      socket.write(this.begin(number));
      timer = setInterval(() => {
        if (socket.writableLength < 1 << 18) socket.write(this.go_on(++turn, number));
      }, this.every_ms);
    });
    socket.on('data', (data) => {
      const text = data.toString('latin1');
      this.too_big += /\x88[\x02-\x7d]\x03\xf1/.test(text); // a close frame with 1009
      for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3})/g)) {
        this.statuses[status] = (this.statuses[status] ?? 0) + 1;
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(timer);
      this.sockets.delete(socket);
      if (!this.running) return;
      ++this.closed_by_server;
      setTimeout(() => this.open(number), this.again_ms);
    });
  }

  stop() {
    this.running = false;
    for (const socket of this.sockets) socket.destroy();
  }
}

// Says something every PAUSE_MS and keeps what it hears.
class Good {
  constructor(client, number) {
    Object.assign(this, { client, number, sent: new Map(), latencies: [], heard: [], refused: [] });
    this.client.take = (one) => this.hear(one);
  }
  talk() {
    let count = 0;
    const say = () => {
      const id = `${this.number}-${count++}`;
      this.sent.set(id, performance.now());
      this.client.send({ type: 'chat_message', roomId: 'good', content: id, clientMessageId: id });
    };
    this.first = setTimeout(() => {
      say();
      this.timer = setInterval(say, PAUSE_MS);
    }, (this.number * PAUSE_MS) / GOOD);
  }
  quiet() {
    clearTimeout(this.first);
    clearInterval(this.timer);
  }
  hear(one) {
    if (one.type === 'chat_message') this.heard.push(one.seq);
    if (one.type === 'error' || one.type === 'gap') this.refused.push(one);
    if (one.type !== 'message_sent') return;
    this.latencies.push(performance.now() - this.sent.get(one.clientMessageId));
    this.sent.delete(one.clientMessageId);
  }
}

const after_ms = (time) => new Promise((resolve) => setTimeout(resolve, time));
const kilobytes = (server, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);

// Seconds of the processor that it has used.
function processor_seconds(server) {
  const [, rest] = readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
// Of one processor, over a second.
async function processor_share(server) {
  const before = processor_seconds(server);
  await after_ms(1_000);
  return processor_seconds(server) - before;
}

async function metric(server, name) {
  const text = await (await fetch(server.metrics)).text();
  return [...text.matchAll(new RegExp(`^${name}(\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((sum, [, , value]) => sum + Number(value), 0);
}

function take_latencies(good) {
  const all = good.flatMap((one) => one.latencies.splice(0)).sort((a, b) => a - b);
  const at = (share) => Math.round(all[Math.floor(all.length * share)] ?? 0);
  return `${all.length} messages, acknowledged in ${at(0.5)} ms (median), ${at(0.99)} ms (99 %)`;
}

function everything_bad(server, mallory) {
  const garbage = (turn, number) => Buffer.from(Array.from({ length: 50 }, (_, i) => (i * 37 + turn * 11 + number * 101) & 0xff));
  const flood = Buffer.concat(Array.from({ length: 100 }, (_, i) => // 100 in 50 ms: a hundred times the limit
    frame(1, JSON.stringify({ type: 'chat_message', roomId: i % 2 ? 'pit' : 'good', content: 'flood' }))));
  const auth = frame(1, JSON.stringify({ type: 'auth', token: mallory.token, roomId: 'pit' }));
  let names = 0;
  const wrong = [
    'GET / HTTP/9.9\r\n\r\n', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n', '\r\n\r\n\r\n\x00\x01',
    UPGRADE + 'not a frame', Buffer.concat([Buffer.from(UPGRADE), frame(1, '{"type":')]),
    Buffer.concat([Buffer.from(UPGRADE), frame(1, JSON.stringify({ type: 'auth', token: 'a.b.c' }))]),
    Buffer.concat([Buffer.from(UPGRADE), frame(2, 'binary')]), Buffer.concat([Buffer.from(UPGRADE), frame(1, Buffer.from([0xff, 0xfe]))]),
    'GET /api/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\n\r\n',
  ];
  const attack = (number, rest) => new Attackers(server, { address: `127.0.0.${number}`, ...rest });
  return {
    'slow heads': attack(2, { count: 60, begin: () => 'GET / HTTP/1.1\r\nHost: ', go_on: () => 'x' }),
    'slow bodies': attack(3, { count: 60, begin: () => 'POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n', go_on: () => 'x' }),
    'half handshakes': attack(4, { count: 60, begin: () => UPGRADE.slice(0, 60), go_on: () => '' }),
    'nobody': attack(5, { count: 60, begin: () => UPGRADE, go_on: () => frame(9, 'ping') }),
    'endless fragments': attack(6, { count: 40, begin: () => Buffer.concat([Buffer.from(UPGRADE), frame(1, 'x', false)]), go_on: () => frame(0, 'xxxxxxxx', false), every_ms: 10 }),
    'floods': attack(7, { count: 5, begin: () => Buffer.concat([Buffer.from(UPGRADE), auth]), go_on: () => flood, every_ms: 50 }),
    'garbage': attack(8, { count: 50, begin: (number) => wrong[number % wrong.length], go_on: garbage, every_ms: 50 }),
    // Five hundred in all.
    ...Object.fromEntries([20, 21, 22].map((number) => [`garbage of 127.0.0.${number}`,
      attack(number, { count: 150, begin: (one) => wrong[(one + number) % wrong.length], go_on: garbage, every_ms: 500, again_ms: 1_000 })])),
    'bombs': attack(13, { count: 3, begin: () => ECHO, go_on: () => BOMB, every_ms: 500, again_ms: 1_000 }),
    'logins': attack(9, { count: 20, begin: () => '', go_on: () => post('/api/sessions', '{"username":"good-0","password":"a wrong guess"}') }),
    'registrations': attack(10, { count: 20, begin: () => '', go_on: () => post('/api/users', JSON.stringify({ username: `bad-${++names}`, email: 'b@x' })) }),
    'connections': attack(11, { count: 2 * ADDRESS_CONNECTIONS, go_on: () => '', most: 4 * ADDRESS_CONNECTIONS }),
    'requests': attack(12, { count: 20, go_on: () => 'GET /api/rooms HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20), every_ms: 50 }),
    'health': attack(12, { count: 1, go_on: () => 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n' }),
  };
}

test('a hundred people chat through every attack at once, and afterwards all is as before', async (t) => {
  const server = await Server.start({ config: CONFIG });
  const good = [];
  let attacks = {};
  try {
    for (let i = 0; i < GOOD; ++i) {
      const user = await server.user(`good-${i}`, i === 0 ? { password: 'nobody guesses this' } : {});
      good.push(new Good(await server.member(user, 'good'), i));
    }
    const mallory = await server.user('mallory');
    const observer = await server.user('observer'); // mallory's own calls are refused by then
    await (await server.member(mallory, 'pit')).close();
    const quiet_share = await processor_share(server);
    for (const one of good) one.talk();
    await after_ms(CALM_MS);
    t.diagnostic(`before: ${take_latencies(good)}`);
    const memory_before = kilobytes(server, 'VmRSS');

    attacks = everything_bad(server, mallory);
    await after_ms(ATTACK_MS);
    t.diagnostic(`under attack: ${take_latencies(good)}`);
    const memory = kilobytes(server, 'VmRSS') - memory_before;
    t.diagnostic(`memory grew by ${memory} kB`);
    for (const one of Object.values(attacks)) one.stop();
    for (const one of good) one.quiet();

    // Whoever behaves lost nothing and was told of nothing.
    await within((async () => {
      while (good.some((one) => one.sent.size > 0)) await after_ms(20);
    })(), 'an acknowledgement for each message');
    const { headSeq } = (await server.call('GET', '/api/rooms/good', { token: observer.token })).body;
    assert.ok(headSeq >= GOOD * 3, `${headSeq} messages`);
    await within((async () => {
      while (good.some((one) => one.heard.at(-1) !== headSeq)) await after_ms(20);
    })(), 'every message at every member');
    for (const one of good) {
      assert.equal(one.client.socket.readyState, WebSocket.OPEN);
      assert.deepEqual(one.refused, []);
      const first = one.heard[0];
      assert.deepEqual(one.heard, one.heard.map((_, i) => first + i), 'in order, none missing, none twice');
    }

    // Nobody was let through.
    for (const [what, one] of Object.entries(attacks)) t.diagnostic(`${what}: ${one.opened} opened, ${one.closed_by_server} closed by the server, ${JSON.stringify(one.statuses)}`);
    const page = async (room) => (await server.call('GET', `/api/rooms/${room}`, { token: observer.token })).body.headSeq;
    const pit = await page('pit');
    const allowed = BURST + (MESSAGES_PER_SECOND * (ATTACK_MS + 5_000)) / 1000;
    assert.ok(pit > 0 && pit <= allowed, `${pit} messages of the flood were kept, ${allowed} are allowed`);
    assert.ok(attacks.registrations.statuses[201] <= REGISTRATIONS + 1);
    assert.ok((attacks.logins.statuses[401] ?? 0) <= LOGINS + 4 && attacks.logins.statuses[429] > 100);
    assert.ok(attacks.health.statuses[200] > 10 && !attacks.health.statuses[429], 'health is told to everybody');
    assert.ok(attacks.registrations.statuses[429] > 100 && attacks.requests.statuses[429] > 100);
    assert.ok(attacks['slow heads'].statuses[408] > 60 && attacks['slow bodies'].statuses[408] >= 60 && attacks['half handshakes'].statuses[408] >= 60);
    for (const what of ['nobody', 'endless fragments', 'floods', 'garbage']) assert.ok(attacks[what].closed_by_server >= 5, what);
    assert.ok(attacks.connections.closed_by_server >= ADDRESS_CONNECTIONS);
    assert.ok(attacks.bombs.too_big > 0);
    assert.equal(attacks.garbage.statuses[200], undefined);
    // A sanitizer keeps what is freed.
    if (kilobytes(server, 'VmSize') < 1e9) assert.ok(memory < 100_000, `${memory} kB more`);

    // And it is over.
    await within((async () => {
      while ((await metric(server, 'starling_connections')) > GOOD + 5 || (await metric(server, 'starling_buffer_bytes')) > 1 << 20) await after_ms(100);
    })(), 'connections and buffers as before', 10_000);
    await within((async () => {
      while ((await processor_share(server)) > quiet_share + 0.1) ;
    })(), 'as little of the processor as before', 10_000);
    t.diagnostic(`afterwards: ${kilobytes(server, 'VmRSS') - memory_before} kB more than before`);
    const limited = await metric(server, 'starling_limited_total');
    assert.ok(limited > 1_000, `${limited} refusals counted`);
    assert.equal(await server.stop(), 0);
  } finally {
    for (const one of Object.values(attacks)) one.stop();
    for (const one of good) one.quiet();
    await server.dispose();
  }
});
