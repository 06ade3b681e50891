// Every event once and in order, whatever the network does; and the numbers beside it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Events, type Gap, type Options, Starling } from '../src/index.js';
import { FakeServer, type Json, NO_FAULTS, seeded, tokenOf } from './fake_server.js';

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
});
afterEach(() => vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function client(user: number, options: Options = {}) {
  return new Starling({ url: 'http://x', token: tokenOf(user), WebSocket: server.WebSocket, random: server.random, ...options });
}

async function online(user: number, options?: Options) {
  const made = client(user, options);
  made.connect();
  await pass(50);
  return made;
}

async function entered(made: Starling, roomId: string, options?: { afterSeq: number }) {
  const joined = made.join(roomId, options);
  await pass(50);
  return joined;
}

/** What was emitted, checked for order at once: each number is the next one, a gap names what it skips. */
function listen(made: Starling, roomId: string, from: number) {
  const events: Json[] = [];
  const gaps: Gap[] = [];
  let next = from;
  const take = (seq: number, event: Json) => {
    expect(seq).toBe(next++);
    events.push(event);
  };
  const of = <Name extends keyof Events>(name: Name, handler: (event: Json) => void) =>
    made.on(name, (event) => (event as Json).roomId === roomId && handler(event));
  for (const name of ['message', 'tombstone', 'deleted'] as const) of(name, (event) => take(event.seq, event));
  of('gap', (gap) => {
    expect(gap.fromSeq).toBe(gap.reason === 'epoch' ? 1 : next);
    next = gap.toSeq + 1;
    gaps.push(gap);
  });
  return { events, gaps };
}

test('without afterSeq events begin behind the head, and history ends before them', async () => {
  for (let i = 1; i <= 5; ++i) server.post('r', 2, `${i}`);
  server.delete('r', 2);
  const made = await online(1);
  const room = await entered(made, 'r');
  expect([room.seq, room.headSeq]).toEqual([6, 6]);
  const { events } = listen(made, 'r', 7);
  const asked = made.history('r');
  server.post('r', 2, 'while it is asked');
  await pass(50);
  const page = await asked;
  expect(page.messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]); // the deletion, 6, is no message
  expect(page.messages[1]).toMatchObject({ seq: 2, deleted: true });
  expect([page.fromSeq, page.toSeq, page.hasMore]).toEqual([1, 6, false]);
  expect(events.map(({ seq }) => seq)).toEqual([7]);
  const older = made.history('r', { beforeSeq: 4, limit: 2 });
  await pass(50);
  expect((await older).messages.map(({ seq }) => seq)).toEqual([2, 3]);
});

test('joining twice is joining once; leaving ends it', async () => {
  const made = client(1);
  const both = Promise.all([made.join('r'), made.join('r')]);
  made.connect();
  await pass(50);
  const [first, second] = await both;
  expect(first).toBe(second);
  expect(server.commands.filter(({ type }) => type === 'join_room').length).toBe(1);
  const left: string[] = [];
  made.on('left', ({ roomId }) => left.push(roomId));
  void made.leave('r');
  await pass(50);
  expect([left, made.memberships.size, first.joined]).toEqual([['r'], 0, false]);
  server.cutAll();
  await pass(2_000);
  expect(server.commands.filter(({ type }) => type === 'join_room').length).toBe(1);
});

test('a room that refuses rejects the join, and is not tried again', async () => {
  const made = await online(1);
  const joined = made.join('forbidden');
  joined.catch(() => {});
  await pass(50);
  await expect(joined).rejects.toMatchObject({ code: 'forbidden', retryable: false });
  server.cutAll();
  await pass(2_000);
  expect(server.commands.filter(({ type }) => type === 'join_room').length).toBe(1);
});

