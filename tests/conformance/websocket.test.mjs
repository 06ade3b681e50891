// RFC 6455 against a running server, clause by clause. Every stream of frames is sent whole, byte by
// byte and behind the handshake in one piece; the verdict is the same: all frames that come back, the
// last of which is a close frame, and then the end of the connection.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Server } from '../e2e/harness.mjs';
import { BINARY, CLOSE, KEY, PING, PONG, TEXT, Wire, bytes, close, each, frame, handshake, open, quick } from './wire.mjs';

let server;
before(async () => {
  server = await Server.start({ args: ['--auth', 'open', '--threads', '1'],
    config: '[test]\necho = true\n[limits]\nfragments = 8\nframe_bytes = 65536\nmessage_bytes = 1024\n' });
});
after(() => server.dispose());

const END = close(1000); // what a client says at the end of a stream that is fine

async function verdict(stream, { target = '/echo', cuts, apart = true } = {}) {
  const wire = new Wire(server);
  try {
    if (apart) {
      wire.write(handshake({ target }));
      await wire.opened();
      await wire.writeCut(stream, cuts ?? []);
    } else {
      wire.write(bytes(handshake({ target }), stream));
    }
    await wire.closed();
    return wire.words;
  } finally {
    wire.socket.destroy();
  }
}

// `pongs_may_merge`: several pings may be answered by the pong of the last (5.5.3).
function clause(name, stream, expected, { target, many = false } = {}) {
  test(`6455 ${name}`, async () => {
    const data = bytes(stream);
    const every = Array.from({ length: data.length - 1 }, (_, i) => i + 1);
    assert.deepEqual(await verdict(data, { target, apart: false }), expected, 'behind the handshake');
    assert.deepEqual(await verdict(data, { target }), expected, 'whole');
    if (data.length < 2000) assert.deepEqual(await verdict(data, { target, cuts: every }), expected, 'byte by byte');
    if (many && !quick) {
      await each(every, 8, async (cut) => assert.deepEqual(await verdict(data, { target, cuts: [cut] }), expected, `cut at ${cut}`));
    }
  });
}
const fails = (name, stream, code, options) => clause(name, stream, [`close:${code}`], options);

// ---- 4: the opening handshake

async function answer(options, ...more) {
  const wire = new Wire(server);
  wire.write(bytes(handshake(options), ...more));
  await wire.opened();
  const found = { status: wire.status, head: wire.head };
  wire.socket.destroy();
  return found;
}

test('6455 4.2.2 the accept value is the hash of the key; nothing is chosen that was not offered', async () => {
  for (const target of ['/', '/ws', '/echo']) {
    const { status, head } = await answer({ target });
    assert.equal(status, 101);
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.match(head, /\r\nUpgrade: websocket\r\n/i);
    assert.match(head, /\r\nConnection: Upgrade\r\n/i);
    const accept = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    assert.equal(head.match(/Sec-WebSocket-Accept: (.*)\r\n/g).length, 1);
    assert.ok(head.includes(`Sec-WebSocket-Accept: ${accept}\r\n`));
    assert.doesNotMatch(head, /Sec-WebSocket-Protocol|Sec-WebSocket-Extensions|Content-Length|Transfer-Encoding/i);
  }
});

test('6455 4.2.1 upgrade and connection are lists of words whatever their case', async () => {
  for (const headers of [['Upgrade: WebSocket', 'Connection: upgrade'], ['Upgrade: h2c, WEBSOCKET', 'Connection: keep-alive, UPGRADE'],
    ['Upgrade: websocket', 'Connection: keep-alive', 'Connection: Upgrade'], ['Upgrade: h2c', 'Upgrade: websocket', 'Connection: ,Upgrade,']]) {
    assert.equal((await answer({ target: '/ws', without: ['Upgrade', 'Connection'], headers })).status, 101, String(headers));
  }
});

