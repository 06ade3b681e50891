// One socket that comes back by itself. It knows how to authenticate, how to notice that a line is
// dead, and when to try again; what frames mean is its owner's business.
//
//   idle ──connect()──→ connecting ──auth_success──→ online
//                        ↑      └───────lost─────┐     │ lost
//                        └──timer, retryNow()── waiting ←┘
//   42xx and no renewal: signed-out.   43xx: refused.   Both stay until connect().
import type { Options, Socket, State, StateChange } from './api.js';
import { backoffMs } from './backoff.js';
import { StarlingError } from './error.js';
import type { AuthSuccess, Command, Frame, Welcome } from './frames.js';

const OPEN_DUE_MS = 10_000; // from the first packet to auth_success
const PING_MS = 5_000;
const PING_HIDDEN_MS = 30_000;
const PONG_DUE_MS = 4_000; // PING_MS + PONG_DUE_MS: a silent cut is noticed within 9 s
const PONG_DOUBTFUL_DUE_MS = 1_500; // the platform says that it is offline
const HURRY_MS = 1_000; // the network is back, or somebody looks
const RETRY_LATER_ATTEMPT = 3; // 1013: begin with up to 4 s
const RETRY_AFTER_MS = 1_000; // a retryable error that names no time

export type Done = (error: StarlingError | undefined, frame: Frame) => void;

export interface LinkOwner {
  token(): string | undefined;
  /** Authenticated; `state` is still 'connecting', no command goes out yet. */
  greeted(session: AuthSuccess, limits: Welcome['limits']): void;
  /** Commands go out from here on. */
  online(): void;
  /** Every frame that is no answer to a command. */
  received(frame: Frame): void;
  /** The socket is gone, and with it everything that was not answered. */
  lost(): void;
  changed(change: StateChange): void;
  /** The token is no longer good. True: there is another. False: somebody has to log in. Rejects
   * when that cannot be found out now. */
  renew(): Promise<boolean>;
}

export type Link = ReturnType<typeof createLink>;

