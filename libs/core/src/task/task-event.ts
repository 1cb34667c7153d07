import type { Logger } from '../runtime/logger.js';
import { callGuarded } from '../runtime/user-callback.js';

/** What all events say about their task. */
export interface TaskEventBase {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Of a partitioned queue: the ordinary queue that holds the task. */
  readonly partition?: string | undefined;
  readonly at: Date;
}

/**
 * Why an attempt archived its task: no retry was left, `SkipRetry`, its deadline, no server knew its type for
 * `unknownTypeTimeout`, or a cancel request said so.
 */
export type ArchiveReason = 'exhausted' | 'skipRetry' | 'deadline' | 'unknownType' | 'canceled';

/**
 * An event of a task in this process. `durationMs` is how long the attempt took, in milliseconds with a fraction: from the
 * call of the handler to its end.
 */
export type TaskEvent =
  | (TaskEventBase & {
      readonly kind: 'enqueued';
      readonly state: 'pending' | 'scheduled' | 'aggregating';
      readonly nextProcessAt: Date;
    })
  | (TaskEventBase & {
      readonly kind: 'started';
      readonly retried: number;
      /**
       * How long the task was pending before this attempt, held ahead included; `undefined` when that is not recorded, or
       * when nobody listened at the time of its fetch.
       */
      readonly waitedMs?: number | undefined;
    })
  /** A progress report of the handler is stored. Frequent reports are throttled. */
  | (TaskEventBase & { readonly kind: 'progressed'; readonly share: number; readonly note: string | undefined })
  /** The handler succeeded and the outcome is stored. */
  | (TaskEventBase & { readonly kind: 'succeeded'; readonly durationMs: number })
  /** The handler failed; `retried`, `archived` or `revoked` follows, unless the lease was lost. */
  | (TaskEventBase & { readonly kind: 'failed'; readonly error: unknown; readonly durationMs: number })
  | (TaskEventBase & {
      readonly kind: 'retried';
      readonly error: unknown;
      readonly nextProcessAt: Date;
      readonly isFailure: boolean;
      readonly durationMs: number;
    })
  | (TaskEventBase & {
      readonly kind: 'archived';
      readonly error: unknown;
      readonly reason: ArchiveReason;
      readonly durationMs: number;
    })
  /** The task was deleted: the handler threw `RevokeTask`, or the task was canceled with `delete`. */
  | (TaskEventBase & { readonly kind: 'revoked'; readonly error: unknown; readonly durationMs: number })
  /**
   * The handler ignores its signal: it has not ended 0.5 s after its timeout, its cancellation or the loss of its
   * lease. Its slot is lost until the handler or the process ends.
   */
  | (TaskEventBase & { readonly kind: 'slotLost' })
  /** The outcome was dropped, because this server lost the lease. The task runs, or ran, elsewhere. */
  | (TaskEventBase & { readonly kind: 'leaseLost'; readonly durationMs: number })
  /**
   * The queue held its id, but not the task: another program has deleted the task, or has written only the id. The id
   * was dropped; the type is unknown, and empty.
   */
  | (TaskEventBase & { readonly kind: 'dropped' })
  /** Returned to the queue unfinished at shutdown. */
  | (TaskEventBase & { readonly kind: 'requeued' })
  /**
   * Its worker was lost; this server returned the task to the queue, archived it as poison, or ended it with the
   * outcome of a cancel request.
   */
  | (TaskEventBase & {
      readonly kind: 'recovered';
      readonly crashes: number;
      readonly outcome: 'requeued' | 'archived' | 'retried' | 'deleted';
    });

/** A record, so that the compiler reports a missing kind. */
const IS_KIND: Readonly<Record<TaskEvent['kind'], true>> = {
  enqueued: true,
  started: true,
  progressed: true,
  succeeded: true,
  failed: true,
  retried: true,
  archived: true,
  revoked: true,
  slotLost: true,
  leaseLost: true,
  dropped: true,
  requeued: true,
  recovered: true,
};

/** All kinds of events. */
export const TASK_EVENT_KINDS = Object.keys(IS_KIND) as readonly TaskEvent['kind'][];

/**
 * Called with the events of its process. Errors and rejections are logged and have no other effect; a promise is not
 * awaited.
 */
export interface TaskEventListener {
  (event: TaskEvent): void;
  /** Nobody listens at the moment: while it is `true`, events of attempts need not be created. */
  readonly isIdle?: boolean | undefined;
}

/**
 * A listener that never throws: errors of `listener` are logged. `undefined` without one, so that no event is created.
 */
export function guardListener(listener: TaskEventListener | undefined, logger: Logger): TaskEventListener | undefined {
  if (!listener) return undefined;
  const report = ({ kind, queue, id }: TaskEvent, error: unknown): void =>
    logger.error(`onEvent failed at "${kind}"`, { queue, taskId: id, error });
  // Without a closure for each event: there are two per task.
  return passingTo(listener, (event) => {
    let returned: unknown;
    try {
      returned = listener(event);
    } catch (error) {
      return report(event, error);
    }
    if (returned !== undefined)
      callGuarded(
        () => returned,
        (error) => report(event, error),
      );
  });
}

/** A listener that is idle while the one it passes events to is. */
export function passingTo(listener: TaskEventListener, pass: (event: TaskEvent) => void): TaskEventListener {
  return Object.defineProperty(pass, 'isIdle', { get: () => isIdle(listener) });
}

/** A listener of the user may fail to answer. */
function isIdle(listener: TaskEventListener): boolean {
  try {
    return listener.isIdle === true;
  } catch {
    return false;
  }
}
