import type { ErrorCode, StarlingErrorInit } from './api.js';

/** What went wrong with one command or call. `message` is the server's, in English; `code` is what to
 * decide by. */
export class StarlingError extends Error {
  declare readonly code: ErrorCode;
  declare readonly retryable: boolean;
  declare readonly retryAfterMs?: number;
  /** Of the HTTP answer, if it was one. */
  declare readonly status?: number;

  constructor(init: StarlingErrorInit) {
    super(init.message);
    Object.assign(this, { name: 'StarlingError', retryable: false }, init);
  }
}

/** No answer will come: the connection was cut, or there is none. */
export const offline = () =>
  new StarlingError({ code: 'offline', message: 'No connection', retryable: true });
