/** What a person may do. Each right includes those before it. */
export type Right =
  /** Read everything. */
  | 'view'
  /** Pause and resume; run, archive, cancel, reschedule and move tasks; enqueue a task again; run and pause schedules. */
  | 'operate'
  /** Delete and purge; edit payloads; enqueue new tasks. */
  | 'admin';

/** The right that each action needs, on the queue that it is about; `move` needs it on the target, too. */
export const NEEDED_RIGHT = {
  pauseQueue: 'operate',
  resumeQueue: 'operate',
  deleteQueue: 'admin',
  purgeQueue: 'admin',
  run: 'operate',
  runNext: 'operate',
  archive: 'operate',
  cancel: 'operate',
  reschedule: 'operate',
  move: 'operate',
  delete: 'admin',
  editPayload: 'admin',
  again: 'operate',
  newTask: 'admin',
  runSchedule: 'operate',
  pauseSchedule: 'operate',
  resumeSchedule: 'operate',
  deleteSchedule: 'admin',
} as const satisfies Readonly<Record<string, Right>>;

/** An action of the dashboard, as in the audit. Canceling with the outcome `delete` needs `admin`. */
export type ActionName = keyof typeof NEEDED_RIGHT;

/** `GET api/session`: who asks, and what this person may do. */
export interface Session {
  /** As the app names the person; `undefined` when it does not. */
  readonly who: string | undefined;
  /** The highest right on any queue; single queues may give less, see `QueueRow.right`. */
  readonly right: Right;
  /** No action is possible, whatever the right. */
  readonly readOnly: boolean;
  /** Time of the server, for ages that do not depend on the clock of the browser. */
  readonly nowMs: number;
}
