// Calls over HTTP, and the token that they and the socket carry.
//
// Who passes a token, and every program without a document, speaks with the token. A page without one
// speaks with the HttpOnly cookie and never keeps what is in it; it remembers only when to renew. Where a
// browser keeps localStorage from us it keeps cookies from us, too.
import type { Options, User } from './api.js';
import type { Emit } from './emitter.js';
import { offline, StarlingError } from './error.js';

/** In localStorage: when this browser's cookie is to be renewed. Its removal signs every tab out. */
export const RENEW_AT = 'starling.renewAt';

const RENEW_PAUSE_MS = 600_000; // a server that does not renew is asked no more often

interface Granted {
  user: User;
  token?: string;
}

export function createRest(url: string, options: Options, emit: Emit) {
  const { now = Date.now, token: given } = options;
  const byCookie = !given && 'document' in globalThis;
  let granted: string | undefined; // by a login or renewal of ours: newer than the option
  const memory = (byCookie ? localStorage : {}) as { [RENEW_AT]?: number }; // text in storage: compares alike

  const token = () => granted ?? (typeof given === 'function' ? given() : given);

  async function call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = {};
    const bearer = token();
    if (bearer) headers['Authorization'] = `Bearer ${bearer}`;
    if (body) headers['Content-Type'] = 'application/json';
    const init = { method, headers, body: body ? JSON.stringify(body) : null };
    const response = await (options.fetch ?? fetch)(url + path, init).catch(() => {
      throw offline();
    });
    const answer = await response.json().catch(() => ({})); // a 204 has none
    if (response.ok) return answer;
    const { status } = response;
    throw new StarlingError({
      code: answer.code ?? 'internal',
      message: answer.error ?? `${status}`,
      retryable: status === 429 || status >= 500,
      status,
    });
  }

  // Half of the rest of a token's life: a server that is away for a while does no harm. Nothing is verified here,
  // that is the server's.
  function halfLife(jwt: string) {
    const payload = jwt.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/');
    return (now() + JSON.parse(atob(payload)).exp * 1_000) / 2;
  }

  function keep({ user, token: next }: Granted): User {
    if (next) {
      memory[RENEW_AT] = halfLife(next);
      if (!byCookie) {
        granted = next;
        emit('token', { token: next });
      }
    }
    return user;
  }

  return {
    byCookie,
    token,
    call,
    enter: async (path: string, body: unknown) => keep(await call('POST', path, body)),
    /** The new token, for the live socket. */
    async renew(): Promise<string | undefined> {
      const answer = await call<Granted>('POST', '/api/sessions');
      keep(answer);
      return answer.token;
    },
    /** Is it time to renew? Asked only while the server takes what we have. Says yes once and then not before
     * `RENEW_PAUSE_MS`, whatever becomes of it. */
    isOld(): boolean {
      const bearer = token();
      if (bearer) memory[RENEW_AT] ??= halfLife(bearer);
      const old = !(now() < memory[RENEW_AT]!); // also where it is not known
      if (old) memory[RENEW_AT] = now() + RENEW_PAUSE_MS;
      return old;
    },
    forget() {
      granted = undefined;
      delete memory[RENEW_AT];
    },
  };
}
