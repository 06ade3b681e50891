// RFC 7692, permessage-deflate, on the echo of a running server: what is negotiated, what is sent,
// and what a message may not do.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib';
import WebSocket from 'ws';
import { Server, within } from '../e2e/harness.mjs';
import { BINARY, CLOSE, PING, TEXT, Wire, bytes, close, each, frame, handshake, open, quick, word } from './wire.mjs';

let server;
before(async () => {
  server = await Server.start({ args: ['--auth', 'open'], config: '[test]\necho = true\n' });
});
after(() => server.dispose());

const END = close(1000);
const RSV1 = 4;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const OFFER = 'permessage-deflate';
const AGREED = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';

const offering = (...offers) => handshake({ headers: offers.map((offer) => `Sec-WebSocket-Extensions: ${offer}`) });

// 7.2.1: a sync flush without its tail.
function deflated(data, options = {}) {
  const out = deflateRawSync(Buffer.from(data), { finishFlush: constants.Z_SYNC_FLUSH, ...options });
  assert.ok(out.subarray(-4).equals(TAIL));
  return out.subarray(0, -4);
}

// 7.2.2, by a reader that remembers no more than the window that was agreed on: what it gives out
// at once is smaller than every window.
async function inflated(payload, windowBits = 15) {
  const stream = createInflateRaw({ windowBits, chunkSize: 64 });
  const parts = [];
  stream.on('data', (part) => parts.push(part));
  const failed = once(stream, 'error').then(([error]) => Promise.reject(error));
  failed.catch(() => {});
  stream.write(bytes(payload, TAIL));
  await Promise.race([new Promise((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve)), failed]);
  stream.destroy();
  return Buffer.concat(parts);
}

const inflatedAtOnce = (payload) => inflateRawSync(bytes(payload, TAIL), { finishFlush: constants.Z_SYNC_FLUSH });

// What came back, in words; what was compressed is marked and inflated.
async function words(wire, windowBits) {
  const found = [];
  for (const one of wire.frames) {
    const isDeflated = one.rsv === RSV1 && one.opcode < CLOSE;
    found.push(isDeflated ? 'deflated ' + word({ ...one, rsv: 0, payload: await inflated(one.payload, windowBits) }) : word(one));
  }
  return found;
}

async function verdict(stream, { offer = OFFER, cuts, windowBits } = {}) {
  const wire = new Wire(server).write(offer ? offering(offer) : handshake());
  try {
    await wire.opened();
    await wire.writeCut(bytes(stream), cuts ?? []);
    await wire.closed();
    return await words(wire, windowBits);
  } finally {
    wire.socket.destroy();
  }
}

function clause(name, stream, expected, options) {
  test(`7692 ${name}`, async () => {
    const data = bytes(stream);
    assert.deepEqual(await verdict(data, options), expected, 'whole');
    if (data.length < 2000) {
      assert.deepEqual(await verdict(data, { ...options, cuts: Array.from({ length: data.length - 1 }, (_, i) => i + 1) }), expected, 'byte by byte');
    }
  });
}
const fails = (name, stream, code, options) => clause(name, stream, [`close:${code}`], options);
const message = (data, options) => frame(TEXT, deflated(data), { rsv: RSV1, ...options });

// ---- 5, 7.1: negotiation

async function agreed(...offers) {
  const wire = new Wire(server).write(offering(...offers));
  await wire.opened();
  const { status, head } = wire;
  wire.socket.destroy();
  assert.equal(status, 101, String(offers));
  return head.match(/Sec-WebSocket-Extensions: (.*)\r\n/)?.[1];
}

test('7692 7.1 a valid offer is accepted, without context takeover on either side', async () => {
  for (const offer of [OFFER, 'Permessage-Deflate', `${OFFER}; server_no_context_takeover`, `${OFFER};client_no_context_takeover`, `${OFFER} ; client_max_window_bits`,
    `${OFFER}; client_max_window_bits = 10`, `${OFFER}; client_max_window_bits="15"`, ` , ,${OFFER},`, `${OFFER}; client_max_window_bits; server_no_context_takeover; client_no_context_takeover`]) {
    assert.equal(await agreed(offer), AGREED, offer);
  }
  for (let bits = 8; bits <= 15; ++bits) {
    assert.equal(await agreed(`${OFFER}; client_max_window_bits=${bits}`), AGREED);
    assert.equal(await agreed(`${OFFER}; server_max_window_bits=${bits}; client_max_window_bits`), `${AGREED}; server_max_window_bits=${bits}`);
  }
  assert.equal(await agreed(`${OFFER}; server_max_window_bits="1\\0"`), `${AGREED}; server_max_window_bits=10`);
});

