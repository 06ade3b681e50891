// Speaks to a server anywhere and keeps what was wrong instead of failing: the descriptions and the
// order of events are watched on every connection, whatever rule it was opened for.
import { checkAnswer, checkFrame } from '../e2e/descriptions.mjs';
import { Client, within } from '../e2e/harness.mjs';

// One run: its users, its rooms, and what was noticed by the way.
export class Run {
  constructor(url) {
    this.url = url.replace(/\/$/, '');
    this.undescribed = new Set();
    this.disorder = new Set();
    this.name = `r${Date.now().toString(36)}${Math.floor(Math.random() * 1e6).toString(36)}`;
    this.rooms = 0;
  }

  room() {
    return `${this.name}-${++this.rooms}`;
  }

  // {status, headers, body}
  async call(method, target, { token, body, headers = {} } = {}) {
    const options = { method, headers: { ...headers } };
    if (token) options.headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) {
      options.headers['Content-Type'] = 'application/json';
      options.body = JSON.stringify(body);
    }
    const response = await within(fetch(this.url + target, options), `${method} ${target}`);
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const answer = type.includes('json') ? JSON.parse(text) : text;
    this.#note(this.undescribed, () => checkAnswer(method, target, response.status, type, answer));
    return { status: response.status, headers: response.headers, body: answer };
  }

  async user(name, extra = {}) {
    const username = `${this.name}-${name}`;
    const { status, body } = await this.call('POST', '/api/users', { body: { username, email: 'kit@example.org', ...extra } });
    if (status !== 201 || !body.token) throw new Error(`no user can register there: ${status} ${JSON.stringify(body)}`);
    return { ...body.user, token: body.token };
  }

  connect(options) {
    return Witness.open(this, options);
  }

  // A session of starling.v1, or with `protocol: null` of the original's dialect.
  async session(user, { auth = {}, ...options } = {}) {
    const client = await this.connect(options);
    client.send({ type: 'auth', token: user.token, ...auth });
    client.session = await client.next('auth_success');
    return client;
  }

  async member(user, roomId, options) {
    const client = await this.session(user, options);
    client.send({ type: 'join_room', roomId });
    client.joined = await client.next((frame) => frame.type === 'room_joined' && frame.roomId === roomId);
    return client;
  }

  watch(client, frame) {
    this.#note(this.undescribed, () => checkFrame(frame));
    this.#note(this.disorder, () => client.follow(frame));
  }

  #note(faults, check) {
    try {
      check();
    } catch (fault) {
      if (faults.size < 20) faults.add(fault.message.slice(0, 300));
    }
  }
}

class Witness extends Client {
  static async open(run, options) {
    const client = await super.open(run, options);
    client.run = run;
    for (const frame of client.early ?? []) run.watch(client, frame);
    return client;
  }

  take(frame) {
    if (this.run) this.run.watch(this, frame);
    else (this.early ??= []).push(frame); // before the upgrade was answered to us
    this.frames.push(frame);
    this.look();
  }

  // Throws where a room's events do not follow each other.
  follow(frame) {
    this.heads ??= new Map();
    const { type, roomId, seq } = frame;
    if (type === 'room_joined' && !this.heads.has(roomId)) this.heads.set(roomId, frame.headSeq);
    if (type === 'gap') this.heads.set(roomId, frame.toSeq);
    if (type === 'room_left') this.heads.delete(roomId);
    if (type !== 'chat_message' && type !== 'message_deleted') return;
    const last = this.heads.get(roomId);
    this.heads.set(roomId, seq);
    if (last !== undefined && seq !== last + 1) throw new Error(`${roomId}: seq ${seq} came behind ${last}`);
  }

  send(frame) {
    // Whoever asks for what was missed is told from there on.
    if (frame.type === 'join_room' && frame.afterSeq !== undefined) (this.heads ??= new Map()).set(frame.roomId, frame.afterSeq);
    for (const [roomId, seq] of Object.entries(frame.resume?.rooms ?? {})) (this.heads ??= new Map()).set(roomId, seq);
    super.send(frame);
  }

  events(roomId) {
    return this.frames.filter((frame) => frame.roomId === roomId && (frame.type === 'chat_message' || frame.type === 'message_deleted'));
  }

  async say(roomId, content, clientMessageId) {
    this.send({ type: 'chat_message', roomId, content, clientMessageId });
    return this.next((frame) => (frame.type === 'message_sent' || frame.type === 'error') && frame.clientMessageId === clientMessageId);
  }

  // The answer to a command, whatever it is.
  async ask(command) {
    const ref = `q${(this.asked = (this.asked ?? 0) + 1)}`;
    this.send({ ...command, ref });
    return this.next((frame) => frame.ref === ref);
  }

  // Until so many events of the room are here.
  async until(roomId, count) {
    const wanted = () => this.events(roomId).length >= count;
    if (!wanted()) {
      await within(new Promise((resolve) => {
        const look = this.look.bind(this);
        this.look = () => {
          look();
          if (wanted()) resolve();
        };
      }), `${count} events in ${roomId}; there are ${this.events(roomId).length}`, 8_000);
    }
    return this.events(roomId);
  }
}