test('a small gap is paged, a large one told; either way nothing is left out in silence', async () => {
  server.maxEvents = 10;
  for (const limit of [150, 149]) {
    const roomId = `r${limit}`;
    server.post(roomId, 2, 'first');
    const made = await online(1, { fillLimit: limit });
    await entered(made, roomId);
    const { events, gaps } = listen(made, roomId, 2);
    server.cutAll();
    for (let i = 2; i <= 161; ++i) server.post(roomId, 2, `${i}`);
    await pass(2_000);
    server.post(roomId, 2, 'last');
    await pass(50);
    expect(gaps).toEqual(limit === 150 ? [] : [{ roomId, fromSeq: 2, toSeq: 151, reason: 'too_many' }]);
    expect(events.at(-1)).toMatchObject({ content: 'last', seq: 162 });
    expect(events.length).toBe(limit === 150 ? 161 : 11);
    expect([made.memberships.get(roomId)!.unread, server.unread(roomId, 1)]).toEqual([162, 162]);
    made.close();
  }
});

test('a lost event is fetched as soon as the next one shows it, also behind a doubled one', async () => {
  const made = await online(1);
  await entered(made, 'r');
  const { events } = listen(made, 'r', 1);
  server.faults.double = 1;
  server.post('r', 2, 'twice');
  await pass(50);
  server.faults = { ...NO_FAULTS, lose: 1 };
  server.post('r', 2, 'lost');
  server.faults = { ...NO_FAULTS };
  server.post('r', 2, 'last');
  await pass(50);
  expect(events.map(({ content }) => content)).toEqual(['twice', 'lost', 'last']);
});

test('another epoch: the numbers begin anew', async () => {
  for (let i = 1; i <= 5; ++i) server.post('r', 2, `${i}`);
  const made = await online(1);
  const room = await entered(made, 'r');
  made.markRead('r', 5);
  await pass(50);
  const { gaps } = listen(made, 'r', 6);
  server.cutAll();
  server.rooms.clear();
  server.epoch = 2;
  for (let i = 1; i <= 8; ++i) server.post('r', 2, `anew ${i}`); // more than there were
  await pass(2_000);
  expect(gaps).toEqual([{ roomId: 'r', fromSeq: 1, toSeq: 8, reason: 'epoch' }]);
  expect([room.seq, room.readSeq, room.unread]).toEqual([8, 0, 8]);
  server.cutAll();
  server.post('r', 2, 'anew 9');
  await pass(2_000);
  expect([room.seq, room.unread, gaps.length]).toEqual([9, 9, 1]);
});

test('a database that went back in time is another one', async () => {
  for (let i = 1; i <= 5; ++i) server.post('r', 2, `${i}`);
  const made = await online(1);
  const room = await entered(made, 'r');
  const { gaps } = listen(made, 'r', 6);
  server.cutAll();
  server.room('r').events.length = 2;
  await pass(2_000);
  expect([gaps.length, room.seq, room.unread]).toEqual([1, 2, 2]);
});

test('memberships are joined on request, and what was left elsewhere is left here', async () => {
  for (const roomId of ['a', 'b', 'c']) {
    server.post(roomId, 2, 'hello');
    server.room(roomId).members.add(1);
  }
  const idle = await online(1);
  expect([...idle.memberships.values()].map(({ joined, unread }) => [joined, unread])).toEqual([[false, 1], [false, 1], [false, 1]]);
  const made = await online(1, { joinMemberships: true });
  await pass(50);
  expect([...made.memberships.values()].every(({ joined }) => joined)).toBe(true);
  server.post('b', 2, 'again');
  await pass(50);
  expect(made.memberships.get('b')!.unread).toBe(2);
  const left: string[] = [];
  made.on('left', ({ roomId }) => left.push(roomId));
  server.room('c').members.delete(1);
  server.cutAll();
  await pass(2_000);
  expect([left, [...made.memberships.keys()]]).toEqual([['c'], ['a', 'b']]);
  expect(server.room('c').members.has(1)).toBe(false);
});

