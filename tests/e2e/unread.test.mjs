// Unread counts: whatever users say, read, delete, leave and lose, every socket's badge, a fresh
// session and the rows of the archive say the same number.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import { Server, UNLIMITED } from './harness.mjs';

const LIMIT = 1_000; // no more are counted

// What a client has to keep of a room, and all that it needs (docs/protocol.md, "Keeping a badge").
class Badge {
  readSeq = 0;
  headSeq = 0; // up to there `counted` says how many are unread
  counted = 0;
  messages = new Set();

  told(headSeq, readSeq, unread) {
    if (readSeq < this.readSeq || (readSeq === this.readSeq && headSeq < this.headSeq)) return; // old news
    [this.headSeq, this.readSeq, this.counted] = [headSeq, readSeq, unread];
  }

  event(frame, me) {
    if (frame.type !== 'chat_message') return; // a deletion is no message
    this.messages.add(frame.seq);
    if (frame.senderId === me) this.told(frame.seq, frame.seq, 0); // who speaks has read
  }

  get value() {
    const from = Math.max(this.headSeq, this.readSeq);
    let behind = 0;
    for (const seq of this.messages) if (seq > from) ++behind;
    return Math.min(LIMIT, this.counted + behind);
  }
}

// A socket of a user, and the badges that a page would show.
class Tab {
  badges = new Map();
  last = new Map(); // the newest seq of each room

  static async open(server, user, rooms) {
    const tab = new Tab();
    tab.server = server;
    tab.user = user;
    tab.rooms = rooms;
    await tab.connect();
    return tab;
  }

  async connect() {
    this.client = undefined;
    const client = await this.server.connect();
    const take = client.take;
    client.take = (frame) => {
      this.hear(frame);
      take.call(client, frame);
    };
    const { epoch } = await client.next('welcome');
    const resume = this.last.size > 0 ? { epoch, rooms: Object.fromEntries(this.last) } : undefined;
    client.send({ type: 'auth', token: this.user.token, resume });
    await client.next('auth_success');
    const joined = new Set(resume ? this.last.keys() : []);
    for (const roomId of this.rooms) if (!joined.has(roomId)) client.send({ type: 'join_room', roomId });
    for (const roomId of this.rooms) await client.next((frame) => frame.type === 'room_joined' && frame.roomId === roomId);
    this.client = client;
  }

  badge(roomId) {
    if (!this.badges.has(roomId)) this.badges.set(roomId, new Badge());
    return this.badges.get(roomId);
  }

  hear(frame) {
    if (frame.type === 'auth_success') {
      for (const room of frame.rooms) this.badge(room.roomId).told(room.headSeq, room.readSeq, room.unread);
    } else if (frame.type === 'room_joined') {
      this.badge(frame.roomId).told(frame.headSeq, frame.readSeq, frame.unread);
      this.last.set(frame.roomId, Math.max(this.last.get(frame.roomId) ?? 0, frame.headSeq));
    } else if (frame.type === 'read_update') {
      this.badge(frame.roomId).told(frame.headSeq, frame.seq, frame.unread);
    } else if (frame.seq && frame.roomId && frame.type !== 'message_sent') {
      this.badge(frame.roomId).event(frame, this.user.id);
      this.last.set(frame.roomId, Math.max(this.last.get(frame.roomId) ?? 0, frame.seq));
    }
  }

  // Sends a command and awaits its answer, which may be that the user has left the room elsewhere.
  async ask(command, type) {
    const ref = `r${++Tab.asked}`;
    this.client.send({ ...command, ref });
    const answer = await this.client.next((frame) => frame.ref === ref);
    if (answer.type !== type) assert.deepEqual([answer.type, answer.code], ['error', 'not_in_room']);
    return answer;
  }
}
Tab.asked = 0;

// {"user room": {readSeq, headSeq, unread}}, counted from the rows.
function truth(server) {
  const script = `
import json, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
rows = db.execute("""SELECT m.user_id, m.room_id, m.read_seq, r.head, (SELECT count(*) FROM messages e
  WHERE e.room_id = m.room_id AND e.kind = 0 AND e.seq > m.read_seq) FROM members m JOIN rooms r ON r.id = m.room_id""")
print(json.dumps({f"{user} {room}": dict(readSeq=read, headSeq=head, unread=min(unread, ${LIMIT}))
  for user, room, read, head, unread in rows}))`;
  return JSON.parse(execFileSync('python3', ['-c', script, path.join(server.folder, 'data/starling.db')]));
}