test('6455 4.2.1 what is no upgrade to WebSocket is told what is spoken here', async () => {
  const cases = [
    [426, { without: ['Upgrade'] }, 'no Upgrade'],
    [426, { without: ['Upgrade'], headers: ['Upgrade: h2c'] }, 'another protocol'],
    [426, { without: ['Upgrade'], headers: ['Upgrade: websockets'] }, 'a longer word'],
    [426, { without: ['Connection'] }, 'no Connection'],
    [426, { without: ['Connection'], headers: ['Connection: keep-alive'] }, 'another Connection'],
    [426, { line: 'GET /ws HTTP/1.0' }, 'HTTP/1.0'],
    [426, { without: ['Sec-WebSocket-Version'] }, 'no version'],
    [426, { without: ['Sec-WebSocket-Version'], headers: ['Sec-WebSocket-Version: 8'] }, 'version 8'],
    [426, { without: ['Sec-WebSocket-Version'], headers: ['Sec-WebSocket-Version: 14'] }, 'version 14'],
    [426, { without: ['Sec-WebSocket-Version'], headers: ['Sec-WebSocket-Version: 13, 8'] }, 'two versions'],
    [426, { headers: ['Sec-WebSocket-Version: 13'] }, 'the version twice'],
  ];
  for (const [status, options, what] of cases) {
    const found = await answer({ target: '/ws', ...options });
    assert.equal(found.status, status, what);
    assert.match(found.head, /\r\nUpgrade: websocket\r\n/, what); // RFC 9110, 15.5.22
    assert.match(found.head, /\r\nConnection: Upgrade\r\n/, what); // RFC 9110, 7.8
    assert.match(found.head, /\r\nSec-WebSocket-Version: 13\r\n/, what); // 4.4
  }
});

test('6455 4.2.1 the key is 16 bytes in base64, once', async () => {
  const key = (value) => ({ target: '/ws', without: ['Sec-WebSocket-Key'], headers: value === undefined ? [] : [`Sec-WebSocket-Key: ${value}`] });
  for (const bad of [undefined, '', 'short', 'dGhlIHNhbXBsZSBub25jZQ', 'dGhlIHNhbXBsZSBub25jZTE=', '!GhlIHNhbXBsZSBub25jZQ==', `${KEY}${KEY}`, 'dGhl HNhbXBsZSBub25jZQ==']) {
    assert.equal((await answer(key(bad))).status, 400, String(bad));
  }
  assert.equal((await answer({ target: '/ws', headers: [`Sec-WebSocket-Key: ${KEY}`] })).status, 400, 'twice');
  assert.equal((await answer({ target: '/ws', without: ['Host'] })).status, 400, 'no Host');
  assert.equal((await answer({ target: '/ws', headers: ['Host: y'] })).status, 400, 'two Hosts');
});

test('6455 4.2.1 only GET upgrades, only an endpoint is one, only pages of ours may', async () => {
  assert.equal((await answer({ line: 'POST /ws HTTP/1.1', headers: ['Content-Length: 0'] })).status, 405);
  assert.equal((await answer({ target: '/elsewhere' })).status, 404);
  assert.equal((await answer({ target: '/ws', headers: ['Origin: http://evil.example'] })).status, 403);
  assert.equal((await answer({ target: '/ws', headers: ['Origin: null'] })).status, 403);
  assert.equal((await answer({ target: '/ws', headers: ['Content-Length: 3'] }, 'abc')).status, 426, 'a body');
});

test('6455 4.2.2 the subprotocol is one that was offered, letter by letter', async () => {
  const chosen = async (...offers) => {
    const { status, head } = await answer({ target: '/ws', headers: offers.map((offer) => `Sec-WebSocket-Protocol: ${offer}`) });
    assert.equal(status, 101);
    return head.match(/Sec-WebSocket-Protocol: (.*)\r\n/)?.[1];
  };
  assert.equal(await chosen('starling.v1'), 'starling.v1');
  assert.equal(await chosen('chat, starling.v1, other'), 'starling.v1');
  assert.equal(await chosen('chat', 'starling.v1'), 'starling.v1');
  assert.equal(await chosen('chat'), undefined);
  assert.equal(await chosen('STARLING.V1'), undefined);
  assert.equal(await chosen('starling.v10'), undefined);
});

