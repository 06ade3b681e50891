// Everything bad at once, each kind from an address of its own. In a process of its own: whoever behaves,
// and is measured, must not wait for those who do not.
//
// Others use Attack: it is the messages between the two.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import zlib from 'node:zlib';

// A masked client frame; a mask of zeros leaves the payload as it is.
function frame(opcode, text, last = true) {
  const payload = Buffer.from(text);
  const length = payload.length < 126 ? Buffer.from([0x80 | payload.length])
    : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([Buffer.from([(last ? 0x80 : 0) | opcode]), length, Buffer.alloc(4), payload]);
}
const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: starling.v1\r\n\r\n';
export const ECHO = UPGRADE.replace('GET /ws', 'GET /echo').replace('Sec-WebSocket-Protocol: starling.v1', 'Sec-WebSocket-Extensions: permessage-deflate');
// 32 MiB of zeros in 32 kB: twice what a message may be.
export const BOMB = (() => {
  const bytes = zlib.deflateRawSync(Buffer.alloc(32 << 20), { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const bomb = frame(2, bytes);
  bomb[0] |= 0x40; // RSV1: compressed
  return bomb;
})();
const post = (path, body) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

// Raw sockets from an address of their own. Each one that is closed is opened again, up to a bound.
class Attackers {
  constructor(port, { address, count, begin = () => '', go_on, every_ms = 100, again_ms = 100, most = 40 * count }) {
    Object.assign(this, { port, address, begin, go_on, every_ms, again_ms, left: most });
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
    const socket = net.connect({ port: this.port, host: '127.0.0.1', localAddress: this.address });
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
    return { opened: this.opened, closed_by_server: this.closed_by_server, too_big: this.too_big, statuses: this.statuses };
  }
}

// Starts those of that kind, or all.
function everything_bad({ port, auth: floods_as, most_of_address, kind }) {
  const garbage = (turn, number) => Buffer.from(Array.from({ length: 50 }, (_, i) => (i * 37 + turn * 11 + number * 101) & 0xff));
  const flood = Buffer.concat(Array.from({ length: 100 }, (_, i) => // 100 in 50 ms: a hundred times the limit
    frame(1, JSON.stringify({ type: 'chat_message', roomId: i % 2 ? 'pit' : 'good', content: 'flood' }))));
  const auth = frame(1, JSON.stringify({ type: 'auth', ...floods_as, roomId: 'pit' }));
  let names = 0;
  const wrong = [
    'GET / HTTP/9.9\r\n\r\n', 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n', '\r\n\r\n\r\n\x00\x01',
    UPGRADE + 'not a frame', Buffer.concat([Buffer.from(UPGRADE), frame(1, '{"type":')]),
    Buffer.concat([Buffer.from(UPGRADE), frame(1, JSON.stringify({ type: 'auth', token: 'a.b.c' }))]),
    Buffer.concat([Buffer.from(UPGRADE), frame(2, 'binary')]), Buffer.concat([Buffer.from(UPGRADE), frame(1, Buffer.from([0xff, 0xfe]))]),
    'GET /api/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a.b.c\r\n\r\n',
  ];
  const attack = (number, rest) => new Attackers(port, { address: `127.0.0.${number}`, ...rest });
  const kinds = {
    'slow heads': () => attack(2, { count: 60, begin: () => 'GET / HTTP/1.1\r\nHost: ', go_on: () => 'x' }),
    'slow bodies': () => attack(3, { count: 60, begin: () => 'POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n', go_on: () => 'x' }),
    'half handshakes': () => attack(4, { count: 60, begin: () => UPGRADE.slice(0, 60), go_on: () => '' }),
    'nobody': () => attack(5, { count: 60, begin: () => UPGRADE, go_on: () => frame(9, 'ping') }),
    'endless fragments': () => attack(6, { count: 40, begin: () => Buffer.concat([Buffer.from(UPGRADE), frame(1, 'x', false)]), go_on: () => frame(0, 'xxxxxxxx', false), every_ms: 10 }),
    'floods': () => attack(7, { count: 5, begin: () => Buffer.concat([Buffer.from(UPGRADE), auth]), go_on: () => flood, every_ms: 50 }),
    'garbage': () => attack(8, { count: 50, begin: (number) => wrong[number % wrong.length], go_on: garbage, every_ms: 50 }),
    // Five hundred in all.
    ...Object.fromEntries([20, 21, 22].map((number) => [`garbage of 127.0.0.${number}`,
      () => attack(number, { count: 150, begin: (one) => wrong[(one + number) % wrong.length], go_on: garbage, every_ms: 500, again_ms: 1_000 })])),
    'bombs': () => attack(13, { count: 3, begin: () => ECHO, go_on: () => BOMB, every_ms: 500, again_ms: 1_000 }),
    'logins': () => attack(9, { count: 20, begin: () => '', go_on: () => post('/api/sessions', '{"username":"good-0","password":"a wrong guess"}') }),
    'registrations': () => attack(10, { count: 20, begin: () => '', go_on: () => post('/api/users', JSON.stringify({ username: `bad-${++names}`, email: 'b@x' })) }),
    'connections': () => attack(11, { count: 2 * most_of_address, go_on: () => '', most: 4 * most_of_address }),
    'requests': () => attack(12, { count: 20, go_on: () => 'GET /api/rooms HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(20), every_ms: 50 }),
    'health': () => attack(12, { count: 1, go_on: () => 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n' }),
  };
  return Object.fromEntries(Object.entries(kinds).filter(([name]) => !kind || name.startsWith(kind)).map(([name, start]) => [name, start()]));
}

export class Attack {
  // `auth`: who floods, as the command auth says it; `most_of_address`: connections that one address may
  // have; `kind`: only those whose name begins so.
  constructor(options) {
    this.child = fork(fileURLToPath(import.meta.url), ['attack']);
    this.child.send(options);
  }
  // What came of each kind: {opened, closed_by_server, too_big, statuses}.
  async stop() {
    const told = once(this.child, 'message');
    this.child.send('stop');
    return (await told)[0];
  }
  // Whatever has happened.
  end() {
    this.child.kill();
  }
}

if (process.send && process.argv[2] === 'attack') {
  let kinds = {};
  process.on('message', (message) => {
    if (message === 'stop') process.send(Object.fromEntries(Object.entries(kinds).map(([name, one]) => [name, one.stop()])), () => process.exit());
    else kinds = everything_bad(message);
  });
  process.on('disconnect', () => process.exit());
}
