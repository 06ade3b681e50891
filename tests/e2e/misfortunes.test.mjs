// What happens to a server on a bad day: no descriptors left, everybody at once, readers that stand
// still, and being told to stop in the middle of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { LIMIT_MS, range, Server, UNLIMITED, within } from './harness.mjs';

const STOPS = Number(process.env.STARLING_STOPS ?? 20);
const FEW = 20;
const READERS = Number(process.env.STARLING_READERS ?? FEW);

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what, name) {
  const deadline = Date.now() + LIMIT_MS;
  while (!(await what())) {
    assert.ok(Date.now() < deadline, name);
    await pause(10);
  }
}

function open(server, sockets) {
  const socket = net.connect(server.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  sockets.push(socket);
}

async function say(client, roomId, clientMessageId) {
  client.send({ type: 'chat_message', roomId, content: clientMessageId, clientMessageId });
  return client.next((frame) => frame.clientMessageId === clientMessageId && frame.type !== 'chat_message');
}

test('no descriptors are left: who is here goes on, and others come in when there are some', async (t) => {
  if (process.env.UBSAN_OPTIONS) {
    t.skip('its check of types looks at memory through a pipe, and has no descriptor for it');
    return;
  }
  const server = await Server.start({ args: ['--threads', '2'], through: ['prlimit', '--nofile=80:80'] });
  const sockets = [];
  try {
    const ann = await server.member(await server.user('ann'), 'r');
    const bob = await server.user('bob');
    for (let i = 0; i < 100; ++i) open(server, sockets);
    await until(() => server.lines.some((line) => line.includes('a connection could not be accepted')), 'the refusal in the log');
    for (let i = 0; i < 20; ++i) assert.equal((await say(ann, 'r', `m${i}`)).seq, i + 1);
    const warnings = server.lines.filter((line) => line.includes('could not be accepted')).length;
    assert.ok(warnings < 200, `${warnings} lines: it tries again in a loop`);
    for (const one of sockets) one.destroy();
    const late = await server.member(bob, 'r');
    late.send({ type: 'get_recent_messages', roomId: 'r' });
    assert.deepEqual((await late.next('recent_messages')).messages.map((one) => one.seq), range(1, 20));
    assert.equal(await server.stop(), 0);
  } finally {
    for (const one of sockets) one.destroy();
    await server.dispose();
  }
});

test('a thousand connect at once: each is served, and nobody who was there before waits for it', async () => {
  const server = await Server.start({ config: `[limits]\n${UNLIMITED}` });
  const sockets = [];
  try {
    const ann = await server.member(await server.user('ann'), 'r');
    const token = (await server.user('bob')).token;
    for (let i = 0; i < 1_000; ++i) open(server, sockets);
    const call = `GET /api/rooms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`;
    const answers = sockets.map((socket) => new Promise((resolve) => {
      let text = '';
      socket.on('data', (data) => (text += data));
      socket.on('close', () => resolve(text.slice(9, 12)));
      socket.write(call);
    }));
    for (let i = 0; i < 10; ++i) assert.equal((await say(ann, 'r', `m${i}`)).seq, i + 1);
    const statuses = await within(Promise.all(answers), 'an answer for everybody');
    assert.deepEqual(statuses.filter((status) => status !== '200'), []);
    await until(async () => {
      const text = await (await fetch(server.metrics)).text();
      return [...text.matchAll(/^starling_connections\{[^}]*\} (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0) <= 3;
    }, 'connections as before');
    assert.equal(await server.stop(), 0);
  } finally {
    for (const one of sockets) one.destroy();
    await server.dispose();
  }
});

test('some of the readers stand still: the others are given everything, and memory is bounded', async (t) => {
  const STALLED = Math.max(2, READERS / 20);
  const MESSAGES = 600;
  const content = 'x'.repeat(30_000); // 18 MB in all: more than the kernel keeps for a socket
  const server = await Server.start({ config: `[auth]\nregistrations_per_hour = 0\n[limits]\nmessage_bytes = 30000\nroom_buffer_bytes = 262144\nprivate_buffer_bytes = 65536\n${UNLIMITED}` });
  try {
    const members = [];
    for (let i = 0; i < READERS; ++i) members.push(await server.member(await server.user(`reader-${i}`), 'r'));
    const stalled = members.splice(0, STALLED);
    const sent_at = [];
    const latencies = [];
    for (const one of stalled) one.socket.pause();
    for (const one of members) {
      one.heard = [];
      one.take = (frame) => {
        if (frame.type !== 'chat_message') return;
        one.heard.push(frame.seq);
        latencies.push(performance.now() - sent_at[frame.seq]);
      };
    }
    for (let sent = 1; sent <= MESSAGES; ++sent) {
      sent_at[sent] = performance.now();
      members[0].send({ type: 'chat_message', roomId: 'r', content });
      // Those who read keep up: less than a room's buffer is under way.
      if (sent % 4 === 0) await until(() => members.every((one) => one.heard.at(-1) === sent), `message ${sent} at every reader`);
    }
    for (const one of members) assert.deepEqual(one.heard, range(1, MESSAGES));
    const memory = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);
    latencies.sort((a, b) => a - b);
    t.diagnostic(`${READERS} readers, ${STALLED} stand still: ${Math.round(latencies[Math.floor(latencies.length * 0.99)])} ms for 99 % of the others, ${Math.round(memory / 1024)} MiB`);
    if (!/^VmSize:\s+\d{10}/m.test(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))) assert.ok(memory < 150_000 + 100 * (READERS - FEW), `${memory} kB`);
    let told = 0;
    // Whoever goes on reading is told what is missing, or sent away to resume: never nothing.
    for (const one of stalled) {
      one.socket.resume();
      await within(Promise.race([one.closed, one.next((frame) => frame.seq === MESSAGES || frame.toSeq === MESSAGES)]), 'the end of what was missed');
      let expected = 1;
      for (const frame of one.frames.filter((each) => each.type === 'chat_message' || each.type === 'gap')) {
        assert.equal(frame.fromSeq ?? frame.seq, expected);
        expected = (frame.toSeq ?? frame.seq) + 1;
        told += frame.type === 'gap';
      }
      // Among many it takes longer than a send may be stuck: then it was cut off in the middle of a frame,
      // where nothing can be said any more.
      if (one.close_code === undefined) continue;
      assert.ok([4101, 1006].includes(one.close_code), `closed with ${one.close_code}`);
      ++told;
    }
    assert.ok(told > 0, 'nobody was too slow');
    assert.equal(await server.stop(), 0);
  } finally {
    await server.dispose();
  }
});