const invalid = ['server_no_context_takeover=1', 'client_no_context_takeover=""x', 'client_no_context_takeover=true', 'server_max_window_bits', 'server_max_window_bits=7', 'server_max_window_bits=16',
  'server_max_window_bits=08', 'server_max_window_bits=10x', 'server_max_window_bits=-9', 'client_max_window_bits=7', 'client_max_window_bits=16', 'client_max_window_bits=015', 'client_max_window_bits=x',
  'unknown', 'unknown=1', 'Server_No_Context_Takeover', 'server_no_context_takeover; server_no_context_takeover', 'client_no_context_takeover; client_no_context_takeover',
  'server_max_window_bits=10; server_max_window_bits=10', 'client_max_window_bits; client_max_window_bits=10'].filter((one) => !one.includes('""'));
test('7692 7.1 an offer with a parameter that is unknown, doubled or wrong is declined', async () => {
  for (const parameters of invalid) assert.equal(await agreed(`${OFFER}; ${parameters}`), undefined, parameters);
  for (const name of ['permessage-deflate2', 'x-webkit-deflate-frame', 'permessage-bzip2']) assert.equal(await agreed(name), undefined);
});

test('7692 5.1 of several offers the first valid one is accepted, in one header or in several', async () => {
  for (const parameters of invalid) {
    assert.equal(await agreed(`${OFFER}; ${parameters}, ${OFFER}`), AGREED, parameters);
    assert.equal(await agreed(`${OFFER}; ${parameters}`, `mux, ${OFFER}; server_max_window_bits=9`), `${AGREED}; server_max_window_bits=9`, parameters);
  }
  assert.equal(await agreed(`${OFFER}; server_max_window_bits=12, ${OFFER}; server_max_window_bits=11`), `${AGREED}; server_max_window_bits=12`);
});

test('7692 7 the chat path declines every offer', async () => {
  const wire = new Wire(server).write(handshake({ target: '/ws', headers: [`Sec-WebSocket-Extensions: ${OFFER}`] }));
  await wire.opened();
  assert.doesNotMatch(wire.head, /Sec-WebSocket-Extensions/i);
  wire.write(message('{"type":"ping"}'));
  await wire.closed();
  assert.deepEqual(wire.words, ['close:1002']);
});

// ---- 6: RSV1

clause('6 a compressed message comes back compressed', [message('Hello'), END], ['deflated text:Hello', 'close:1000']);
clause('6 a message may stay uncompressed', [frame(TEXT, 'plain'), frame(BINARY, 'x'), END], ['deflated text:plain', 'deflated binary:78', 'close:1000']);
clause('6.1 the example of section 7.2.3.1', [frame(TEXT, Buffer.from('f248cdc9c90700', 'hex'), { rsv: RSV1 }), END], ['deflated text:Hello', 'close:1000']);
clause('6.1 the same in fragments, a ping between', [frame(TEXT, Buffer.from('f248cd', 'hex'), { rsv: RSV1, fin: false }), frame(PING, 'p'), frame(0, Buffer.from('c9c90700', 'hex')), END],
  ['pong:p', 'deflated text:Hello', 'close:1000']);
clause('6.1 a fragment a byte, and empty ones', [frame(TEXT, '', { rsv: RSV1, fin: false }), [...deflated('grüße 🐦')].map((byte) => frame(0, [byte], open)), frame(0, ''), END],
  ['deflated text:grüße 🐦', 'close:1000']);
fails('6.1 RSV1 without an agreement fails', [message('x')], 1002, { offer: '' });
fails('6.1 RSV1 behind a declined offer fails', [message('x')], 1002, { offer: `${OFFER}; unknown` });
fails('6.1 RSV1 of a continuation fails', [frame(TEXT, deflated('x'), { rsv: RSV1, fin: false }), frame(0, '', { rsv: RSV1 })], 1002);
fails('6.1 RSV1 of a continuation of a plain message fails', [frame(TEXT, 'x', open), frame(0, deflated('x'), { rsv: RSV1 })], 1002);
for (const opcode of [PING, 10, CLOSE]) fails(`6.1 RSV1 of control frame ${opcode} fails`, [frame(opcode, '', { rsv: RSV1 })], 1002);
for (const rsv of [1, 2, 3, 5, 6, 7]) fails(`6 reserved bits ${rsv} fail all the same`, [message('x', { rsv })], 1002);

// ---- 7.2.3: forms of deflated data

