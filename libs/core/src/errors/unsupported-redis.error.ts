import { QueueError } from './queue-error.js';

/** The server is too old: a queue needs Redis 6.2 or Valkey 7.2, or later. */
export class UnsupportedRedisError extends QueueError {
  readonly code = 'UNSUPPORTED_REDIS';

  constructor(
    /** `'Redis'` or `'Valkey'`. */
    readonly product: string,
    /** As reported by the server: `'6.0.16'`. */
    readonly version: string,
  ) {
    super(`the server is ${product} ${version}; Redis 6.2 or later or Valkey 7.2 or later is needed`);
  }
}
