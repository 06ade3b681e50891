import type { ErrorCode, StarlingErrorInit } from './api.js';

/** What went wrong with one command or call. `message` is the server's, in English; `code` is what to
 * decide by. */
export class StarlingError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  /** Of the HTTP answer, if it was one. */
  readonly status: number | undefined;

  constructor(init: StarlingErrorInit) {
    super(init.message);
    this.name = 'StarlingError';
    this.code = init.code;
    this.retryable = init.retryable ?? false;
    this.retryAfterMs = init.retryAfterMs;
    this.status = init.status;
  }
}