const raw = (hex) => frame(TEXT, Buffer.from(hex, 'hex'), { rsv: RSV1 });
clause('7.2.3.2 nothing is remembered of the message before', [message('Hello'), message('Hello'), END], ['deflated text:Hello', 'deflated text:Hello', 'close:1000']);
clause('7.2.3.3 a block without compression', [raw('000500faff48656c6c6f00'), END], ['deflated text:Hello', 'close:1000']);
clause('7.2.3.4 a block that calls itself the last', [raw('f348cdc9c9070000'), END], ['deflated text:Hello', 'close:1000']);
clause('7.2.3.5 two blocks', [raw('f248050000 00ffffcac9c90700'.replaceAll(' ', '')), END], ['deflated text:Hello', 'close:1000']);
clause('7.2.3.6 an empty message', [raw('00'), END], ['deflated text:', 'close:1000']);
clause('7.2.3.6 an empty message, and one in empty blocks', [frame(BINARY, '', {}), raw('02000000ffff00'), END], ['deflated binary:', 'deflated text:', 'close:1000']);
test('7692 7.2.1 an empty message is sent as one byte, and no message ends with the tail', async () => {
  const wire = new Wire(server).write(bytes(offering(OFFER), frame(TEXT, ''), frame(TEXT, 'Hello'), END));
  await wire.closed();
  const [empty, hello] = wire.frames;
  assert.equal(empty.payload.toString('hex'), '00');
  assert.equal(hello.payload.toString('hex'), 'f248cdc9c90700');
});
test('7692 7.2.1 every level, strategy and memory of zlib is understood', async () => {
  const text = Array.from({ length: 300 }, (_, i) => `line ${i * i} of a text ${'x'.repeat(i % 7)}`).join('\n');
  const variants = [];
  for (const level of [0, 1, 6, 9]) for (const strategy of [0, 1, 2, 3, 4]) for (const windowBits of [9, 12, 15]) variants.push({ level, strategy, windowBits, memLevel: 1 + (level % 9) });
  const wire = new Wire(server).write(offering(OFFER));
  for (const options of variants) wire.write(frame(TEXT, deflated(text, options), { rsv: RSV1 }));
  wire.write(END);
  await wire.closed();
  const found = await words(wire);
  assert.deepEqual(found.map((one) => one === `deflated text:${text}`).filter(Boolean).length, variants.length);
});

// ---- 7.1.2: windows

test('7692 7.1.2.1 the server looks back no further than it was asked to', async () => {
  // The same 200 bytes again and again, further and further apart: within some windows and outside of others.
  const motif = randomBytes(200).toString('base64').slice(0, 200);
  let text = '';
  for (const gap of [0, 20, 300, 700, 1500, 3000, 6000, 12000, 24000]) text += motif + randomBytes(gap).toString('base64').slice(0, gap);
  text += motif;
  for (let bits = 8; bits <= 15; ++bits) {
    const found = await verdict(bytes(frame(TEXT, text), frame(TEXT, 'a'.repeat(1000)), END), { offer: `${OFFER}; server_max_window_bits=${bits}`, windowBits: bits });
    assert.deepEqual(found, [`deflated text:${text}`, `deflated text:${'a'.repeat(1000)}`, 'close:1000'], `${bits} bits`);
  }
});
test('7692 7.1 connections with different windows, taking turns with one stream, do not disturb each other', async () => {
  const wires = Array.from({ length: 8 }, (_, i) => new Wire(server).write(offering(`${OFFER}; server_max_window_bits=${i + 8}`)));
  await Promise.all(wires.map((wire) => wire.opened()));
  const texts = wires.map((_, i) => `message of ${i} `.repeat(100));
  const rounds = 10;
  for (let round = 0; round < rounds; ++round) {
    for (const part of [0, 1]) { // everybody's first half is in before anybody's second
      for (const [i, wire] of wires.entries()) {
        const data = deflated(texts[i]);
        const half = data.length >> 1;
        wire.write(part === 0 ? frame(TEXT, data.subarray(0, half), { rsv: RSV1, fin: false }) : frame(0, data.subarray(half)));
      }
      await new Promise(setImmediate);
    }
  }
  for (const [i, wire] of wires.entries()) {
    wire.write(END);
    await wire.closed();
    assert.deepEqual(await words(wire, i + 8), [...Array(rounds).fill(`deflated text:${texts[i]}`), 'close:1000']);
  }
});

// ---- 8, and RFC 6455, 8.1 and 10.4: what may not come out