test('another user gets nothing of the one before', async () => {
  let user = 1;
  const made = new Starling({ url: 'http://x', token: () => tokenOf(user), WebSocket: server.WebSocket });
  made.connect();
  await pass(50);
  await entered(made, 'r');
  server.room('r').members.add(2);
  server.faults.refuse = 1;
  made.send('r', 'of the first');
  expect(made.pending().length).toBe(1);
  await pass(20);
  user = 2;
  server.faults.refuse = 0;
  server.cutAll();
  await pass(1_000);
  expect([made.session!.userId, made.pending().length]).toEqual([2, 0]);
  expect([...made.memberships.values()].map(({ roomId, joined }) => [roomId, joined])).toEqual([['r', false]]);
  expect(server.rooms.get('r')!.events).toEqual([]);
});

test('reading: at once here, once a second to the server, and true in the other tab', async () => {
  const [made, other] = [await online(1), await online(1)];
  const room = await entered(made, 'r');
  const same = await entered(other, 'r');
  for (let i = 1; i <= 10; ++i) server.post('r', 2, `${i}`);
  await pass(50);
  expect([room.unread, same.unread]).toEqual([10, 10]);
  for (let seq = 1; seq <= 8; ++seq) {
    made.markRead('r', seq);
    expect(room.unread).toBe(10 - seq);
    await pass(10);
  }
  made.markRead('r', 3); // older
  await pass(1_100);
  const marks = server.commands.filter(({ type }) => type === 'mark_read');
  expect([marks.length, marks.at(-1).seq]).toEqual([2, 8]);
  expect([room.unread, same.unread, same.readSeq]).toEqual([2, 2, 8]);
  made.markRead('r', 99); // clamped
  await pass(1_100);
  expect([room.readSeq, room.unread, same.unread]).toEqual([10, 0, 0]);
});

test('what was read while offline is told later', async () => {
  const made = await online(1);
  const room = await entered(made, 'r');
  for (let i = 1; i <= 4; ++i) server.post('r', 2, `${i}`);
  await pass(50);
  server.reachable = false;
  server.cutAll();
  made.markRead('r', 3);
  expect(room.unread).toBe(1);
  server.reachable = true;
  await pass(3_000);
  expect([room.unread, server.room('r').read.get(1)]).toEqual([1, 3]);
});

test('an own message reads what was before it, in every tab', async () => {
  const [made, other] = [await online(1), await online(1)];
  const room = await entered(made, 'r');
  const same = await entered(other, 'r');
  server.post('r', 2, 'hello');
  await pass(50);
  made.send('r', 'hello yourself');
  await pass(50);
  expect([room.unread, room.readSeq, same.unread, same.readSeq]).toEqual([0, 2, 0, 2]);
});

test('typing goes out once in 3 s, and ends with the message', async () => {
  const made = await online(1);
  await entered(made, 'r');
  for (let i = 0; i < 65; ++i) {
    made.setTyping('r', true);
    await pass(100);
  }
  const said = () => server.commands.filter(({ type }) => type === 'typing').map(({ isTyping }) => isTyping);
  made.send('r', 'done');
  await pass(50);
  expect(said()).toEqual([true, true, true, false]);
  made.setTyping('r', false);
  await pass(50);
  expect(said().length).toBe(4);
});

test('people', async () => {
  const made = await online(1);
  const room = await entered(made, 'r');
  const heard: Json[] = [];
  made.on('presence', (presence) => heard.push(presence));
  for (const socket of server.sockets) {
    socket.put({ type: 'user_joined', roomId: 'r', userId: 2, username: 'u2', onlineCount: 2 });
    socket.put({ type: 'user_left', roomId: 'r', userId: 1, username: 'u1', onlineCount: 1 });
    socket.put({ type: 'presence_count', roomId: 'r', onlineCount: 300 });
  }
  await pass(50);
  expect(heard).toEqual([
    { roomId: 'r', onlineCount: 2, joined: { userId: 2, username: 'u2' } },
    { roomId: 'r', onlineCount: 1, left: { userId: 1, username: 'u1' } },
    { roomId: 'r', onlineCount: 300 },
  ]);
  expect([[...room.onlineUsers], room.onlineCount]).toEqual([[2], 300]);
});

