import type { TaskMessage } from '../wire/task-message.js';

/** A task to be written. `message.queue` and `message.id` say where; one with a `message.groupKey` waits in that group. */
export interface NewTask {
  readonly message: TaskMessage;
  /** When to start it; absent or not after now: at once. Kept to the millisecond. */
  readonly processAtMs?: number | undefined;
  /** How long to hold the lock `message.uniqueKey`, whole seconds from now; absent: take no lock. */
  readonly uniqueTtlS?: number | undefined;
}
