// Calls over HTTP, and the token that they and the socket carry.
//
// Who passes a token, and every program without a document, speaks with the token. A page without one
// speaks with the HttpOnly cookie and never sees what is in it; it remembers only when to renew.
import type { ErrorCode, Options, User } from './api.js';
import type { Emit } from './emitter.js';
import { StarlingError } from './error.js';

const RENEW_LOOK_MS = 60_000; // between two looks at the clock: it may jump, and timers are short
/** In localStorage: when this browser's cookie is to be renewed. Its removal signs every tab out. */
export const RENEW_AT = 'starling.renewAt';

interface Granted {
  user: User;
  token?: string;
}

export type Rest = ReturnType<typeof createRest>;

export function createRest(url: string, options: Options, emit: Emit, renewed: (token: string) => void) {
  const now = options.now ?? Date.now;
  const byCookie = !options.token && 'document' in globalThis;
  let granted: string | undefined; // by a login or renewal of ours: newer than the option
  let renewAt = 0;
  let looking: ReturnType<typeof setInterval> | undefined;

  const given = () => (typeof options.token === 'function' ? options.token() : options.token);
  const token = () => granted ?? given();

  async function call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = {};
    const bearer = token();
    if (bearer) headers['Authorization'] = `Bearer ${bearer}`;
    const init: RequestInit = { method, headers, credentials: byCookie ? 'include' : 'omit' };
    if (body) {
      headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(body);
    }
    const response = await (options.fetch ?? fetch)(url + path, init).catch(() => {
      throw new StarlingError({ code: 'offline', message: 'The server cannot be reached', retryable: true });
    });
    const answer = response.status === 204 ? {} : await response.json().catch(() => ({}));
    if (response.ok) return answer;
    const { status } = response;
    const retryAfterMs = Number(response.headers.get('Retry-After')) * 1_000;
    throw new StarlingError({
      code: (answer.code as ErrorCode | undefined) ?? 'internal',
      message: answer.error ?? `The server answered ${status}`,
      retryable: status === 429 || status >= 500,
      ...(retryAfterMs > 0 && { retryAfterMs }),
      status,
    });
  }

  // Renewed at half of its life, so that a server that is away does no harm.
  function keep(next: string) {
    renewAt = now() + (endOf(next) - now()) / 2;
    if (byCookie) {
      remembered(renewAt);
    } else {
      granted = next;
      emit('token', { token: next });
    }
  }

  async function enter(path: string, body?: unknown): Promise<User> {
    const answer = await call<Granted>('POST', path, body);
    if (answer.token) keep(answer.token);
    return answer.user;
  }

  async function renew() {
    const answer = await call<Granted>('POST', '/api/sessions');
    if (!answer.token) return;
    keep(answer.token);
    renewed(answer.token);
  }

  function look() {
    const bearer = token();
    if (byCookie) renewAt = remembered();
    else if (!renewAt && bearer) renewAt = now() + (endOf(bearer) - now()) / 2;
    // Refused: the server will say so on the socket. Away: the next look asks again.
    if (now() >= renewAt && (byCookie || bearer)) renew().catch(() => {});
  }

  return {
    byCookie,
    token,
    call,
    enter,
    renew,
    forget() {
      granted = undefined;
      renewAt = 0;
      if (byCookie) remembered(null);
    },
    /** Renews in time for as long as it is watched. */
    watch(on: boolean) {
      clearInterval(looking);
      if (!on) return;
      look();
      looking = setInterval(look, RENEW_LOOK_MS);
    },
  };
}

// Reads the time to renew, writes it, or (null) removes it. A browser may keep storage from us: then the
// cookie is renewed at every start.
function remembered(renewAt?: number | null): number {
  try {
    if (renewAt === null) localStorage.removeItem(RENEW_AT);
    else if (renewAt) localStorage.setItem(RENEW_AT, String(renewAt));
    return Number(localStorage.getItem(RENEW_AT));
  } catch {
    return 0;
  }
}

/** When a token ends; never, if it does not say. Nothing is verified here: that is the server's. */
function endOf(token: string): number {
  try {
    const payload = token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    return (JSON.parse(atob(payload)).exp ?? Infinity) * 1_000;
  } catch {
    return Infinity;
  }
}