export function createLink(url: string, options: Options, owner: LinkOwner) {
  const now = options.now ?? Date.now;
  const random = options.random ?? Math.random;
  const calls = new Map<string, Done>();
  let state: State = 'idle';
  let socket: Socket | undefined;
  let limits: Welcome['limits'];
  let lastRef = 0;
  let attempts = 0;
  let toldDelayMs: number | undefined; // by `reconnect`
  let change: StateChange;
  let listening: AbortController | undefined;
  // At most one of each runs.
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let pingTimer: ReturnType<typeof setTimeout> | undefined;
  let dueTimer: ReturnType<typeof setTimeout> | undefined; // cuts the line

  const is = (wanted: State) => state === wanted;

  function become(next: StateChange) {
    change = next;
    state = next.state;
    owner.changed(next);
  }

  function put(command: Command): boolean {
    if (socket?.readyState !== 1) return false;
    socket.send(JSON.stringify(command));
    return true;
  }

  function call(command: Command, done: Done) {
    const ref = String(++lastRef);
    if (put({ ...command, ref })) calls.set(ref, done);
    else done(offline(), undefined as never);
  }

  /** Sends a command; `done` gets its answer, or what went wrong, in the order of the wire. */
  function ask(command: Command, done: Done) {
    if (state === 'online') call(command, done);
    else done(offline(), undefined as never);
  }

  /** Like `ask`, but says it again as long as the server only asks for patience. */
  function request(command: Command): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const again = () =>
        ask(command, (error, frame) => {
          if (error?.retryable && error.code !== 'offline') setTimeout(again, pauseMs(error));
          else if (error) reject(error);
          else resolve(frame);
        });
      again();
    });
  }

  function open() {
    clearTimeout(retryTimer);
    const Constructor = options.WebSocket ?? (WebSocket as unknown as NonNullable<Options['WebSocket']>);
    const mine = new Constructor(url, 'starling.v1');
    socket = mine;
    mine.onmessage = (event: { data: string }) => {
      if (socket === mine) receive(JSON.parse(event.data));
    };
    mine.onclose = (event: { code: number; reason: string }) => {
      if (socket === mine) lost(event.code, event.reason);
    };
    mine.onerror = () => {}; // a close follows
    dueTimer = setTimeout(lost, OPEN_DUE_MS, 1006, 'no answer');
    become({ state: 'connecting' });
  }

  function receive(frame: Frame) {
    if (state === 'online') {
      clearTimeout(dueTimer);
      dueTimer = undefined;
    }
    const done = frame.ref && calls.get(frame.ref);
    if (done) {
      calls.delete(frame.ref!);
      done(frame.type === 'error' ? new StarlingError(frame) : undefined, frame);
    } else if (frame.type === 'welcome') {
      limits = frame.limits;
      call({ type: 'auth', token: owner.token() }, authenticated);
    } else if (frame.type === 'reconnect') {
      toldDelayMs = frame.afterMs;
    } else {
      owner.received(frame);
    }
  }

  function authenticated(error: StarlingError | undefined, frame: Frame) {
    if (error?.code === 'offline') return;
    if (error) {
      if (error.retryable) lost(1013, error.message);
      else end({ state: 'signed-out', reason: error.message });
      return;
    }
    attempts = 0;
    clearTimeout(dueTimer);
    dueTimer = undefined;
    owner.greeted(frame as AuthSuccess, limits);
    if (!is('connecting')) return; // a handler had enough
    schedulePing();
    become({ state: 'online' });
    if (is('online')) owner.online();
  }

  // ---- is anybody there ----------------------------------------------------------------------

  function schedulePing() {
    clearTimeout(pingTimer);
    pingTimer = setTimeout(ping, hidden() ? PING_HIDDEN_MS : PING_MS, PONG_DUE_MS);
  }

  // Any frame counts as an answer.
  function ping(dueMs: number) {
    if (state !== 'online') return;
    put({ type: 'ping' });
    dueTimer ??= setTimeout(lost, dueMs, 1006, 'no answer');
    schedulePing();
  }

  // ---- the end, and the next beginning ---------------------------------------------------------

  function drop() {
    const old = socket;
    socket = undefined;
    for (const timer of [retryTimer, pingTimer, dueTimer]) clearTimeout(timer);
    dueTimer = undefined;
    old?.close(1000);
    const unanswered = [...calls.values()];
    calls.clear();
    for (const done of unanswered) done(offline(), undefined as never);
    owner.lost();
  }

  function end(last: StateChange) {
    state = last.state; // whoever looks during the drop finds it so
    drop();
    become(last);
  }

  function lost(code: number, reason: string) {
    if (code >= 4300 && code < 4400) {
      end({ state: 'refused', code, reason });
    } else if (code >= 4200 && code < 4300) {
      end({ state: 'waiting', retryAt: now(), code, reason });
      const here = change; // somebody may connect or close meanwhile
      owner.renew().then(
        (renewed) => {
          if (change !== here) return;
          if (renewed) open();
          else end({ state: 'signed-out', code, reason });
        },
        () => change === here && wait(backoffMs(attempts++, random)),
      );
    } else {
      if (code === 1013) attempts = Math.max(attempts, RETRY_LATER_ATTEMPT);
      change = { state: (state = 'waiting'), code, reason };
      drop();
      wait(toldDelayMs ?? backoffMs(attempts++, random));
      toldDelayMs = undefined;
    }
  }

  function wait(delayMs: number) {
    clearTimeout(retryTimer);
    retryTimer = setTimeout(open, delayMs);
    become({ ...change, retryAt: now() + delayMs });
  }

  // The network is back, or the page is looked at again.
  function hurry() {
    const delayMs = random() * HURRY_MS;
    if (state === 'waiting' && change.retryAt! > now() + delayMs) wait(delayMs);
    ping(PONG_DUE_MS);
  }

  function connect() {
    if (state === 'connecting' || state === 'online' || state === 'waiting') return;
    attempts = 0;
    listening?.abort();
    listening = new AbortController();
    const { signal } = listening;
    globalThis.addEventListener?.('online', hurry, { signal });
    globalThis.addEventListener?.('offline', () => ping(PONG_DOUBTFUL_DUE_MS), { signal });
    globalThis.document?.addEventListener('visibilitychange', () => hidden() || hurry(), { signal });
    open();
  }

  function close(last: State = 'idle') {
    listening?.abort();
    end({ state: last });
  }

  return {
    get state() {
      return state;
    },
    get retryAt() {
      return state === 'waiting' ? change.retryAt : undefined;
    },
    connect,
    close,
    retryNow() {
      if (state === 'waiting') open();
    },
    put: (command: Command) => state === 'online' && put(command),
    ask,
    request,
  };
}

/** How long to wait before the same again. */
export const pauseMs = (error: StarlingError) => error.retryAfterMs ?? RETRY_AFTER_MS;

const hidden = () => globalThis.document?.visibilityState === 'hidden';

const offline = () =>
  new StarlingError({ code: 'offline', message: 'There is no connection', retryable: true });
