// One socket that comes back by itself. It knows how to authenticate, how to notice that a line is
// dead, and when to try again; what frames mean is its owner's business.
//
//   idle ──connect()──→ connecting ──auth_success──→ online
//                        ↑      └───────lost─────┐     │ lost
//                        └──timer, retryNow()── waiting ←┘
//
// A token that is refused: signed-out. A close with 43xx: refused. Both stay until connect(). A session that
// ended (42xx) is tried once more like any other, since there may be a newer token or cookie by now; the
// refused one cannot renew itself.
import type { Options, Socket, State, StateChange } from './api.js';
import { backoffMs } from './backoff.js';
import { offline, StarlingError } from './error.js';
import type { AuthSuccess, Command, Frame, Welcome } from './frames.js';

const OPEN_DUE_MS = 10_000; // from the first packet to auth_success
const PING_MS = 5_000;
const PING_HIDDEN_MS = 30_000;
const PONG_DUE_MS = 4_000; // PING_MS + PONG_DUE_MS: a silent cut is noticed within 9 s
const PONG_DOUBTFUL_DUE_MS = 1_500; // the platform says that it is offline
const HURRY_MS = 1_000; // the network is back, or somebody looks
const LATER_ATTEMPTS = 3; // 1013, try again later: as if so many more had failed, for 4 s at first
const PAUSE_MS = 1_000; // after an error that asks for patience and names no time

export type Done = (error: StarlingError | undefined, frame?: Frame) => void;

export interface LinkOwner {
  token(): string | undefined;
  /** Authenticated; no command goes out yet. */
  greeted(session: AuthSuccess, limits: Welcome['limits']): void;
  /** Commands go out from here on. */
  online(): void;
  /** Still online, every few seconds. */
  beat(): void;
  /** Every frame that is no answer to a command. */
  received(frame: Frame): void;
  /** The socket is gone, and with it everything that was not answered. */
  lost(): void;
  changed(change: StateChange): void;
}

export type Link = ReturnType<typeof createLink>;

export function createLink(url: string, options: Options, owner: LinkOwner) {
  const { now = Date.now, random = Math.random } = options;
  const calls = new Map<string, Done>();
  let change: StateChange = { state: 'idle' };
  let socket: Socket | undefined;
  let limits: Welcome['limits'];
  let lastRef = 0;
  let attempts = 0;
  let toldDelayMs: number | undefined; // by `reconnect`
  let nextTimer: ReturnType<typeof setTimeout> | undefined; // online: the next ping; waiting: the next attempt
  let dueTimer: ReturnType<typeof setTimeout> | undefined; // cuts the line

  const is = (state: State) => change.state === state;

  function become(next: StateChange) {
    change = next;
    owner.changed(next);
  }

  // ---- commands --------------------------------------------------------------------------------

  // For what may be lost. Before auth_success nothing goes out but `auth`.
  function put(command: Command): boolean {
    const open = socket?.readyState === 1 && (is('online') || command.type === 'auth');
    if (open) socket!.send(JSON.stringify(command));
    return open;
  }

  // Says a command, and again as long as the server only asks for patience. `done` gets the answer, or what
  // went wrong, in the order of the wire.
  function ask(command: Command, done: Done) {
    const ref = `${++lastRef}`;
    const mine = socket;
    const fail = () => done(offline());
    if (!put({ ...command, ref })) return fail();
    calls.set(ref, (error, frame) => {
      if (!error?.retryable || error.code === 'offline') done(error, frame);
      else setTimeout(() => (socket === mine ? ask(command, done) : fail()), error.retryAfterMs ?? PAUSE_MS);
    });
  }

  // ---- the socket ------------------------------------------------------------------------------

  function open() {
    clearTimeout(nextTimer);
    const mine = new (options.WebSocket ?? (WebSocket as unknown as NonNullable<Options['WebSocket']>))(url, 'starling.v1');
    socket = mine;
    mine.onmessage = ({ data }: { data: string }) => {
      if (socket === mine) receive(JSON.parse(data));
    };
    mine.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (socket === mine) lost(code, reason);
    };
    mine.onerror = () => {}; // a close follows
    due(OPEN_DUE_MS);
    become({ state: 'connecting' });
  }

  function receive(frame: Frame) {
    if (is('online')) heard();
    const done = calls.get(frame.ref!);
    if (done) {
      calls.delete(frame.ref!);
      done(frame.type === 'error' ? new StarlingError(frame) : undefined, frame);
    } else if (frame.type === 'welcome') {
      limits = frame.limits;
      ask({ type: 'auth', token: owner.token() }, authenticated);
    } else if (frame.type === 'reconnect') {
      toldDelayMs = frame.afterMs;
    } else {
      owner.received(frame);
    }
  }

  function authenticated(error: StarlingError | undefined, frame?: Frame) {
    if (error) {
      if (error.code !== 'offline') end({ state: 'signed-out', reason: error.message });
      return;
    }
    attempts = 0;
    heard();
    owner.greeted(frame as AuthSuccess, limits);
    if (!is('connecting')) return; // a handler had enough
    become({ state: 'online' });
    if (!is('online')) return;
    schedulePing();
    owner.online();
  }

  // ---- is anybody there ------------------------------------------------------------------------

  function due(ms: number) {
    dueTimer ??= setTimeout(lost, ms, 1006, 'no answer');
  }

  // Any frame counts as an answer.
  function heard() {
    clearTimeout(dueTimer);
    dueTimer = undefined;
  }

  function schedulePing() {
    clearTimeout(nextTimer);
    nextTimer = setTimeout(ping, globalThis.document?.hidden ? PING_HIDDEN_MS : PING_MS, PONG_DUE_MS);
    owner.beat();
  }

  function ping(dueMs: number) {
    if (!is('online')) return;
    put({ type: 'ping' });
    due(dueMs);
    schedulePing();
  }

  // The network came or went, or the page is looked at again.
  function doubt({ type }: Event) {
    if (is('waiting')) wait(random() * HURRY_MS);
    ping(type === 'offline' ? PONG_DOUBTFUL_DUE_MS : PONG_DUE_MS);
  }
  for (const type of ['online', 'offline', 'visibilitychange']) globalThis.addEventListener?.(type, doubt);

  // ---- the end, and the next beginning ---------------------------------------------------------

  function drop() {
    const old = socket;
    socket = undefined;
    clearTimeout(nextTimer);
    heard();
    old?.close(1000);
    for (const done of calls.values()) done(offline());
    calls.clear();
    owner.lost();
  }

  function end(last: StateChange) {
    change = last; // whoever looks during the drop finds it so
    drop();
    become(last);
  }

  function lost(code: number, reason: string) {
    if (code >= 4300) return end({ state: 'refused', code, reason });
    if (code === 1013) attempts += LATER_ATTEMPTS;
    change = { state: 'waiting', code, reason };
    drop();
    wait(toldDelayMs ?? backoffMs(attempts++, random));
    toldDelayMs = undefined;
  }

  function wait(delayMs: number) {
    clearTimeout(nextTimer);
    nextTimer = setTimeout(open, delayMs);
    become({ ...change, retryAt: now() + delayMs });
  }

  return {
    change: () => change,
    connect() {
      if (socket || is('waiting')) return;
      attempts = 0;
      open();
    },
    close(state: State = 'idle') {
      if (!is(state)) end({ state });
    },
    retryNow() {
      if (is('waiting')) open();
    },
    put,
    ask,
    request: (command: Command) =>
      new Promise<Frame>((resolve, reject) => ask(command, (error, frame) => (error ? reject(error) : resolve(frame!)))),
  };
}
