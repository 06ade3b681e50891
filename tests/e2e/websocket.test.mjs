// RFC 6455 against the running server: the echo for everything that is allowed, raw bytes for what
// is not.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Raw, Server, statusOf, UNLIMITED, within } from './harness.mjs';

let server;
before(async () => {
  server = await Server.start({ args: ['--auth', 'open'], config: '[test]\necho = true\n[limits]\nfragments = 8\nframe_bytes = 65536\nmessage_bytes = 1024\n' });
});
after(() => server.dispose());

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const upgrade = (target, ...headers) => ['GET ' + target + ' HTTP/1.1', 'Host: x', 'Upgrade: websocket', 'Connection: keep-alive, Upgrade',
  'Sec-WebSocket-Version: 13', `Sec-WebSocket-Key: ${KEY}`, ...headers, '', ''].join('\r\n');

function frame(opcode, payload, { fin = true, mask = true, rsv = 0, length } = {}) {
  const data = Buffer.from(payload);
  const size = length ?? data.length;
  const header = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const bit = mask ? 0x80 : 0;
  if (size < 126) header.push(bit | size);
  else if (size < 65536) header.push(bit | 126, size >> 8, size & 255);
  else header.push(bit | 127, 0, 0, 0, 0, (size >>> 24) & 255, (size >> 16) & 255, (size >> 8) & 255, size & 255);
  const key = mask ? [1, 2, 3, 4] : [];
  return Buffer.concat([Buffer.from([...header, ...key]), mask ? data.map((byte, i) => byte ^ key[i % 4]) : data]).toString('latin1');
}

// The close code that the server answers these frames with.
async function closeCode(frames, target = '/echo') {
  const raw = new Raw(server).write(upgrade(target) + frames);
  const text = await raw.closed();
  const bytes = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
  for (let at = 0; at < bytes.length;) {
    let size = bytes[at + 1];
    let header = 2;
    if (size === 126) [size, header] = [bytes.readUInt16BE(at + 2), 4];
    if (size === 127) [size, header] = [Number(bytes.readBigUInt64BE(at + 2)), 10];
    if ((bytes[at] & 15) === 8) return size >= 2 ? bytes.readUInt16BE(at + header) : 1005;
    at += header + size;
  }
  return null;
}

test('the handshake accepts what it must and refuses the rest', async () => {
  const raw = new Raw(server).write(upgrade('/ws', 'Sec-WebSocket-Protocol: other, starling.v1'));
  const text = await raw.until((seen) => seen.includes('\r\n\r\n'));
  assert.equal(statusOf(text), 101);
  const accept = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  assert.ok(text.includes(`Sec-WebSocket-Accept: ${accept}\r\n`));
  assert.ok(text.includes('Sec-WebSocket-Protocol: starling.v1\r\n'));
  raw.socket.destroy();
  const close = (bytes) => Raw.exchange(server, bytes.replace('Host: x', 'Host: x\r\nConnection: close'));
  const version = await close(upgrade('/ws').replace('Version: 13', 'Version: 8'));
  assert.equal(statusOf(version), 426);
  assert.ok(version.includes('Sec-WebSocket-Version: 13\r\n'));
  assert.equal(statusOf(await close(upgrade('/ws').replace(KEY, 'short'))), 400);
  assert.equal(statusOf(await close(upgrade('/elsewhere'))), 404);
  assert.equal(statusOf(await close('GET /livez HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n')), 200);
});

test('the echo returns text and binary of any size to 16 MiB, whole and in fragments', async () => {
  const client = await server.connect({ protocol: '', path: '/echo' });
  client.take = (data) => { client.frames.push(data); client.look(); };
  const { socket } = client;
  socket.removeAllListeners('message');
  socket.on('message', (data, binary) => client.take({ data, binary }));
  const echoed = async (data, options) => {
    socket.send(data, options);
    const back = await client.next(() => true);
    assert.equal(back.binary, Buffer.isBuffer(data));
    assert.ok(Buffer.from(data).equals(back.data));
  };
  for (const size of [0, 1, 125, 126, 127, 65535, 65536, 1 << 20, 16 << 20]) await echoed(randomBytes(size));
  await echoed('grüße 🐦');
  for (let i = 0; i < 2000; ++i) socket.send(Buffer.from([i & 255]), { binary: true, fin: false });
  socket.send(Buffer.alloc(0), { binary: true, fin: true });
  assert.equal((await client.next(() => true)).data.length, 2000);
  await client.close();
});

test('control frames between fragments are answered at once', async () => {
  const raw = new Raw(server).write(upgrade('/echo') + frame(1, 'Hel', { fin: false }) + frame(9, 'now'));
  await raw.until((text) => text.endsWith('\x8a\x03now'));
  raw.write(frame(0, 'lo'));
  await raw.until((text) => text.endsWith('\x81\x05Hello'));
  raw.write(frame(8, '\x03\xe8bye'.split('').map((c) => c.charCodeAt(0))));
  assert.ok((await raw.closed()).endsWith('\x88\x02\x03\xe8'));
});

