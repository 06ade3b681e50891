// kill -9 under load, again and again: what was acknowledged is there, once and in order, and every
// client's own picture, resumed after each restart, has no gap and nothing twice.
// STARLING_CRASH_SECONDS: how long (60 by default).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { range, Server, UNLIMITED } from './harness.mjs';

const SECONDS = Number(process.env.STARLING_CRASH_SECONDS ?? 60);
const ROOMS = ['one', 'two'];
const WRITERS = 4;

class Chatter {
  constructor(server, user, name) {
    Object.assign(this, { server, user, name, acknowledged: new Map(), seen: new Map(), unanswered: new Map(), next: 1, epoch: null });
    for (const room of ROOMS) this.seen.set(room, []);
  }

  // Comes, resumes, repeats what has no answer, and goes on writing until the connection ends.
  async run() {
    const { default: WebSocket } = await import('ws');
    const socket = new WebSocket(this.server.url.replace('http', 'ws') + '/ws', ['starling.v1'], { perMessageDeflate: false });
    this.socket = socket;
    const send = (frame) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));
    this.write = () => {
      while (this.unanswered.size < 8) {
        const id = `${this.name}-${this.next++}`;
        const frame = { type: 'chat_message', roomId: ROOMS[this.next % 2], content: id, clientMessageId: id };
        this.unanswered.set(id, frame);
        send(frame);
      }
    };
    socket.on('error', () => {});
    socket.on('message', (data) => this.take(JSON.parse(data), send));
    return new Promise((resolve) => socket.on('close', resolve));
  }

  take(frame, send) {
    switch (frame.type) {
      case 'welcome': {
        const rooms = Object.fromEntries(ROOMS.map((room) => [room, this.seen.get(room).length]));
        send({ type: 'auth', token: this.user.token, ...(this.epoch ? { resume: { epoch: this.epoch, rooms } } : {}) });
        return;
      }
      case 'auth_success':
        if (!this.epoch) for (const roomId of ROOMS) send({ type: 'join_room', roomId, afterSeq: 0 });
        this.epoch = frame.epoch;
        this.joined = 0;
        return;
      case 'room_joined':
        if (++this.joined < ROOMS.length) return;
        for (const message of this.unanswered.values()) send(message);
        this.write();
        return;
      case 'chat_message':
        // The list of what was seen is the resume position: each seq must be the next one.
        assert.equal(frame.seq, this.seen.get(frame.roomId).length + 1, `${this.name} in ${frame.roomId}`);
        this.seen.get(frame.roomId).push(frame.content);
        return;
      case 'message_sent': {
        const known = this.acknowledged.get(frame.clientMessageId);
        if (known) assert.deepEqual([known.id, known.seq], [frame.id, frame.seq]);
        this.acknowledged.set(frame.clientMessageId, frame);
        this.unanswered.delete(frame.clientMessageId);
        if (!this.finishing) this.write();
        else if (this.unanswered.size === 0) this.finished();
        return;
      }
      case 'gap':
      case 'error':
        throw new Error(`${this.name} was sent ${JSON.stringify(frame)}`);
      default:
    }
  }
}

test(`${SECONDS} s of kill -9 under load`, { timeout: (SECONDS + 120) * 1000 }, async () => {
  const server = await Server.start({ config: `[limits]\n${UNLIMITED}[resume]\nmax_events = 100000\n` });
  const failures = [];
  process.on('uncaughtException', (error) => failures.push(error));
  try {
    const chatters = [];
    for (let i = 0; i < WRITERS; ++i) {
      chatters.push(new Chatter(server, await server.user(`writer${i}`), `writer${i}`));
    }
    const end = Date.now() + SECONDS * 1000;
    let rounds = 0;
    while (Date.now() < end) {
      const running = chatters.map((chatter) => chatter.run());
      // The kill comes after a random number of further acknowledgements, so at any step of a commit.
      const before = chatters.reduce((sum, chatter) => sum + chatter.acknowledged.size, 0);
      const wanted = before + 50 + Math.floor(Math.random() * 400);
      while (chatters.reduce((sum, chatter) => sum + chatter.acknowledged.size, 0) < wanted && Date.now() < end && failures.length === 0) {
        await new Promise(setImmediate);
      }
      await server.kill();
      await Promise.all(running);
      assert.deepEqual(failures, []);
      await server.start();
      ++rounds;
    }
    // A last time, to the end.
    const done = chatters.map((chatter) => new Promise((resolve) => {
      chatter.finishing = true;
      chatter.finished = resolve;
    }));
    for (const chatter of chatters) chatter.run();
    for (const chatter of chatters) chatter.write = () => {};
    await Promise.all(done);

    for (const room of ROOMS) {
      const stored = [];
      for (let afterSeq = 0; ;) {
        const { body } = await server.call('GET', `/api/messages/room/${room}?afterSeq=${afterSeq}&limit=100`, { token: chatters[0].user.token });
        if (body.messages.length === 0) break;
        stored.push(...body.messages);
        afterSeq = body.messages.at(-1).seq;
      }
      assert.deepEqual(stored.map((message) => message.seq), range(1, stored.length));
      const contents = stored.map((message) => message.content);
      assert.equal(new Set(contents).size, contents.length, 'something is there twice');
      for (const chatter of chatters) {
        for (const [id, frame] of chatter.acknowledged) {
          if (frame.roomId === room) assert.equal(contents[frame.seq - 1], id, 'an acknowledged message');
        }
        const seen = chatter.seen.get(room);
        assert.deepEqual(seen, contents.slice(0, seen.length), 'what a client saw');
      }
    }
    const total = chatters.reduce((sum, chatter) => sum + chatter.acknowledged.size, 0);
    console.log(`${rounds} rounds, ${total} acknowledged messages`);
    assert.ok(rounds > 0);
  } finally {
    await server.dispose();
  }
});
