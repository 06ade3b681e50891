// People who talk in a fleet, through all that happens to it, and what they may expect of it.
//
// Each member has its own picture of its rooms, event by event; whatever does not follow the one before
// it is a failure at once. Who is cut off comes back, to any server, resumes where it was, and repeats
// what had no answer. In the end the pictures, the history of every server and the rows of the
// database are compared message by message.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { within } from '../e2e/harness.mjs';

const SETTLE_MS = 120_000;
const MAX_PENDING = 32; // of a member; beyond it the member waits

let loads = 0;

export class Load {
  // `random` decides who says what, where, and to whom one comes back.
  static async start(fleet, { people = 12, rooms = 3, random }) {
    const load = new Load();
    const name = `load${++loads}`; // people and rooms are of this one alone
    Object.assign(load, {
      fleet, random, members: [], failures: [], latencies: [], acknowledged: new Map(), senders: new Map(), writers: null,
      refusals: 0, opens: [], // sockets that never opened; when the others did
      rooms: Array.from({ length: rooms }, (_, i) => `${name}-${i}`),
    });
    const users = [];
    for (let i = 0; i < people; ++i) {
      const server = fleet.running[i % fleet.running.length];
      users.push(server.user(`${name}-person${i}`));
      if (users.length % 8 === 0) await Promise.all(users);
    }
    load.users = await Promise.all(users);
    // Each room has people on every server.
    for (const [i, user] of load.users.entries()) {
      load.members.push(new Member(load, user, `${name}-${i}`, load.rooms[Math.floor(i / fleet.running.length) % rooms], i));
    }
    await load.entered();
    return load;
  }

  entered() {
    return within(Promise.all(this.members.map((member) => member.entered)), 'everybody is in', SETTLE_MS);
  }

  fail(error) {
    if (this.failures.length < 10) this.failures.push(error);
  }

  // From now on `rate` messages a second, by random members.
  talk(rate) {
    const begin = performance.now();
    let due = 0;
    this.writers = setInterval(() => {
      const until = (performance.now() - begin) * rate / 1000;
      for (; due < until; ++due) this.random.of(this.members).say();
    }, 10);
  }

  // Resolves when so many more messages have been acknowledged.
  async more(count, what = 'messages go on', limit = SETTLE_MS) {
    const wanted = this.acknowledged.size + count;
    await within(new Promise((resolve) => {
      this.wake = () => {
        if (this.acknowledged.size >= wanted || this.failures.length > 0) resolve();
      };
      this.wake();
    }), what, limit);
    this.wake = undefined;
    this.check();
  }

  check() {
    if (this.failures.length > 0) throw this.failures[0];
  }

  // Nobody says anything new; everything that was said has its answer, and everybody has seen it.
  async settle() {
    clearInterval(this.writers);
    const open = () => this.members.filter((member) => member.pending.size > 0);
    await within(until(() => open().length === 0 || this.failures.length > 0), 'all is answered', SETTLE_MS)
      .catch((error) => assert.fail(`${error.message}: ${open().slice(0, 5).map((m) => `${m.name}: ${[...m.pending.keys()].slice(0, 3)} ${m.stage}`)}`));
    this.check();
    const heads = new Map();
    for (const { seq, roomId } of this.acknowledged.values()) heads.set(roomId, Math.max(heads.get(roomId) ?? 0, seq));
    const behind = () => this.members.filter((member) => member.view.length < (heads.get(member.room) ?? 0));
    await within(until(() => behind().length === 0 || this.failures.length > 0), 'everybody has seen everything', SETTLE_MS)
      .catch((error) => assert.fail(`${error.message}: ${behind().slice(0, 5).map((m) => `${m.name} ${m.view.length} of ${heads.get(m.room)} ${m.stage} ${m.server?.name}`)}`));
    this.check();
  }

  // Views, histories and rows, message by message.
  async compare() {
    for (const room of this.rooms) {
      const rows = await this.rows(room);
      assert.deepEqual(rows.map((row) => row.seq), rows.map((_, i) => i + 1), `${room}: seq has no hole in the database`);
      const contents = rows.map((row) => row.content);
      assert.equal(new Set(contents).size, contents.length, `${room}: something is there twice`);
      for (const server of this.fleet.running) {
        assert.deepEqual(await this.history(server, room), rows, `${room}: the history of ${server.name} is the database's`);
      }
      for (const member of this.members.filter((one) => one.room === room)) {
        assert.deepEqual(member.view, rows, `${room}: what ${member.name} saw is the database's`);
      }
      for (const [content, { seq, roomId, id }] of this.acknowledged) {
        if (roomId !== room) continue;
        assert.deepEqual({ id, content }, { id: rows[seq - 1]?.id, content: rows[seq - 1]?.content }, `${room}: ${content} was acknowledged`);
      }
    }
  }

  // Of what was acknowledged, how much the database does not have any more.
  async forget_lost() {
    const kept = new Set();
    for (const room of this.rooms) {
      for (const { id, content } of await this.rows(room)) kept.add(`${id} ${content}`);
    }
    let lost = 0;
    for (const [content, { id }] of this.acknowledged) {
      if (!kept.has(`${id} ${content}`)) lost += this.acknowledged.delete(content);
    }
    return lost;
  }

  async rows(room) {
    const found = await this.fleet.database.query(
      `SELECT seq, id, content FROM messages WHERE room_id = '${room}' ORDER BY seq`, 'starling');
    return found.map(([seq, id, content]) => ({ seq: Number(seq), id: Number(id), content }));
  }

