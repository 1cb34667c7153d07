import { show } from './invalid-options.error.js';
import { QueueError } from './queue-error.js';

/** A cron spec is invalid; the message says which part and why. */
export class CronSpecError extends QueueError {
  readonly code = 'CRON_SPEC';

  constructor(
    readonly spec: string,
    readonly reason: string,
  ) {
    super(`cron spec ${show(spec)}: ${reason}`);
  }
}
