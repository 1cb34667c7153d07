import type { QueueRow, TaskState, Totals, Warning } from './queues.js';
import type { Progress, RunningOn, TaskRef } from './tasks.js';

/**
 * `GET api/live`, server-sent events, and `GET api/live/once`, one {@link LiveMessage} as JSON, for polling.
 *
 * Events are named `tick`, each with a {@link LiveMessage} as `data` and a running number as `id`, about one a second
 * while something changed, else every 15 s. A stream ends after five minutes, so that guards run again: `EventSource`
 * reconnects by itself. Before the app shuts down, the event `bye` is sent.
 */
export interface LiveQuery {
  /** Queues to send rows of, repeated; at most 200. */
  readonly queue?: readonly string[] | undefined;
  /** A task to send the state and progress of: `taskQueue` with `taskId`. */
  readonly taskQueue?: string | undefined;
  readonly taskId?: string | undefined;
}

export interface LiveMessage {
  readonly nowMs: number;
  readonly totals: Totals;
  /** Those that were asked for and exist, in the order of the request. */
  readonly queues: readonly QueueRow[];
  readonly task: LiveTask | undefined;
  readonly warnings: readonly Warning[];
}

export interface LiveTask extends TaskRef {
  /** `undefined`: it does not exist any more. */
  readonly state: TaskState | undefined;
  readonly progress: Progress | undefined;
  readonly retried: number;
  readonly worker: RunningOn | undefined;
}