test('every breach has its close code', async () => {
  const cases = [
    [1002, frame(1, 'x', { mask: false }), 'unmasked'],
    [1002, frame(1, 'x', { rsv: 4 }), 'RSV1'],
    [1002, frame(3, 'x'), 'opcode 3'],
    [1002, frame(11, ''), 'opcode 11'],
    [1002, frame(0, 'x'), 'a continuation of nothing'],
    [1002, frame(1, 'x', { fin: false }) + frame(1, 'y'), 'a message in a message'],
    [1002, frame(9, 'x', { fin: false }), 'a fragmented ping'],
    [1002, frame(9, 'x'.repeat(126)), 'a long ping'],
    [1002, frame(8, 'x'), 'a close of one byte'],
    [1002, frame(8, [3, 0xed]), 'close code 1005'],
    [1002, frame(8, [3, 0xe7]), 'close code 999'],
    [1002, '\x81\xfe\x00\x01\x00\x00\x00\x00x', 'a length that is not minimal'],
    [1007, frame(8, [3, 0xe8, 0xff]), 'a reason that is no UTF-8'],
    [1007, frame(1, [0xc0, 0xaf]), 'an overlong form'],
    [1007, frame(1, [0xed, 0xa0, 0x80]), 'a surrogate'],
    [1007, frame(1, [0xe2, 0x82]), 'a cut character'],
    [1007, frame(1, [0xe2], { fin: false }) + frame(0, [0x28, 0xa1]), 'across fragments'],
    [1009, frame(2, '', { length: (16 << 20) + 1 }) + 'xxxx', 'more than 16 MiB announced'],
    [1000, frame(8, [3, 0xe8]), 'a normal close'],
    [1005, frame(8, ''), 'a close without a code'],
    [4000, frame(8, [15, 160]), 'a code of the application'],
  ];
  for (const [code, bytes, what] of cases) assert.equal(await closeCode(bytes), code, what);
  assert.equal(await closeCode(frame(2, 'x'), '/ws'), 1003, 'binary on the chat path');
  assert.equal(await closeCode(frame(1, 'x'.repeat(65537)), '/ws'), 1009, 'too large for the chat path');
  assert.equal(await closeCode(frame(1, '{', { fin: false }) + frame(0, ' ', { fin: false }).repeat(8), '/ws'), 1008, 'too many fragments');
});

test('invalid UTF-8 fails at the first bad piece, before the message ends', async () => {
  const raw = new Raw(server).write(upgrade('/echo') + frame(1, [0x61, 0xff], { length: 5000 }));
  assert.ok((await raw.closed()).includes('\x03\xef'));
});

test('frames behind the upgrade in the same bytes, and cut anywhere, are understood', async () => {
  const bytes = frame(1, 'one') + frame(1, 'tw', { fin: false }) + frame(0, 'o');
  for (let cut = 0; cut <= bytes.length; ++cut) {
    const raw = new Raw(server).write(upgrade('/echo') + bytes.slice(0, cut));
    await raw.until((text) => text.includes('\r\n\r\n'));
    raw.write(bytes.slice(cut));
    await raw.until((text) => text.endsWith('\x81\x03one\x81\x03two'));
    raw.socket.destroy();
  }
});

test('a flood of pings costs one pong at a time, and others notice nothing', async () => {
  const flood = new Raw(server).write(upgrade('/echo'));
  await flood.until((text) => text.includes('\r\n\r\n'));
  flood.socket.pause();
  const pings = frame(9, 'ping').repeat(5000);
  for (let i = 0; i < 40; ++i) flood.write(pings);
  const ann = await server.user('ann');
  const client = await server.connect({ protocol: '' });
  client.send({ type: 'auth', userId: ann.id });
  await client.next('auth_success', 2000);
  flood.socket.destroy();
  await client.close();
});

test('a slow reader is told its gap, and the others miss nothing', async () => {
  const strict = await Server.start({ config: `[limits]\nsend_timeout_ms = 600000\n${UNLIMITED}` }); // it is not to be cut off as stuck
  try {
    const ann = await strict.user('ann');
    const bob = await strict.user('bob');
    const writer = await strict.member(ann, 'r');
    const slow = await strict.member(bob, 'r');
    slow.socket.pause();
    const total = 4000;
    const content = 'c'.repeat(4000);
    for (let i = 1; i <= total; ++i) {
      writer.send({ type: 'chat_message', roomId: 'r', content, clientMessageId: `${i}` });
      if (i % 50 === 0) await writer.next((answer) => answer.type === 'message_sent' && answer.clientMessageId === `${i}`);
    }
    await writer.next((message) => message.type === 'chat_message' && message.seq === total);
    assert.equal(writer.seqs().length, total - 1);
    slow.socket.resume();
    let expected = 1;
    let gaps = 0;
    const found = (async () => {
      while (expected <= total) {
        const event = await slow.next((one) => one.type === 'chat_message' || one.type === 'gap');
        if (event.type === 'gap') {
          assert.deepEqual([event.fromSeq, event.reason], [expected, 'slow_reader']);
          expected = event.toSeq + 1;
          ++gaps;
        } else {
          assert.equal(event.seq, expected++);
        }
      }
    })();
    await within(found, 'everything, or a gap for it', 60000);
    assert.ok(gaps > 0);
  } finally {
    await strict.dispose();
  }
});
