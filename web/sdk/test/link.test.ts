// The connection's life: when it ends, when it comes back, when it stays away.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Starling, type StateChange } from '../src/index.js';
import { FakeServer, tokenOf } from './fake_server.js';

declare const process: {
  on(name: string, listener: (error: unknown) => void): void;
  off(name: string, listener: (error: unknown) => void): void;
  listeners(name: string): ((error: unknown) => void)[];
};

let server: FakeServer;
let states: StateChange[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  states = [];
});
afterEach(() => vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function client(random = () => 1, token: string | undefined = tokenOf(1)) {
  const made = new Starling({ url: 'http://x', token: () => token, WebSocket: server.WebSocket, random });
  made.on('state', (change) => states.push(change));
  return made;
}

async function online(random?: () => number) {
  const made = client(random);
  made.connect();
  await pass(100);
  expect(made.state).toBe('online');
  return made;
}

const seen = () => states.map(({ state }) => state);

test('it connects, once', async () => {
  const made = client();
  expect(made.state).toBe('idle');
  made.connect();
  made.connect();
  await pass(100);
  expect([seen(), server.sockets.size]).toEqual([['connecting', 'online'], 1]);
  expect(made.session).toEqual({ userId: 1, username: 'u1', epoch: 1, maxMessageBytes: 4096 });
});

test('a cut line comes back, with longer and longer waits', async () => {
  const made = await online();
  server.reachable = false;
  server.cutAll();
  expect([made.state, made.retryAt! - Date.now()]).toEqual(['waiting', 500]);
  const waits: number[] = [];
  made.on('state', ({ state, retryAt }) => state === 'waiting' && waits.push(retryAt! - Date.now()));
  await pass(200_000);
  expect(waits.slice(0, 7)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  server.reachable = true;
  await pass(31_000);
  expect(made.state).toBe('online');
  server.cutAll();
  expect(made.retryAt! - Date.now()).toBe(500);
});

test('retryNow does not wait', async () => {
  const made = await online();
  server.cutAll();
  made.retryNow();
  await pass(50);
  expect(made.state).toBe('online');
  await pass(60_000);
  expect(server.sockets.size).toBe(1);
});

test('the delay that a draining server gives is kept', async () => {
  const made = await online();
  for (const socket of server.sockets) socket.put({ type: 'reconnect', afterMs: 7_777 });
  await pass(10);
  server.cutAll(4100);
  expect(made.retryAt! - Date.now()).toBe(7_777);
  server.reachable = false;
  await pass(7_800);
  expect(made.retryAt! - Date.now()).toBeLessThanOrEqual(1_000); // told once, good once
});

test('1013: later', async () => {
  const made = await online();
  server.cutAll(1013);
  expect(made.retryAt! - Date.now()).toBe(4_000);
});

test.each([4300, 4301, 4302])('%i: the server does not want us', async (code) => {
  const made = await online();
  server.cutAll(code);
  expect(states.at(-1)).toEqual({ state: 'refused', code, reason: '' });
  await pass(120_000);
  expect([made.state, server.sockets.size]).toEqual(['refused', 0]);
  made.connect();
  await pass(100);
  expect(made.state).toBe('online');
});

test('4200 comes back with a newer token, and otherwise signs out', async () => {
  let token: string | undefined = tokenOf(1);
  const made = new Starling({ url: 'http://x', token: () => token, WebSocket: server.WebSocket });
  made.on('state', (change) => states.push(change));
  made.connect();
  await pass(100);
  server.cutAll(4200);
  await pass(1_000);
  expect(made.state).toBe('online');
  token = undefined;
  server.cutAll(4200);
  await pass(1_000);
  expect([made.state, server.sockets.size]).toEqual(['signed-out', 0]);
  await pass(120_000);
  expect(made.state).toBe('signed-out');
});

test('a silent cut is noticed within 10 s', async () => {
  const made = await online();
  await pass(60_000); // pings and pongs
  expect(seen()).toEqual(['connecting', 'online']);
  server.silent = true;
  await pass(9_100);
  expect(made.state).toBe('waiting');
});

test('any frame is a sign of life', async () => {
  const made = await online();
  for (let i = 0; i < 20; ++i) {
    for (const socket of server.sockets) socket.put({ type: 'notice', level: 'info', code: 'x', message: '' });
    server.silent = false;
    await pass(10);
    server.silent = true; // no pong ever comes
    await pass(2_000);
  }
  expect(made.state).toBe('online');
});

test('a server that accepts and says nothing is given up', async () => {
  server.silent = true;
  const made = client();
  made.connect();
  await pass(9_900);
  expect(made.state).toBe('connecting');
  await pass(200);
  expect([made.state, server.sockets.size]).toEqual(['waiting', 0]);
});

test('after close() nothing comes any more', async () => {
  const made = await online();
  made.close();
  await pass(120_000);
  expect([made.state, server.sockets.size]).toEqual(['idle', 0]);
  server.reachable = false;
  made.connect();
  await pass(100);
  expect(made.state).toBe('waiting');
  made.close();
  server.reachable = true;
  await pass(120_000);
  expect([made.state, server.sockets.size]).toEqual(['idle', 0]);
});

test('a handler that closes, wherever it is called from, is obeyed', async () => {
  for (const when of ['connecting', 'online', 'waiting']) {
    const made = client();
    made.on('state', ({ state }) => state === when && made.close());
    made.connect();
    await pass(100);
    server.cutAll();
    await pass(60_000);
    expect([when, made.state, server.sockets.size]).toEqual([when, 'idle', 0]);
  }
  const made = client();
  made.on('session', () => made.close());
  made.connect();
  await pass(60_000);
  expect([made.state, server.sockets.size]).toEqual(['idle', 0]);
});

test('commands without a connection, and those that a cut left unanswered, are rejected', async () => {
  const made = client();
  await expect(made.history('r')).rejects.toMatchObject({ code: 'offline', retryable: true });
  made.connect();
  await pass(100);
  server.silent = true;
  const asked = made.history('r');
  asked.catch(() => {});
  await pass(20);
  server.cutAll();
  await expect(asked).rejects.toMatchObject({ code: 'offline' });
});

test('what is refused for being too fast is said again', async () => {
  const made = await online();
  server.post('r', 2, 'hello');
  server.faults.refuse = 1;
  const asked = made.history('r');
  await pass(500);
  expect(server.commands.filter(({ type }) => type === 'get_recent_messages').length).toBeGreaterThan(5);
  server.faults.refuse = 0;
  await pass(100);
  expect((await asked).messages).toMatchObject([{ content: 'hello', seq: 1 }]);
});

test('a handler that throws disturbs no other', async () => {
  const thrown: unknown[] = [];
  const note = (error: unknown) => thrown.push(error);
  process.on('uncaughtException', note);
  const listeners = process.listeners('uncaughtException').filter((listener) => listener !== note);
  for (const listener of listeners) process.off('uncaughtException', listener);
  try {
    const made = client();
    made.on('session', () => {
      throw new Error('mine');
    });
    const heard: string[] = [];
    const off = made.on('session', ({ username }) => heard.push(username));
    made.connect();
    await pass(100);
    expect([heard, thrown]).toEqual([['u1'], [new Error('mine')]]);
    off();
    server.cutAll();
    await pass(1_000);
    expect(heard).toEqual(['u1']);
  } finally {
    process.off('uncaughtException', note);
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});

test('hidden pages ask less; a page that is looked at, and a network that comes or goes, at once', async () => {
  const document = { hidden: false };
  const handlers = new Map<string, (event: { type: string }) => void>();
  vi.stubGlobal('document', document);
  vi.stubGlobal('addEventListener', (type: string, handler: (event: { type: string }) => void) => handlers.set(type, handler));
  const fire = (type: string) => handlers.get(type)!({ type });
  try {
    const made = await online();
    const pings = () => server.commands.filter(({ type }) => type === 'ping').length;
    await pass(60_000);
    expect(pings()).toBe(12);
    document.hidden = true;
    fire('visibilitychange');
    const before = pings();
    await pass(60_000);
    expect(pings() - before).toBeLessThanOrEqual(3);
    document.hidden = false;
    server.silent = true;
    fire('visibilitychange');
    await pass(4_100);
    expect(made.state).toBe('waiting'); // the line died while nobody looked
    server.silent = false;
    server.reachable = false;
    await pass(120_000);
    server.reachable = true;
    fire('online');
    expect(made.retryAt! - Date.now()).toBeLessThanOrEqual(1_000);
    await pass(1_100);
    expect(made.state).toBe('online');
    server.silent = true;
    fire('offline');
    await pass(1_600);
    expect(made.state).toBe('waiting');
  } finally {
    vi.unstubAllGlobals();
  }
});