test('who takes nothing any more is ended in time, by whom it should be, and counted', async () => {
  const content = 'x'.repeat(30_000);
  const server = await Server.start({ config: `[limits]\nsend_timeout_ms = 2000\nmessage_bytes = 30000\nprivate_buffer_bytes = 65536\n${UNLIMITED}` });
  try {
    const writer = await server.member(await server.user('writer'), 'busy');
    writer.send({ type: 'join_room', roomId: 'calm' });
    await writer.next((frame) => frame.type === 'room_joined' && frame.roomId === 'calm');
    const busy = await server.member(await server.user('busy'), 'busy');
    const calm = await server.member(await server.user('calm'), 'calm');
    for (const one of [busy, calm]) one.socket.pause();
    // Of one room the kernel keeps all for who does not read, and is the only one to notice; of the other far
    // more than it takes, so that a send is stuck here.
    const fill = async (roomId, messages) => {
      for (let seq = 1; seq <= messages; ++seq) {
        writer.send({ type: 'chat_message', roomId, content });
        await writer.next((frame) => frame.seq === seq && frame.roomId === roomId);
      }
    };
    await fill('calm', 10);
    await fill('busy', 600);
    const ended = async () => {
      const text = await (await fetch(server.metrics)).text();
      const counts = [...text.matchAll(/^starling_connections_ended_total\{reason="(\w+)"\} ([1-9]\d*)$/gm)];
      return Object.fromEntries(counts.map(([, reason, count]) => [reason, Number(count)]));
    };
    await until(async () => (await ended()).stalled && (await ended()).unacknowledged, 'the ends of both');
    const { stalled, unacknowledged } = await ended();
    assert.deepEqual({ stalled, unacknowledged }, { stalled: 1, unacknowledged: 1 });
    assert.equal(writer.close_code, undefined);
    assert.equal(await server.stop(), 0);
  } finally {
    await server.dispose();
  }
});

test(`SIGTERM under load, ${STOPS} times: it ends with 0, and what was acknowledged is there`, async () => {
  const server = await Server.start({ config: `[server]\ndrain_window_ms = 100\n[limits]\n${UNLIMITED}` });
  const kept = new Map(); // by clientMessageId: seq
  let talk;
  try {
    const ann = await server.user('ann');
    for (let stop = 0; stop < STOPS; ++stop) {
      if (stop > 0) await server.start();
      const client = await server.member(ann, 'r');
      let acknowledged = 0;
      client.take = (frame) => {
        if (frame.type === 'message_sent') {
          ++acknowledged;
          assert.ok(!kept.has(frame.clientMessageId));
          kept.set(frame.clientMessageId, frame.seq);
        }
      };
      let said = 0;
      talk = setInterval(() => {
        for (let i = 0; i < 20 && client.socket.readyState === 1; ++i) {
          const id = `${stop}-${said++}`;
          client.send({ type: 'chat_message', roomId: 'r', content: id, clientMessageId: id });
        }
      }, 1);
      await until(() => acknowledged > 10 + 7 * (stop % 10), 'answers');
      assert.equal(await server.stop(), 0);
      clearInterval(talk);
      assert.equal((await client.closed).code, 4100, `stop ${stop}, after ${said} messages`);
    }
    await server.start();
    const token = ann.token;
    const stored = new Map();
    let highest = 0;
    for (;;) {
      const { body } = await server.call('GET', `/api/messages/room/r?afterSeq=${highest}&limit=100`, { token });
      if (body.messages.length === 0) break;
      for (const one of body.messages) {
        assert.equal(one.seq, ++highest, 'no hole');
        assert.ok(!stored.has(one.content), `${one.content} twice`);
        stored.set(one.content, one.seq);
      }
    }
    for (const [id, seq] of kept) assert.equal(stored.get(id), seq, id);
    assert.ok(kept.size > STOPS * 10);
  } finally {
    clearInterval(talk);
    await server.dispose();
  }
});