test('6455 9.1 extensions that nobody knows are declined; a header that breaks the grammar fails the handshake', async () => {
  const extensions = async (value) => answer({ headers: [`Sec-WebSocket-Extensions: ${value}`] });
  const declined = await extensions('x-webkit-deflate-frame, mux; max-channels=4; flow-control, deflate-stream; a="token"');
  assert.equal(declined.status, 101);
  assert.doesNotMatch(declined.head, /Sec-WebSocket-Extensions/i);
  for (const bad of ['permessage-deflate; =', 'permessage-deflate;', 'a b', 'a; b=', 'a; b="c', 'a; b="c d"', 'a; b=""', '@', 'a; b=c d']) {
    assert.equal((await extensions(bad)).status, 400, bad);
  }
});

// ---- 5.2: the frame

for (const size of [0, 1, 125, 126, 127, 65535, 65536]) {
  const data = randomBytes(size);
  clause(`5.2 a binary message of ${size} bytes comes back`, [frame(BINARY, data), END], [`binary:${data.toString('hex')}`, 'close:1000']);
}
clause('5.2 text comes back', [frame(TEXT, 'grüße 🐦'), frame(TEXT, ''), END], ['text:grüße 🐦', 'text:', 'close:1000'], { many: true });
for (const rsv of [1, 2, 3, 4, 5, 6, 7]) {
  fails(`5.2 reserved bits ${rsv} without an extension fail`, [frame(TEXT, 'x', { rsv })], 1002);
}
fails('5.2 a reserved bit of a ping fails', [frame(PING, '', { rsv: 4 })], 1002);
fails('5.2 a reserved bit of a continuation fails', [frame(TEXT, 'x', open), frame(0, 'y', { rsv: 4 })], 1002);
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  fails(`5.2 opcode ${opcode} fails`, [frame(opcode, 'x'), frame(TEXT, 'never')], 1002);
}
fails('5.2 a length of 125 in 16 bits fails', [frame(BINARY, 'x'.repeat(125), { form: 16 })], 1002);
fails('5.2 a length of 65,535 in 64 bits fails', [frame(BINARY, Buffer.alloc(65535), { form: 64 })], 1002);
fails('5.2 a length of 0 in 64 bits fails', [frame(BINARY, '', { form: 64 })], 1002);
fails('5.2 the highest bit of a length fails', [[0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4], 'x'], 1002);

// ---- 5.1, 5.3: masking

fails('5.1 a frame without mask fails', [frame(TEXT, 'x', { mask: null })], 1002, { many: true });
fails('5.1 a ping without mask fails', [frame(PING, '', { mask: null })], 1002);
fails('5.1 a close without mask fails', [frame(CLOSE, [3, 0xe8], { mask: null })], 1002);
fails('5.1 a continuation without mask fails', [frame(TEXT, 'x', open), frame(0, 'y', { mask: null })], 1002);
clause('5.3 any key unmasks, and each frame has its own', [frame(TEXT, 'zero', { mask: [0, 0, 0, 0] }), frame(TEXT, 'Hel', { ...open, mask: [255, 0, 255, 0] }),
  frame(0, 'lo', { mask: [0x5a, 1, 0x80, 7] }), END], ['text:zero', 'text:Hello', 'close:1000'], { many: true });

// ---- 5.4: fragmentation

clause('5.4 fragments are one message', [frame(TEXT, 'a', open), frame(0, 'b', open), frame(0, 'c'), END], ['text:abc', 'close:1000'], { many: true });
clause('5.4 empty fragments are one message', [frame(TEXT, '', open), frame(0, '', open), frame(0, ''), frame(BINARY, '', open), frame(0, 'x'), END],
  ['text:', 'binary:78', 'close:1000'], { many: true });
clause('5.4 control frames between fragments are answered before the message', [frame(TEXT, 'a', open), frame(PING, 'p'), frame(0, 'b', open), frame(PONG, 'q'), frame(0, 'c'), END],
  ['pong:p', 'text:abc', 'close:1000'], { many: true });
