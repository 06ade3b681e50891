// Messages on their way: kept, in order, and replaced by exactly the message that they became.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Options, type OutboxEntry, type OutboxStorage, type PendingChange, Starling, StarlingError } from '../src/index.js';
import { FakeServer, type Json, tokenOf } from './fake_server.js';

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function client(user: number, options: Options = {}) {
  const made = new Starling({ url: 'http://x', token: tokenOf(user), WebSocket: server.WebSocket, ...options });
  made.connect();
  return made;
}

class Storage implements OutboxStorage {
  entries = new Map<string, OutboxEntry>();
  async load() {
    return [...this.entries.values()].map((entry) => structuredClone(entry)).reverse(); // in no order
  }
  async put(entry: OutboxEntry) {
    this.entries.set(entry.clientMessageId, structuredClone(entry));
  }
  async remove(clientMessageId: string) {
    this.entries.delete(clientMessageId);
  }
}

// Web Locks of one browser: exclusive, by name.
class Locks {
  held = new Set<string>();
  private waiting: (() => void)[] = [];
  /** What closing a tab does. */
  release(name: string) {
    this.held.delete(name);
    for (const again of this.waiting.splice(0)) again();
  }
  async request(name: string, work: () => unknown) {
    while (this.held.has(name)) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.held.add(name);
    try {
      return await work();
    } finally {
      this.release(name);
    }
  }
  async query() {
    return { held: [...this.held].map((name) => ({ name })), pending: [] };
  }
}

const contents = (roomId: string) => server.room(roomId).events.map(({ content }) => content);

function changes(made: Starling) {
  const heard: PendingChange[] = [];
  made.on('pending', (change) => heard.push({ ...change, pending: { ...change.pending } }));
  return heard;
}

test('what is written before the first connection goes out in order', async () => {
  server.reachable = false;
  const made = client(1);
  void made.join('r');
  for (const content of ['one', 'two', 'three']) expect(made.send('r', content)).toMatchObject({ state: 'pending', content });
  await pass(3_000);
  server.reachable = true;
  await pass(10_000);
  expect([contents('r'), made.pending()]).toEqual([['one', 'two', 'three'], []]);
});

test('a message takes the place of its pending one, in one turn', async () => {
  const made = client(1);
  void made.join('r');
  await pass(50);
  const heard: Json[] = [];
  made.on('pending', ({ change, message }) => heard.push([change, message?.seq]));
  made.on('message', ({ seq, clientMessageId }) => heard.push([seq, clientMessageId]));
  const { clientMessageId } = made.send('r', 'hello', { mood: 'good' });
  await pass(50);
  expect(heard).toEqual([['added', undefined], ['removed', 1], [1, clientMessageId]]);
});

test('the same text from another tab is not taken for it', async () => {
  const [made, other] = [client(1), client(1)];
  void made.join('r');
  void other.join('r');
  await pass(50);
  const ids: Json[] = [];
  made.on('message', ({ seq, clientMessageId }) => ids.push([seq, clientMessageId]));
  other.send('r', 'ok');
  await pass(1);
  const { clientMessageId } = made.send('r', 'ok');
  await pass(50);
  expect(ids).toEqual([[1, undefined], [2, clientMessageId]]);
});

test('a message whose answer is cut off on the way waits for the one that says which it is', async () => {
  const made = client(1);
  void made.join('r');
  await pass(50);
  const heard: Json[] = [];
  made.on('pending', ({ change, message }) => heard.push([change, message?.seq]));
  made.on('message', ({ seq, clientMessageId }) => heard.push([seq, clientMessageId]));
  const obey = server.obey;
  server.obey = (socket, { type, roomId, content, clientMessageId: id }) => {
    if (type === 'chat_message') server.post(roomId, socket.user, content, id); // and no answer
  };
  const { clientMessageId } = made.send('r', 'hello');
  await pass(50);
  expect(heard).toEqual([['added', undefined]]);
  server.obey = obey;
  server.cutAll();
  await pass(2_000);
  expect(heard).toEqual([['added', undefined], ['removed', 1], [1, clientMessageId]]);
});

test('what is written elsewhere does not wait for one that is held up here', async () => {
  const made = client(1);
  void made.join('r');
  await pass(50);
  const heard: Json[] = [];
  made.on('message', ({ content }) => heard.push(content));
  server.faults.refuse = 1;
  made.send('r', 'held up');
  await pass(50);
  server.post('r', 1, 'by telephone');
  await pass(20);
  expect(heard).toEqual(['by telephone']);
});