// Awaits that all badges are what the archive says; what they were where they are not.
async function agree(server, tabs, what) {
  const wanted = truth(server);
  const wrong = () => tabs.flatMap((tab) => tab.rooms.map((roomId) => {
    const { readSeq, unread } = wanted[`${tab.user.id} ${roomId}`];
    const badge = tab.badge(roomId);
    return badge.readSeq === readSeq && badge.value === unread ? undefined
      : `${tab.user.username} in ${roomId}: ${badge.value} behind ${badge.readSeq}, not ${unread} behind ${readSeq}`;
  })).filter(Boolean);
  const deadline = Date.now() + 1_000; // a badge is true within a second
  while (wrong().length > 0 && Date.now() < deadline) await Promise.all(tabs.map((tab) => tab.client.settle()));
  assert.deepEqual(wrong(), [], what);
  return wanted;
}

function randomness(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (bound) => Math.floor(next() * bound), of: (list) => list[Math.floor(next() * list.length)] };
}

test('badges, fresh sessions and the archive agree, whatever happens', async () => {
  const seed = Number(process.env.STARLING_SEED ?? Date.now() % 1_000_000);
  const random = randomness(seed);
  const server = await Server.start({ args: ['--threads', '2'], config: `[limits]\n${UNLIMITED}` });
  try {
    const rooms = ['a', 'b', 'c'];
    const users = [];
    for (const name of ['ann', 'bob', 'eve']) users.push(await server.user(name));
    const tabs = [];
    for (let i = 0; i < 9; ++i) tabs.push(await Tab.open(server, users[i % 3], rooms));
    const said = []; // {id, user}
    const open = () => random.of(tabs.filter((tab) => tab.client));
    const heads = () => random.below(5 + Math.max(0, ...tabs.map((tab) => Math.max(0, ...tab.last.values()))));

    const acts = {
      async say() {
        const [tab, roomId] = [open(), random.of(rooms)];
        const sent = await tab.ask({ type: 'chat_message', roomId, content: 'x', clientMessageId: `m${said.length}-${random.below(1e9)}` }, 'message_sent');
        if (sent.id) said.push({ id: sent.id, user: tab.user });
      },
      async post() {
        const user = random.of(users);
        const answer = await server.call('POST', '/api/messages', { token: user.token, body: { content: 'x', room_id: random.of(rooms) } });
        if (answer.status === 201) said.push({ id: answer.body.data.id, user });
      },
      async read() {
        await open().ask({ type: 'mark_read', roomId: random.of(rooms), seq: heads() }, 'read_update');
      },
      async remove() {
        if (said.length === 0) return;
        const { id, user } = random.of(said);
        assert.equal((await server.call('DELETE', `/api/messages/${id}`, { token: user.token })).status, 200);
      },
      async leave() {
        const [tab, roomId] = [open(), random.of(rooms)];
        await tab.ask({ type: 'leave_room', roomId }, 'room_left');
        await tab.ask({ type: 'join_room', roomId }, 'room_joined');
      },
    };
    const often = ['say', 'say', 'say', 'post', 'read', 'read', 'remove', 'leave'];
    for (let round = 0; round < 6; ++round) {
      if (round === 3) { // a crash in between
        await server.kill();
        await server.start();
        await Promise.all(tabs.map((tab) => tab.connect()));
      }
      for (let step = 0; step < 20; ++step) {
        const busy = Array.from({ length: 6 }, () => acts[random.of(often)]());
        if (random.below(4) === 0) { // a tab goes and comes back while others act
          const tab = random.of(tabs);
          await Promise.all(busy.splice(0)); // nothing is asked of a socket that closes
          tab.client.socket.terminate();
          busy.push(tab.connect(), acts.say(), acts.post(), acts.read());
        }
        await Promise.all(busy);
      }
      const wanted = await agree(server, tabs, `seed ${seed}, round ${round}`);
      for (const user of users) {
        const fresh = await server.session(user);
        for (const room of fresh.session.rooms) {
          assert.deepEqual({ readSeq: room.readSeq, headSeq: room.headSeq, unread: room.unread }, wanted[`${user.id} ${room.roomId}`]);
          fresh.send({ type: 'join_room', roomId: room.roomId });
          const { readSeq, headSeq, unread } = await fresh.next('room_joined');
          assert.deepEqual({ readSeq, headSeq, unread }, wanted[`${user.id} ${room.roomId}`]);
        }
        await fresh.close();
      }
    }
  } finally {
    await server.dispose();
  }
});

