import type { Logger } from '../runtime/logger.js';
import { callGuarded } from '../runtime/user-callback.js';

interface TaskEventBase {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly at: Date;
}

/** What happened to a task in this process. */
export type TaskEvent =
  | (TaskEventBase & {
      readonly kind: 'enqueued';
      readonly state: 'pending' | 'scheduled' | 'aggregating';
      readonly nextProcessAt: Date;
    })
  | (TaskEventBase & { readonly kind: 'started'; readonly retried: number })
  /** A progress report of the handler is stored. Reports in quick succession are thinned out. */
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
    })
  | (TaskEventBase & { readonly kind: 'archived'; readonly error: unknown })
  /** The handler threw `RevokeTask`, or the task was canceled to be deleted; it is. */
  | (TaskEventBase & { readonly kind: 'revoked'; readonly error: unknown })
  /** The outcome was dropped, because this server has lost the task. It runs again, or ran, elsewhere. */
  | (TaskEventBase & { readonly kind: 'leaseLost' })
  /** Given back unfinished at shutdown. */
  | (TaskEventBase & { readonly kind: 'requeued' })
  /**
   * Its worker vanished; this server gave it back to the queue, or archived it as poison, or ended it with the outcome of
   * a cancel request.
   */
  | (TaskEventBase & {
      readonly kind: 'recovered';
      readonly crashes: number;
      readonly outcome: 'requeued' | 'archived' | 'retried' | 'deleted';
    });

/**
 * Called with events, in the process where they happen. What it throws, or rejects with, is logged and has no other effect;
 * a promise is not awaited.
 */
export type TaskEventListener = (event: TaskEvent) => void;

/** A listener that never throws: what `listener` throws is logged. `undefined` without one, so no event need be created. */
export function guardListener(listener: TaskEventListener | undefined, logger: Logger): TaskEventListener | undefined {
  if (!listener) return undefined;
  return (event) =>
    callGuarded(
      () => listener(event),
      (error) => logger.error(`onEvent failed at "${event.kind}"`, { queue: event.queue, taskId: event.id, error }),
    );
}
