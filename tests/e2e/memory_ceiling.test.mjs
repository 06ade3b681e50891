// A ceiling for the process's memory, and somebody who wants more: it is not passed, whoever was here
// goes on talking, and it is over when the one who wants more has gone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { range, Server, UNLIMITED, within } from './harness.mjs';

const CEILING_MIB = 256;
// Who wants more never says who they are, and is to stay until the memory is short.
const CONFIG = `[auth]\ndeadline_ms = 600000\n[limits]\nmemory_bytes = ${CEILING_MIB << 20}\n${UNLIMITED}`;
const PART = 250_000; // of a message that may have 262,144 bytes
const SOCKETS = 2_000; // 500 MB of such parts

const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const HEADER = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0]); // 262,144 bytes, a mask of zeros
const HALF = Buffer.concat([Buffer.from(UPGRADE), HEADER, Buffer.alloc(PART, 'x')]);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const kilobytes = (server, name) =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);

async function metric(server, name) {
  const text = await (await fetch(server.metrics)).text();
  const found = text.split('\n').find((line) => line.startsWith(`${name} `));
  assert.ok(found, name);
  return Number(found.slice(name.length + 1));
}

// Says one thing after another, each until it is kept, as an SDK does.
class Talker {
  constructor(client, name) {
    Object.assign(this, { client, name, said: 0, refused: 0 });
  }
  async talk() {
    while (!this.done) {
      const clientMessageId = `${this.name}-${this.said}`;
      this.client.send({ type: 'chat_message', roomId: 'r', content: clientMessageId, clientMessageId });
      const answer = await this.client.next((frame) => frame.clientMessageId === clientMessageId && frame.type !== 'chat_message');
      if (answer.type === 'message_sent') {
        ++this.said;
        await pause(50);
      } else {
        assert.deepEqual([answer.code, answer.retryable], ['unavailable', true]);
        ++this.refused;
        await pause(100);
      }
    }
  }
}

test('memory has a ceiling: what matters least goes first, members go on, and it comes back', async (t) => {
  const server = await Server.start({ args: ['--threads', '2'], config: CONFIG });
  let attackers = [];
  try {
    if (kilobytes(server, 'VmSize') > 1e9) {
      t.skip('a sanitizer has memory of its own');
      return;
    }
    const talkers = [];
    for (let i = 0; i < 5; ++i) talkers.push(new Talker(await server.member(await server.user(`good-${i}`), 'r'), `good-${i}`));
    const talk = Promise.all(talkers.map((one) => one.talk()));
    assert.equal(await metric(server, 'starling_memory_ceiling_bytes'), CEILING_MIB << 20);
    assert.equal(await metric(server, 'starling_memory_step'), 0);
    t.diagnostic(`${Math.round(kilobytes(server, 'VmRSS') / 1024)} MiB before`);

    let refused = 0;
    const open = () => {
      const socket = net.connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.on('close', () => ++refused);
      socket.on('connect', () => socket.write(HALF));
      socket.resume();
      attackers.push(socket);
    };
    for (let i = 0; i < SOCKETS; ++i) {
      open();
      if (i % 5 === 4) await pause(10); // 125 MB a second
    }
    const before = talkers.map((one) => one.said);
    await within((async () => {
      while (talkers.some((one, i) => one.said < before[i] + 3)) await pause(20);
    })(), 'three more messages of each member');
    assert.ok(refused > 0);
    const peak = kilobytes(server, 'VmHWM') / 1024;
    t.diagnostic(`${Math.round(peak)} MiB at most, ${refused} of ${SOCKETS} sent away, ${talkers.reduce((sum, one) => sum + one.refused, 0)} messages refused for a while`);
    assert.ok(peak < CEILING_MIB, `${peak} MiB`);
    assert.ok(peak > CEILING_MIB * 0.75, `${peak} MiB: the ladder was not needed`);
    const [cause] = server.lines.filter((line) => line.includes('memory is short'));
    assert.match(cause, /limits\.memory_bytes/);

    for (const one of attackers) one.destroy();
    attackers = [];
    await within((async () => {
      while ((await metric(server, 'starling_memory_step')) > 0) await pause(100);
    })(), 'memory is no longer short', 30_000);
    assert.ok(server.lines.some((line) => line.includes('memory is no longer short')));
    const late = await server.member(await server.user('late'), 'r');
    for (const one of talkers) one.done = true;
    await within(talk, 'the last answers');
    await late.settle();

    // Every message that was kept was given to everybody, once and in order.
    const sum = talkers.reduce((all, one) => all + one.said, 0);
    for (const one of talkers) {
      await one.client.settle();
      const seqs = one.client.seqs();
      assert.deepEqual(seqs, range(seqs[0], sum), one.name);
    }
    assert.equal((await server.call('GET', '/api/messages/stats/room/r', { token: (await server.user('reader')).token })).body.total_messages, sum);
    assert.equal(await server.stop(), 0);
  } finally {
    for (const one of attackers) one.destroy();
    await server.dispose();
  }
});
