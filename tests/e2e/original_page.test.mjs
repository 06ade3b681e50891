// The original's own page in open mode. `OriginalPage` does what that page does, in the same order and with
// the same blind trust, and keeps what it would show.
import assert from 'node:assert/strict';
import test from 'node:test';
import WebSocket from 'ws';
import { Server, within } from './harness.mjs';

const PING_MS = 100; // 30 s there
const RECONNECT_MS = 300; // 3 s there
const MAX_RECONNECTS = 50; // 5 there: as long in all

class OriginalPage {
  drawn = []; // {content, own, sender}: every message that is on the page
  people = 0; // what stands beside "online"
  comings = []; // lines such as "bob joined"
  alerts = []; // it pops up each error
  pongs = 0;
  attempts = 0;
  connections = 0;
  changed = () => {};

  static async open(server, username, roomId = 'general') {
    const page = new OriginalPage();
    Object.assign(page, { server, username, roomId });
    page.user = await page.findOrCreate();
    page.connect();
    await page.until(() => page.ready && page.people > 0, `${username} is in the room`);
    return page;
  }

  async findOrCreate() {
    const found = await this.server.call('GET', `/api/users/username/${encodeURIComponent(this.username)}`);
    if (found.status === 200) return found.body;
    assert.equal(found.status, 404);
    const made = await this.server.call('POST', '/api/users', { body: { username: this.username, email: `${this.username}@chat.local` } });
    assert.equal(made.status, 201);
    return made.body.user;
  }

  connect() {
    const socket = new WebSocket(`${this.server.url.replace('http', 'ws')}/`);
    this.socket = socket;
    socket.on('open', () => {
      this.attempts = 0;
      this.send({ type: 'auth', user_id: this.user.id, userId: this.user.id, username: this.user.username, roomId: this.roomId });
      this.ping = setInterval(() => this.send({ type: 'ping' }), PING_MS);
    });
    socket.on('message', (data) => {
      this.hear(JSON.parse(data));
      this.changed();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(this.ping);
      this.ready = false;
      if (this.closing || this.attempts >= MAX_RECONNECTS) return;
      this.attempts += 1;
      setTimeout(() => this.connect(), RECONNECT_MS);
    });
  }

  hear(frame) {
    switch (frame.type) {
      case 'auth_success':
        this.connections += 1;
        this.people = 0;
        this.load();
        break;
      case 'room_joined':
        this.people = frame.onlineUsers.length;
        break;
      case 'chat_message':
      case 'message_sent':
        this.draw(frame);
        break;
      case 'user_joined':
      case 'user_left':
        this.people += frame.type === 'user_joined' ? 1 : -1;
        this.comings.push(`${frame.username} ${frame.type.slice(5)}`);
        break;
      case 'pong':
        this.pongs += 1;
        break;
      case 'error':
        this.alerts.push(frame.message);
        break;
    }
  }

  async load() {
    const { body } = await this.server.call('GET', `/api/messages/room/${this.roomId}/recent?limit=50`);
    this.drawn = [];
    for (const message of body.messages) this.draw(message);
    this.ready = true;
    this.changed();
  }

  draw({ content, senderId, senderUsername }) {
    this.drawn.push({ content, own: senderId === this.user.id, sender: senderUsername });
  }

  say(content) {
    this.send({ type: 'chat_message', content, userId: this.user.id, user_id: this.user.id, roomId: this.roomId });
  }

  switchRoom(roomId) {
    this.roomId = roomId;
    this.send({ type: 'join_room', roomId, userId: this.user.id });
    this.load();
  }

  send(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  until(condition, what) {
    const wait = new Promise((resolve) => {
      this.changed = () => condition() && resolve();
      this.changed();
    });
    return within(wait, `${what}: ${JSON.stringify({ ...this, server: 0, socket: 0, ping: 0 })}`);
  }

  // All that was sent to it before now is on the page.
  async settle() {
    const before = this.pongs;
    await this.until(() => this.pongs >= before + 2, 'two pongs');
  }

  close() {
    this.closing = true;
    this.socket.close();
  }
}

const contents = (page) => page.drawn.map((message) => message.content);

test('two people chat on the original’s page: every message is drawn once, through a restart and in another room', async () => {
  const server = await Server.start({ args: ['--auth', 'open', '--threads', '2'], config: '[presence]\ngrace_ms = 300\n' });
  const pages = [];
  try {
    const ann = await OriginalPage.open(server, 'ann');
    pages.push(ann);
    assert.equal(ann.people, 1);
    const bob = await OriginalPage.open(server, 'bob');
    pages.push(bob);
    await ann.until(() => ann.people === 2, 'ann sees bob');
    assert.deepEqual([bob.people, ann.comings, bob.comings], [2, ['bob joined'], []]);

    const expected = [];
    const chat = async (rounds) => {
      for (let i = 0; i < rounds; ++i) {
        const page = pages[i % 2];
        expected.push(`${page.username} ${expected.length}`);
        page.say(expected.at(-1));
        for (const one of pages) await one.until(() => contents(one).includes(expected.at(-1)), 'the message');
      }
      for (const page of pages) {
        await page.settle();
        assert.deepEqual(contents(page), expected, page.username);
        for (const { content, own, sender } of page.drawn) {
          assert.deepEqual([sender, own], [content.split(' ')[0], sender === page.username]);
        }
      }
    };
    await chat(10);

    await server.kill();
    await server.start();
    for (const page of pages) await page.until(() => page.connections === 2 && page.ready, 'it is back');
    await ann.until(() => ann.people === 2, 'both are there again');
    await bob.until(() => bob.people === 2, 'both are there again');
    assert.deepEqual(contents(ann), expected, 'history is whole after the restart');
    await chat(6);

    bob.comings = [];
    ann.comings = [];
    const again = await OriginalPage.open(server, 'bob'); // a second tab is the same person
    assert.equal(again.people, 2);
    again.close();
    bob.switchRoom('other');
    await bob.until(() => bob.people === 1, 'bob is alone');
    await ann.until(() => ann.people === 1, 'bob has left');
    assert.deepEqual(ann.comings, ['bob left']);
    ann.say('only here');
    bob.say('only there');
    await ann.until(() => contents(ann).includes('only here'), 'her own');
    await bob.until(() => contents(bob).includes('only there'), 'his own');
    for (const page of pages) await page.settle();
    assert.deepEqual([contents(ann).at(-1), contents(ann).length], ['only here', expected.length + 1]);
    assert.deepEqual(contents(bob), ['only there']);
    bob.close();
    await ann.settle();
    assert.deepEqual([ann.people, ann.comings], [1, ['bob left']], 'he had left before');
    assert.deepEqual([ann.alerts, bob.alerts], [[], []]);
  } finally {
    for (const page of pages) page.close();
    await server.dispose();
  }
});