test('a refused one waits for a decision, and holds nothing up', async () => {
  const made = client(1);
  void made.join('r');
  await pass(50);
  const heard = changes(made);
  const bad = made.send('r', 'bad');
  made.send('r', 'good');
  await pass(50);
  expect(contents('r')).toEqual(['good']);
  expect(made.pending()).toMatchObject([{ content: 'bad', state: 'failed', error: { code: 'too_large' } }]);
  expect(heard.map(({ change, pending }) => [change, pending.content, pending.state])).toEqual([
    ['added', 'bad', 'pending'],
    ['added', 'good', 'pending'],
    ['changed', 'bad', 'failed'],
    ['removed', 'good', 'pending'],
  ]);
  made.retry(bad.clientMessageId);
  await pass(50);
  expect(made.pending()).toMatchObject([{ content: 'bad', state: 'failed' }]);
  expect(server.commands.filter(({ content }) => content === 'bad').map(({ clientMessageId }) => clientMessageId)).toEqual([bad.clientMessageId, bad.clientMessageId]);
  server.silent = true;
  const later = made.send('r', 'later');
  made.retry(bad.clientMessageId);
  expect(made.pending().map(({ content }) => content)).toEqual(['later', 'bad']);
  made.discard(later.clientMessageId);
  made.discard(bad.clientMessageId);
  expect(made.pending()).toEqual([]);
  expect(heard.at(-1)).toMatchObject({ change: 'removed', message: undefined });
});

test('one at a time: a refusal for haste lets nothing overtake', async () => {
  const made = client(1);
  void made.join('r');
  await pass(50);
  server.faults.refuse = 0.5;
  const all = Array.from({ length: 30 }, (_, i) => `${i}`);
  for (const content of all) made.send('r', content);
  await pass(30_000);
  expect(contents('r')).toEqual(all);
});

test('an answer that was lost: the resume brings the message, nothing is sent twice', async () => {
  const made = client(1);
  void made.join('r');
  await pass(50);
  const heard = changes(made);
  made.send('r', 'hello');
  await pass(6); // the server has it, its answer is on the way
  server.cutAll();
  await pass(2_000);
  expect([contents('r'), made.pending(), heard.length]).toEqual([['hello'], [], 2]);
  expect(heard[1]!.message).toMatchObject({ seq: 1, content: 'hello' });
});

test('a room that is not joined: the answer alone settles it', async () => {
  const made = client(1);
  server.room('elsewhere').members.add(1);
  await pass(50);
  const heard = changes(made);
  const messages: Json[] = [];
  made.on('message', (message) => messages.push(message));
  const { clientMessageId } = made.send('elsewhere', 'hello');
  await pass(50);
  expect(heard[1]).toMatchObject({
    change: 'removed',
    message: { id: 1, seq: 1, roomId: 'elsewhere', content: 'hello', senderId: 1, senderUsername: 'u1', clientMessageId },
  });
  expect(messages).toEqual([]);
});

test('what a reload left behind is sent again under its id, failed ones stay failed', async () => {
  const storage = new Storage();
  const before = client(1, { outbox: storage });
  void before.join('r');
  await pass(50);
  before.send('r', 'bad');
  await pass(50);
  server.silent = true;
  const [first, second] = [before.send('r', 'one'), before.send('r', 'two')];
  server.room('s').members.add(1);
  before.send('s', 'of another room');
  await pass(50);
  before.close(); // and the page is gone
  server.silent = false;
  const after = client(1, { outbox: storage });
  const heard = changes(after);
  await pass(100);
  expect(contents('r')).toEqual(['one', 'two']);
  expect(contents('s')).toEqual(['of another room']);
  expect([...server.room('r').known.keys()]).toEqual([first, second].map(({ clientMessageId }) => `1 ${clientMessageId}`));
  expect(after.pending()).toMatchObject([{ content: 'bad', state: 'failed' }]);
  expect(heard.filter(({ change }) => change === 'added').length).toBe(4);
  expect([...storage.entries.values()].map(({ content }) => content)).toEqual(['bad']);
});

test('what had arrived before a reload is settled by the answer to its repetition', async () => {
  const storage = new Storage();
  const before = client(1, { outbox: storage });
  void before.join('r');
  await pass(50);
  before.send('r', 'hello');
  await pass(6); // the server has it, its answer is on the way
  before.close();
  const after = client(1, { outbox: storage });
  const heard = changes(after);
  void after.join('r');
  await pass(100);
  expect(heard.at(-1)).toMatchObject({ change: 'removed', message: { seq: 1, content: 'hello' } });
  expect([contents('r'), after.pending(), storage.entries.size]).toEqual([['hello'], [], 0]);
});