clause('5.4 a close between fragments ends it', [frame(TEXT, 'a', open), close(1000), frame(0, 'b')], ['close:1000']);
fails('5.4 a continuation of nothing fails', [frame(0, 'x')], 1002);
fails('5.4 an open continuation of nothing fails', [frame(0, 'x', open)], 1002);
clause('5.4 a continuation behind a whole message fails', [frame(TEXT, 'a'), frame(0, 'b')], ['text:a', 'close:1002']);
clause('5.4 a continuation behind the last fragment fails', [frame(TEXT, 'a', open), frame(0, 'b'), frame(0, 'c')], ['text:ab', 'close:1002']);
fails('5.4 a text inside of a message fails', [frame(TEXT, 'a', open), frame(TEXT, 'b')], 1002);
fails('5.4 a binary message inside of a message fails', [frame(TEXT, 'a', open), frame(BINARY, 'b', open)], 1002);

// ---- 5.5: control frames

for (const [name, opcode] of [['close', CLOSE], ['ping', PING], ['pong', PONG]]) {
  fails(`5.5 a fragmented ${name} fails`, [frame(opcode, '', open), frame(0, '')], 1002);
  fails(`5.5 a ${name} of 126 bytes fails`, [frame(opcode, bytes([3, 0xe8], 'x'.repeat(124)))], 1002);
  fails(`5.5 a ${name} of 65,536 bytes fails at its header`, [frame(opcode, '', { length: 65536 })], 1002);
}
clause('5.5.2 a ping comes back as a pong', [frame(PING, ''), END], ['pong:', 'close:1000']);
clause('5.5.2 a ping of 125 bytes comes back whole', [frame(PING, 'x'.repeat(125)), END], [`pong:${'x'.repeat(125)}`, 'close:1000']);
clause('5.5.3 a pong that nobody asked for is let pass', [frame(PONG, 'x'), frame(PONG, ''), frame(TEXT, 'a'), END], ['text:a', 'close:1000']);
test('6455 5.5.3 of many pings the last is answered, and others in their order', async () => {
  const pings = Array.from({ length: 50 }, (_, i) => frame(PING, String(i)));
  const words = await verdict(bytes(pings, END), { apart: false });
  const pongs = words.slice(0, -1).map((pong) => Number(pong.replace('pong:', '')));
  assert.equal(words.at(-1), 'close:1000');
  assert.equal(pongs.at(-1), 49);
  assert.deepEqual(pongs, [...new Set(pongs)].sort((a, b) => a - b));
});
clause('5.5.2 what was asked before a close is answered before it', [frame(TEXT, 'a'), frame(PING, 'p'), END], ['text:a', 'pong:p', 'close:1000'], { many: true });

// ---- 5.5.1, 7.4: closing

for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]) {
  clause(`7.4 close code ${code} comes back`, [close(code)], [`close:${code}`]);
}
for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65535]) {
  fails(`7.4 close code ${code} fails`, [close(code)], 1002);
}
clause('5.5.1 a close without a code comes back without one', [frame(CLOSE, '')], ['close:']);
fails('5.5.1 a close of one byte fails', [frame(CLOSE, [3])], 1002, { many: true });
clause('5.5.1 a reason may have 123 bytes', [close(1000, 'ü'.repeat(61) + 'x')], ['close:1000']);
fails('5.5.1 a reason that is no UTF-8 fails', [frame(CLOSE, [3, 0xe8, 0x61, 0xff])], 1007);
fails('5.5.1 a reason that ends inside of a character fails', [frame(CLOSE, [3, 0xe8, 0xe2, 0x82])], 1007);
clause('5.5.1 nothing behind a close is read or answered', [close(1000), frame(TEXT, 'never'), frame(PING, 'never'), close(1001), frame(3, 'x')], ['close:1000']);
clause('7.1.7 nothing behind a failure is read or answered', [frame(TEXT, 'a'), frame(3, ''), frame(TEXT, 'never'), frame(PING, 'never'), close(1000)],
  ['text:a', 'close:1002'], { many: true });
test('6455 7.1.1 the server closes the connection, and first', async () => {
  const wire = new Wire(server);
  wire.socket.allowHalfOpen = true;
  wire.write(bytes(handshake(), close(1000)));
  await wire.until(() => wire.socket.readableEnded, 'the end of what the server sends', 1500);
  wire.socket.destroy();
});

// ---- 5.6, 8.1: UTF-8