fails('8.1 bad UTF-8 that comes out fails', [message(Buffer.from([0x61, 0xc0, 0x80]))], 1007);
fails('8.1 a character cut at the end of what comes out fails', [message(Buffer.from('f09f90', 'hex'))], 1007);
clause('8.1 characters are cut by fragments and by blocks without harm', [frame(TEXT, deflated('🐦').subarray(0, 2), { rsv: RSV1, fin: false }), frame(0, deflated('🐦').subarray(2)), END], ['deflated text:🐦', 'close:1000']);
clause('8.1 binary messages are no text', [frame(BINARY, deflated(Buffer.from('ffc080', 'hex')), { rsv: RSV1 }), END], ['deflated binary:ffc080', 'close:1000']);
fails('7.2.2 what is not deflated fails', [raw('ffffffff')], 1007);
fails('7.2.2 a block of a kind that does not exist fails', [raw('06')], 1007);
fails('7.2.2 nothing at all fails', [raw('')], 1007);
fails('7.2.2 data cut inside of a block fails', [frame(TEXT, deflated('Hello, hello, hello').subarray(0, 5), { rsv: RSV1 })], 1007);
fails('7.2.2 a stored block that promises more fails', [raw('00ff0000ff48656c6c6f')], 1007);
clause('7.2.3.2 a message that looks back into the one before fails', [message('Hello'), raw('4a04220000')], ['deflated text:Hello', 'close:1007']);
fails('7.2.2 looking back before the beginning fails', [raw('4a04220000')], 1007);

const MOST = 16 << 20;
const memory = () => Number(readFileSync(`/proc/${server.child.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) * 1024;
async function bombs(size) {
  const parts = [];
  const stream = createDeflateRaw({ level: 9 });
  stream.on('data', (part) => parts.push(part));
  const block = Buffer.alloc(1 << 20);
  for (let left = size; left > 0; left -= block.length) stream.write(block.subarray(0, Math.min(left, block.length)));
  await new Promise((resolve) => stream.flush(constants.Z_SYNC_FLUSH, resolve));
  return Buffer.concat(parts).subarray(0, -4);
}

test('7692 8 a message may come out as 16 MiB and not as one byte more, which ends it at once', async () => {
  const exact = await bombs(MOST);
  assert.ok(exact.length < 20_000);
  const wire = new Wire(server).write(bytes(offering(OFFER), frame(BINARY, exact, { rsv: RSV1 }), END));
  await wire.closed();
  const [back, end] = wire.frames;
  assert.equal(word(end), 'close:1000');
  assert.equal(inflatedAtOnce(back.payload).length, MOST);
  assert.deepEqual(await verdict(frame(BINARY, await bombs(MOST + 1), { rsv: RSV1 })), ['close:1009']);

  const most_before = memory();
  const bomb = frame(BINARY, await bombs(1 << 30), { rsv: RSV1 }); // a MiB on the wire, a GiB behind it
  assert.ok(bomb.length < 1 << 21);
  await each(Array.from({ length: quick ? 4 : 20 }), 4, async () => assert.deepEqual(await verdict(bomb), ['close:1009']));
  if (process.env.ASAN_OPTIONS || process.env.UBSAN_OPTIONS || process.env.TSAN_OPTIONS) return;
  assert.ok(memory() < most_before + (64 << 20), `${memory()} bytes at most, before ${most_before}`);
});
test('7692 8 what cannot be compressed may have 16 MiB all the same', async () => {
  const data = randomBytes(MOST);
  const wire = new Wire(server).write(bytes(offering(OFFER), frame(BINARY, deflated(data), { rsv: RSV1 }), END));
  await wire.closed();
  assert.ok(inflatedAtOnce(wire.frames[0].payload).equals(data));
});
fails('10.4 more than 16 MiB and its overhead fail with the first byte', [frame(BINARY, 'x', { rsv: RSV1, length: MOST + MOST / 32 })], 1009);
fails('10.4 more than 16 MiB uncompressed fail with the first byte', [frame(BINARY, 'x', { length: MOST + 1 })], 1009);

test('7692 another implementation agrees, with all of its options', async () => {
  for (const options of [true, { serverMaxWindowBits: 9 }, { clientMaxWindowBits: 9, serverNoContextTakeover: true }, { clientNoContextTakeover: true, zlibDeflateOptions: { level: 9 } }]) {
    const perMessageDeflate = options === true ? true : { ...options, threshold: 0 };
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/echo`, { perMessageDeflate });
    await within(once(socket, 'open'), 'the upgrade');
    assert.match(socket.extensions, /permessage-deflate/);
    for (const size of [0, 1, 100, 5000, 70_000, 1 << 20]) {
      const data = 'starling ü '.repeat(Math.ceil(size / 11)).slice(0, size);
      socket.send(data, { compress: true });
      const [back] = await within(once(socket, 'message'), `${size} letters`);
      assert.equal(String(back), data);
    }
    socket.close();
    await within(once(socket, 'close'), 'the close');
  }
});