// Three people write, delete and read in two rooms while lines are cut, commands refused, and live events lost,
// doubled and swapped. Then all is kind, and everything must be there: once, in order, under its own id, counted.
test('nothing is lost, doubled or reordered', { timeout: 120_000 }, async () => {
  let cuts = 0;
  let emitted = 0;
  for (let seed = 1; seed <= 150; ++seed) {
    const random = seeded(seed);
    server = new FakeServer(random);
    server.maxEvents = 20;
    server.tellsHead = seed % 3 !== 0;
    server.faults = { lose: random() * 0.2, double: random() * 0.2, swap: random() * 0.2, refuse: random() * 0.2 };
    const rooms = ['a', 'b'];
    const people = [1, 2, 3].map((user) => {
      const made = client(user);
      made.connect();
      const logs = rooms.map((roomId) => {
        void made.join(roomId, { afterSeq: 0 });
        return listen(made, roomId, 1);
      });
      const replaced: string[] = [];
      made.on('pending', ({ change, pending, message }) => {
        if (change !== 'removed') return;
        expect([message!.clientMessageId, message!.content]).toEqual([pending.clientMessageId, pending.content]);
        replaced.push(pending.clientMessageId);
      });
      return { user, made, logs, replaced, sent: [] as Json[] };
    });
    await pass(100);
    for (let step = 0; step < 60; ++step) {
      const who = people[Math.floor(random() * 3)]!;
      const roomId = rooms[Math.floor(random() * 2)]!;
      const choice = random();
      if (choice < 0.5) {
        const content = `${Math.floor(random() * 4)}`; // often the same: ids alone tell them apart
        who.sent.push(who.made.send(roomId, content));
      } else if (choice < 0.6) {
        server.delete(roomId, Math.ceil(random() * server.room(roomId).events.length));
      } else if (choice < 0.75) {
        const { seq } = who.made.memberships.get(roomId)!;
        who.made.markRead(roomId, Math.floor(random() * (seq + 1)));
      } else if (choice < 0.9) {
        const sockets = [...server.sockets];
        sockets[Math.floor(random() * sockets.length)]?.cut(1006);
        ++cuts;
      } else {
        server.reachable = random() < 0.7;
      }
      await pass(Math.floor(random() * (random() < 0.2 ? 2_000 : 30)));
    }
    server.faults = { ...NO_FAULTS };
    server.reachable = true;
    server.cutAll();
    await pass(90_000);

    for (const { user, made, logs, replaced, sent } of people) {
      const where = `seed ${seed}, user ${user}`;
      expect([made.state, made.pending()], where).toEqual(['online', []]);
      expect(new Set(replaced).size, where).toBe(sent.length);
      expect(replaced.length, where).toBe(sent.length);
      for (const [index, roomId] of rooms.entries()) {
        const { events, gaps } = logs[index]!;
        const truth = server.room(roomId).events;
        expect([gaps, events.length], where).toEqual([[], truth.length]);
        emitted += events.length;
        const idOf = new Map([...server.room(roomId).known].map(([key, { id }]) => [id, key.split(' ')[1]]));
        for (const [at, event] of events.entries()) {
          expect(event.id, where).toBe(truth[at].id);
          if (event.senderId === user) expect(event.clientMessageId, where).toBe(idOf.get(event.id));
        }
        // In the order of sending, each once: also those that were deleted since.
        const kept = [...server.room(roomId).known].filter(([key]) => key.startsWith(`${user} `)).map(([key]) => key.split(' ')[1]);
        expect(kept, where).toEqual(sent.filter((one) => one.roomId === roomId).map((one) => one.clientMessageId));
        const room = made.memberships.get(roomId)!;
        expect([room.unread, room.readSeq], `${where}, ${roomId}`).toEqual([server.unread(roomId, user), server.room(roomId).read.get(user) ?? 0]);
      }
      made.close();
    }
  }
  expect(cuts).toBeGreaterThan(1_000);
  expect(emitted).toBeGreaterThan(10_000);
});