const good = ['κόσμε', '\u0000', '\u007f', '\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\ufffd', '\ufffe', '\uffff', '\u{10000}', '\u{10ffff}', '🐦'.repeat(20)];
for (const text of good) clause(`8.1 ${JSON.stringify(text).slice(0, 12)} is UTF-8 in one piece and in one fragment a byte`, [frame(TEXT, text),
  [...Buffer.from(text)].map((byte, i) => frame(i === 0 ? TEXT : 0, [byte], open)), frame(0, ''), END], [`text:${text}`, `text:${text}`, 'close:1000']);
// What is no UTF-8, and after how many of its bytes that is certain.
const bad = [
  ['80', 1, 'a lone continuation'], ['bf', 1, 'the last continuation'], ['c080', 1, 'NUL in two bytes'], ['c1bf', 1, 'an overlong DEL'], ['e0809f', 2, 'overlong in three'],
  ['e09fbf', 2, 'the longest overlong in three'], ['f08080af', 2, 'overlong in four'], ['f08fbfbf', 2, 'the longest overlong in four'], ['f8888080', 1, 'five bytes'],
  ['fc8480808080', 1, 'six bytes'], ['fe', 1, 'FE'], ['ff', 1, 'FF'], ['eda080', 2, 'the first surrogate'], ['edbfbf', 2, 'the last surrogate'], ['edada0edb0bf', 2, 'a pair of surrogates'],
  ['f4908080', 2, 'above U+10FFFF'], ['f5808080', 1, 'a lead of F5'], ['c328', 2, 'two bytes cut short'], ['e28228', 3, 'three cut short'], ['f0908028', 4, 'four cut short'],
  ['e228a1', 2, 'the second byte wrong'], ['f0288cbc', 2, 'the second of four wrong'], ['cebae1bdb9cf83cebcceb5eda080656469746564', 13, 'a surrogate among letters'],
];
for (const [hex, certain, what] of bad) {
  const data = Buffer.from(hex, 'hex');
  fails(`8.1 ${what} (${hex}) is no UTF-8`, [frame(TEXT, data)], 1007);
  fails(`8.1 ${what} (${hex}) across fragments is no UTF-8`, [[...data].map((byte, i) => frame(i === 0 ? TEXT : 0, [byte], open)), frame(0, '')], 1007);
  test(`6455 8.1 ${what} (${hex}) fails before the rest is sent`, async () => {
    const begin = bytes('fine ', data.subarray(0, certain));
    assert.deepEqual(await verdict(frame(TEXT, begin, { length: 5000 })), ['close:1007']);
    assert.deepEqual(await verdict(bytes(frame(TEXT, 'ok ', open), frame(PONG), frame(0, begin, { ...open, length: 70000 }))), ['close:1007'], 'in a fragment');
    if (certain > 1) { // one byte before it may still become something
      const wire = new Wire(server).write(bytes(handshake(), frame(TEXT, begin.subarray(0, -1), open), frame(PING, 'still')));
      await wire.until(() => wire.words.length > 0);
      assert.deepEqual(wire.words, ['pong:still']);
      wire.socket.destroy();
    }
  });
}
for (const hex of ['c3', 'e282', 'f09f90']) {
  fails(`8.1 a message that ends inside of a character (${hex}) is no UTF-8`, [frame(TEXT, Buffer.from(hex, 'hex'))], 1007);
  fails(`8.1 an empty last fragment does not mend it (${hex})`, [frame(TEXT, Buffer.from(hex, 'hex'), open), frame(0, '')], 1007);
}
clause('8.1 binary messages are no text', [frame(BINARY, [0xff, 0xc0, 0x80]), END], ['binary:ffc080', 'close:1000']);

// ---- 10.4: limits

