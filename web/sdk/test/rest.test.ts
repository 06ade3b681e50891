// Calls over HTTP, and a token's life.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Options, Starling, StarlingError } from '../src/index.js';
import { FakeServer, type Json, tokenOf } from './fake_server.js';

const HOUR_MS = 3_600_000;
let server: FakeServer;
let calls: Json[];
let answers: (call: Json) => [status: number, body?: Json];

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  server = new FakeServer();
  calls = [];
  answers = () => [200, {}];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

const fetch = (async (url: string, { method, headers, body }: Json) => {
  const call = { url, method, authorization: headers.Authorization, body: body && JSON.parse(body) };
  calls.push(call);
  const [status, answer] = answers(call);
  return new Response(status === 204 ? null : typeof answer === 'string' ? answer : JSON.stringify(answer), { status });
}) as unknown as NonNullable<Options['fetch']>;

const client = (options: Options = {}) => new Starling({ url: 'http://x', WebSocket: server.WebSocket, fetch, ...options });

test('who logs in is connected with the new token, and tells it', async () => {
  const token = tokenOf(3, Date.now() + HOUR_MS);
  answers = () => [201, { user: { id: 3, username: 'u3' }, token }];
  const made = client();
  const told: string[] = [];
  made.on('token', (granted) => told.push(granted.token));
  expect(await made.login('u3', 'password')).toEqual({ id: 3, username: 'u3' });
  await pass(100);
  expect([made.state, made.session!.userId, told]).toEqual(['online', 3, [token]]);
  expect(calls).toEqual([{ url: 'http://x/api/sessions', method: 'POST', authorization: undefined, body: { username: 'u3', password: 'password' } }]);
});

test('refusals are typed', async () => {
  answers = () => [409, { code: 'conflict', error: 'Username already exists' }];
  const error: unknown = await client().register('u', 'u@x').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StarlingError);
  expect(error).toMatchObject({ code: 'conflict', message: 'Username already exists', retryable: false, status: 409 });
  answers = () => [502, '<html>'];
  await expect(client().rooms()).rejects.toMatchObject({ code: 'internal', retryable: true, status: 502 });
  answers = () => {
    throw new TypeError('failed to fetch');
  };
  await expect(client().rooms()).rejects.toMatchObject({ code: 'offline', retryable: true });
});

test('a token is renewed at half of its rest, on the live socket, too', async () => {
  const old = tokenOf(1, Date.now() + 2 * HOUR_MS);
  const made = client({ token: () => old });
  made.connect();
  await pass(0.9 * HOUR_MS);
  expect(calls).toEqual([]);
  const next = tokenOf(1, Date.now() + 20 * HOUR_MS);
  answers = () => [201, { user: {}, token: next }];
  await pass(0.2 * HOUR_MS);
  expect(calls).toEqual([{ url: 'http://x/api/sessions', method: 'POST', authorization: `Bearer ${old}`, body: null }]);
  expect(server.commands.filter(({ type }) => type === 'auth').map(({ token }) => token)).toEqual([old, next]);
  expect(made.state).toBe('online');
  await pass(8 * HOUR_MS);
  expect(calls.length).toBe(1);
  server.cutAll();
  await pass(1_000);
  expect(server.commands.filter(({ type }) => type === 'auth').at(-1).token).toBe(next);
});

test('a server that cannot renew now is asked again, with pauses', async () => {
  const made = client({ token: tokenOf(1, Date.now() + HOUR_MS) });
  made.connect();
  answers = () => [503, { code: 'unavailable' }];
  await pass(0.9 * HOUR_MS);
  expect(calls.length).toBe(3);
  answers = () => [201, { user: {}, token: tokenOf(1, Date.now() + 10 * HOUR_MS) }];
  await pass(0.2 * HOUR_MS);
  calls.length = 0;
  await pass(HOUR_MS);
  expect([calls.length, made.state]).toEqual([0, 'online']);
});

test('logging out ends the session here even if the server is away', async () => {
  const made = client({ token: tokenOf(1) });
  made.connect();
  await pass(100);
  answers = () => {
    throw new TypeError('failed to fetch');
  };
  await expect(made.logout()).rejects.toMatchObject({ code: 'offline' });
  expect([made.state, server.sockets.size]).toEqual(['signed-out', 0]);
  await pass(60_000);
  expect(made.state).toBe('signed-out');
});

test('a page goes by the cookie, keeps no token, and is signed out with its other tabs', async () => {
  const memory: Record<string, string> = {};
  let stored: ((event: Json) => void) | undefined;
  vi.stubGlobal('document', { visibilityState: 'visible' });
  vi.stubGlobal('localStorage', memory);
  vi.stubGlobal('addEventListener', (type: string, handler: (event: Json) => void) => type === 'storage' && (stored = handler));
  answers = () => [201, { user: { id: 1 }, token: tokenOf(1, Date.now() + 2 * HOUR_MS) }];
  const sent: Json[] = [];
  const obey = server.obey.bind(server);
  server.obey = (socket, command) => {
    sent.push(command);
    obey(socket, { ...command, ...(command.type === 'auth' && { token: command.token ?? tokenOf(1) }) }); // the upgrade's cookie
  };
  const made = client();
  await made.login('u1', 'password');
  await pass(100);
  expect([made.state, sent[0].token, calls[0].authorization]).toEqual(['online', undefined, undefined]);
  expect(Object.values(memory)).toEqual([Date.now() + HOUR_MS - 100]);
  await pass(0.9 * HOUR_MS);
  expect(calls.length).toBe(1);
  await pass(0.2 * HOUR_MS);
  expect([calls.length, calls[1].authorization]).toEqual([2, undefined]);
  stored!({ key: 'another', newValue: null });
  expect(made.state).toBe('online');
  stored!({ key: 'starling.renewAt', newValue: null });
  expect([made.state, memory]).toEqual(['signed-out', {}]);
});