test('what a user writes in one tab, by REST or with an old client is read in the others, at once', async () => {
  const server = await Server.start({ args: ['--threads', '2', '--auth', 'open'] });
  try {
    const ann = await server.user('ann');
    const bob = await server.user('bob');
    const writer = await server.member(ann, 'general');
    const tabs = [await server.session(ann), await server.session(ann)]; // that room is not open in them
    await server.call('POST', '/api/messages', { body: { content: 'hello', sender_id: bob.id, room_id: 'general' } });
    await writer.next('chat_message');

    const old = await server.connect({ protocol: '', path: '/' });
    old.send({ type: 'auth', userId: ann.id, roomId: 'general' });
    await old.next('room_joined');
    const ways = [
      () => writer.send({ type: 'chat_message', roomId: 'general', content: 'a' }),
      () => server.call('POST', '/api/messages', { body: { content: 'b', sender_id: ann.id, room_id: 'general' } }),
      () => old.send({ type: 'chat_message', content: 'c', userId: ann.id, roomId: 'general' }),
    ];
    let seq = 1;
    for (const write of ways) {
      write();
      ++seq;
      for (const tab of tabs) {
        const update = await tab.next('read_update', 1_000);
        assert.deepEqual([update.roomId, update.userId, update.seq, update.headSeq, update.unread], ['general', ann.id, seq, seq, 0]);
      }
    }
    await old.settle();
    assert.ok(!old.frames.some((frame) => frame.type === 'read_update'), 'an old client knows no read pointers');
  } finally {
    await server.dispose();
  }
});

test('a deleted message stays unread; leaving ends the pointer, and coming back begins at the head', async () => {
  const server = await Server.start();
  try {
    const ann = await server.user('ann');
    const bob = await server.user('bob');
    const reader = await server.member(ann, 'r');
    const other = await server.session(ann);
    const writer = await server.member(bob, 'r');
    const ids = [];
    for (let i = 0; i < 3; ++i) {
      writer.send({ type: 'chat_message', roomId: 'r', content: 'x', clientMessageId: `m${i}` });
      ids.push((await writer.next('message_sent')).id);
    }
    await server.call('DELETE', `/api/messages/${ids[1]}`, { token: bob.token });
    await reader.next('message_deleted');
    const unread = async () => (await server.session(ann)).session.rooms;
    assert.deepEqual(await unread(), [{ roomId: 'r', headSeq: 4, readSeq: 0, unread: 3 }]);
    reader.send({ type: 'mark_read', roomId: 'r', seq: 2 });
    for (const socket of [reader, other]) {
      const update = await socket.next('read_update');
      assert.deepEqual([update.seq, update.headSeq, update.unread], [2, 4, 1]);
    }
    reader.send({ type: 'mark_read', roomId: 'r', seq: 1 }); // never back
    assert.equal((await reader.next('read_update')).seq, 2);
    reader.send({ type: 'mark_read', roomId: 'r', seq: 99 }); // no further than the head
    assert.equal((await reader.next('read_update')).seq, 4);

    reader.send({ type: 'leave_room', roomId: 'r' });
    await reader.next('room_left');
    assert.deepEqual(await unread(), []);
    reader.send({ type: 'mark_read', roomId: 'r', seq: 4, ref: 'q' });
    assert.equal((await reader.next((frame) => frame.ref === 'q')).code, 'not_in_room');
    writer.send({ type: 'chat_message', roomId: 'r', content: 'while away' });
    await writer.next((frame) => frame.content === 'while away');
    reader.send({ type: 'join_room', roomId: 'r' });
    const joined = await reader.next('room_joined');
    assert.deepEqual([joined.headSeq, joined.readSeq, joined.unread], [5, 5, 0]);
    assert.equal((await other.next((frame) => frame.type === 'read_update' && frame.seq === 5)).unread, 0);
  } finally {
    await server.dispose();
  }
});