  async history(server, room) {
    const all = [];
    for (let afterSeq = 0; ;) {
      const { status, body } = await server.call('GET', `/api/messages/room/${room}?afterSeq=${afterSeq}&limit=100`, { token: this.users[0].token });
      assert.equal(status, 200, JSON.stringify(body));
      if (body.messages.length === 0) return all;
      all.push(...body.messages.map(({ seq, id, content }) => ({ seq, id, content })));
      afterSeq = body.messages.at(-1).seq;
    }
  }

  // Of what was said in a time, came to members on other servers than its sender's, and `counts(from, to)`:
  // {p50, p99, count}, in ms. What has not come yet is not in it.
  latency({ since = 0, until = Infinity, counts = () => true } = {}) {
    const times = this.latencies.filter((one) => one.at >= since && one.at < until && counts(one.from, one.to)).map((one) => one.ms).sort((a, b) => a - b);
    const of = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
    return { count: times.length, p50: of(0.5), p99: of(0.99), max: times.at(-1) };
  }

  async end() {
    clearInterval(this.writers);
    for (const member of this.members) member.end();
  }
}

async function until(done) {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 10));
}

class Member {
  constructor(load, user, name, room, index) {
    Object.assign(this, { load, user, name, room, next: 1, view: [], pending: new Map(), stage: 'away', ended: false });
    this.entered = new Promise((resolve) => (this.is_in = resolve));
    this.server = load.fleet.running[index % load.fleet.running.length];
    this.connect();
  }

  connect() {
    if (this.ended) return;
    this.stage = 'connecting';
    const socket = new WebSocket(this.server.url.replace('http', 'ws') + '/ws', ['starling.v1'],
      { perMessageDeflate: false, handshakeTimeout: 5_000, ca: this.server.ca });
    this.socket = socket;
    // A server that says nothing at all is left after a while, as the SDK does.
    this.heard = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - this.heard > 8_000) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}');
    }, 2_000);
    let opened = false;
    socket.on('open', () => {
      opened = true;
      this.load.opens.push(performance.now());
    });
    socket.on('error', () => {});
    socket.on('message', (data) => {
      this.heard = performance.now();
      try {
        this.take(JSON.parse(data));
      } catch (error) {
        this.load.fail(error);
      }
    });
    socket.on('close', () => {
      clearInterval(watch);
      this.stage = 'away';
      if (this.ended) return;
      const { running } = this.load.fleet;
      if (running.length > 0) this.server = this.load.random.of(running);
      if (!opened) ++this.load.refusals;
      // Who drains gives each client a time of its own; who does not know better makes one up.
      setTimeout(() => this.connect(), this.come_back_after ?? 50 + this.load.random.between(0, 200));
      this.come_back_after = undefined;
    });
  }

  send(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  say() {
    if (this.pending.size >= MAX_PENDING) return;
    const content = `${this.name}-${this.next++}`;
    const frame = { type: 'chat_message', roomId: this.room, content, clientMessageId: content };
    this.pending.set(content, frame);
    if (this.stage !== 'in') return;
    this.load.senders.set(content, { server: this.server, at: performance.now() });
    this.send(frame);
  }

  take(frame) {
    switch (frame.type) {
      case 'welcome':
        this.send({ type: 'auth', token: this.user.token });
        return;
      case 'auth_success':
        this.epoch ??= frame.epoch;
        if (!this.load.goes_back) assert.equal(frame.epoch, this.epoch, 'the epoch stays');
        this.send({ type: 'join_room', roomId: this.room, afterSeq: this.view.length, epoch: this.epoch });
        return;
      case 'room_joined':
        this.stage = 'in';
        this.is_in();
        for (const [content, said] of this.pending) this.repeat(content, said);
        return;
      case 'chat_message':
        this.see(frame);
        return;
      case 'message_sent':
        this.acknowledge(frame);
        return;
      case 'error':
        this.refused(frame);
        return;
      case 'reconnect':
        this.come_back_after = frame.afterMs;
        return;
      case 'gap':
        if (this.load.goes_back && frame.reason === 'epoch') {
          this.start_afresh(frame.epoch);
          return;
        }
        throw new Error(`${this.name} was told of a gap: ${JSON.stringify(frame)}`);
      default:
    }
  }

  // What was seen means nothing any more: all of it once more, on another connection.
  start_afresh(epoch) {
    this.epoch = epoch;
    this.view = [];
    this.socket.close();
  }

  see({ seq, id, content, roomId }) {
    assert.equal(roomId, this.room);
    assert.equal(seq, this.view.length + 1, `${this.name}: the next event, from ${this.server.name}`);
    this.view.push({ seq, id, content });
    const said = this.load.senders.get(content);
    if (said && said.server !== this.server) {
      this.load.latencies.push({ at: said.at, ms: performance.now() - said.at, from: said.server, to: this.server });
    }
  }

  acknowledge({ clientMessageId, id, seq, roomId }) {
    const known = this.load.acknowledged.get(clientMessageId);
    if (known) assert.deepEqual({ id, seq }, { id: known.id, seq: known.seq }, `${clientMessageId} is one message`);
    this.load.acknowledged.set(clientMessageId, { id, seq, roomId });
    this.pending.delete(clientMessageId);
    this.answered = performance.now();
    this.load.wake?.();
  }

  // How long it takes then says nothing.
  repeat(content, frame) {
    this.load.senders.delete(content);
    this.send(frame);
  }

  // What may be sent again is, under its own id.
  refused({ clientMessageId, retryable, code, message }) {
    if (!clientMessageId) {
      this.socket.close();
      return;
    }
    assert.ok(retryable, `${clientMessageId} was refused for good: ${code} ${message}`);
    setTimeout(() => {
      const again = this.pending.get(clientMessageId);
      if (again && this.stage === 'in') this.repeat(clientMessageId, again);
    }, 200);
  }

  end() {
    this.ended = true;
    this.socket.terminate();
  }
}