const memory = () => Number(readFileSync(`/proc/${server.child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1024;

// A message in `count` fragments comes back whole. The end of each message is awaited, not timed.
async function echoed(size, count) {
  const data = Buffer.alloc(size, 'starling ');
  const wire = new Wire(server).write(handshake());
  const step = Math.ceil(size / count);
  for (let i = 0; i < count; ++i) {
    wire.write(frame(i === 0 ? BINARY : 0, data.subarray(i * step, (i + 1) * step), { fin: i === count - 1 }));
    if (i % 1000 === 999) await new Promise(setImmediate);
  }
  await wire.until(() => wire.size > size, `${size} bytes in ${count} fragments`, 60_000);
  await wire.until(() => wire.frames.length === 1, 'the whole echo');
  assert.ok(wire.frames[0].payload.equals(data));
  wire.write(END);
  await wire.closed();
  wire.socket.destroy();
}

test('6455 10.4 messages of 16 MiB and of 100,000 fragments come back, and leave no memory behind', async (t) => {
  const most = 16 << 20;
  await echoed(most, 1);
  await echoed(most, 4096);
  await echoed(quick ? 10_000 : 100_000, quick ? 10_000 : 100_000);
  // The allocator keeps some, now more and now less; what matters is that the most does not grow.
  const most_kept = async () => {
    let kept = 0;
    for (let i = 0; i < 6; ++i) {
      await echoed(most, 64);
      kept = Math.max(kept, memory());
    }
    return kept;
  };
  const settled = await most_kept();
  const later = await most_kept();
  if (process.env.ASAN_OPTIONS || process.env.UBSAN_OPTIONS || process.env.TSAN_OPTIONS) return t.diagnostic('a sanitizer has memory of its own');
  assert.ok(later < settled + (24 << 20), `${later} bytes after ${settled}`);
});
fails('10.4 a byte more than 16 MiB fails with its first byte', [frame(BINARY, 'x', { length: (16 << 20) + 1 })], 1009);
test('6455 10.4 announcing 16 MiB costs nothing until they come', async () => {
  const before_all = memory();
  const wires = Array.from({ length: 50 }, () => new Wire(server).write(bytes(handshake(), frame(BINARY, 'x', { length: 16 << 20 }))));
  await Promise.all(wires.map((wire) => wire.opened()));
  assert.ok(memory() < before_all + (32 << 20));
  for (const wire of wires) wire.socket.destroy();
});
fails('10.4 a chat message beyond limits.frame_bytes fails with its first byte', [frame(TEXT, ' ', { length: 65537 })], 1009, { target: '/ws' });
fails('10.4 fragments beyond limits.frame_bytes fail with the first byte of the one that exceeds it', [frame(TEXT, ' '.repeat(65000), open), frame(0, ' ', { length: 537 })], 1009, { target: '/ws' });
fails('10.4 more than limits.fragments fail', [frame(TEXT, ' ', open), Array(8).fill(frame(0, ' ', open))], 1008, { target: '/ws' });

// ---- the chat's own rules for the same layer

fails('7.4.1 the chat takes no binary message', [frame(BINARY, '{}')], 1003, { target: '/ws' });
fails('8.1 the chat takes no text that is no UTF-8', [frame(TEXT, [0x22, 0xff, 0x22])], 1007, { target: '/ws' });
test('6455 5.4 a chat command in fragments with a ping between is one command', async () => {
  for (const cuts of [[], Array.from({ length: 60 }, (_, i) => i + 1)]) {
    const wire = new Wire(server).write(handshake({ target: '/ws', headers: ['Sec-WebSocket-Protocol: starling.v1'] }));
    await wire.opened();
    await wire.writeCut(bytes(frame(TEXT, '{"type":"pi', open), frame(PING, 'p'), frame(0, 'ng","t":42}'), END), cuts);
    await wire.closed();
    const words = wire.words;
    assert.match(words[0], /^text:\{"type":"welcome"/);
    assert.equal(words[1], 'pong:p');
    assert.match(words[2], /^text:\{"type":"pong","t":42/);
    assert.deepEqual(words.slice(3), ['close:1000']);
  }
});
test('6455 7.1.7 what is no command is answered, and the connection stays', async () => {
  const wire = new Wire(server).write(bytes(handshake({ target: '/ws' }), frame(TEXT, 'no JSON'), frame(TEXT, ''), frame(TEXT, '[]'), END));
  await wire.closed();
  const words = wire.words;
  assert.equal(words.length, 4);
  for (const text of words.slice(0, 3)) assert.match(text, /^text:\{"type":"error"/);
  assert.equal(words[3], 'close:1000');
});