test('nobody sends what another user wrote', async () => {
  const storage = new Storage();
  const first = client(1, { outbox: storage });
  await pass(50);
  server.silent = true;
  first.send('r', 'a secret');
  await pass(50);
  first.close();
  server.silent = false;
  server.room('r').members.add(2);
  const second = client(2, { outbox: storage });
  const heard = changes(second);
  await pass(100);
  expect([second.pending(), heard, contents('r'), storage.entries.size]).toEqual([[], [], [], 1]);
});

test('who was here last time finds what waits without the server, and what is added is kept', async () => {
  const storage = new Storage();
  server.reachable = false;
  const options = { outbox: storage, userId: 1 };
  const first = client(1, options);
  first.send('r', 'one');
  await pass(50);
  first.close();
  const made = client(1, options);
  const heard = changes(made);
  await pass(50);
  expect(heard.map(({ change, pending }) => `${change} ${pending.content}`)).toEqual(['added one']);
  made.send('r', 'two');
  await pass(50);
  expect(storage.entries.size).toBe(2);
  made.close();
  server.room('r').members.add(1);
  const last = client(1, options);
  server.reachable = true;
  await pass(60_000);
  expect([contents('r'), last.pending(), storage.entries.size]).toEqual([['one', 'two'], [], 0]);
});

test('what waits for one user is not sent by another who turns out to be signed in', async () => {
  const storage = new Storage();
  server.reachable = false;
  const first = client(1, { outbox: storage, userId: 1 });
  first.send('r', 'a secret');
  await pass(50);
  first.close();
  server.reachable = true;
  server.room('r').members.add(2);
  const other = client(2, { outbox: storage, userId: 1 });
  other.send('r', 'still by the first');
  await pass(100);
  expect([other.session!.userId, other.pending(), contents('r').length, storage.entries.size]).toEqual([2, [], 0, 2]);
});

test('two tabs: each sends its own, the survivor takes over what a closed one left', async () => {
  const locks = new Locks();
  vi.stubGlobal('navigator', { locks });
  const storage = new Storage();
  const one = client(1, { outbox: storage });
  const [owner] = [...locks.held];
  await pass(50);
  server.room('r').members.add(1);
  server.silent = true;
  one.send('r', 'of the first tab');
  await pass(50);
  server.silent = false;
  const two = client(1, { outbox: storage });
  await pass(100);
  // Only the first tab has it, and it has not been sent by anybody: its line is dead.
  expect([one.pending().length, two.pending().length, contents('r')]).toEqual([1, 0, []]);
  one.close();
  locks.release(owner!);
  for (const socket of [...server.sockets]) socket.cut(1006);
  await pass(2_000);
  expect(contents('r')).toEqual(['of the first tab']);
  expect([two.pending().length, storage.entries.size]).toEqual([0, 0]);
});

test('without locks both send it, and it is one message', async () => {
  const storage = new Storage();
  const one = client(1, { outbox: storage });
  await pass(50);
  server.room('r').members.add(1);
  server.silent = true;
  one.send('r', 'hello');
  await pass(50);
  server.silent = false;
  server.cutAll();
  client(1, { outbox: storage });
  await pass(2_000);
  expect([contents('r'), one.pending().length, storage.entries.size]).toEqual([['hello'], 0, 0]);
  expect(server.commands.filter(({ type }) => type === 'chat_message').length).toBe(2);
});

test('a storage that fails is told, and holds no message up', async () => {
  const failing: OutboxStorage = {
    load: () => Promise.reject(new Error('no')),
    put: () => Promise.reject(new Error('no')),
    remove: () => Promise.reject(new Error('no')),
  };
  const made = client(1, { outbox: failing });
  const errors: string[] = [];
  made.on('error', ({ code }) => errors.push(code));
  server.room('r').members.add(1);
  made.send('r', 'hello');
  await pass(100);
  expect(contents('r')).toEqual(['hello']);
  expect(new Set(errors)).toEqual(new Set(['internal']));
});

test('a thousand wait, no more', () => {
  const made = new Starling({ url: 'http://x', token: tokenOf(1), WebSocket: server.WebSocket });
  for (let i = 0; i < 1_000; ++i) made.send('r', `${i}`);
  expect(() => made.send('r', 'one too many')).toThrow(StarlingError);
  expect(made.pending().length).toBe(1_000);
});
