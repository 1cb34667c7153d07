import type { PayloadOf, TaskOptions, TaskPayloads } from 'nestjs-asynq';
import { contextHeaders } from 'nestjs-asynq/tracing';
import type { Database } from '../database/database.js';
import { outbox } from '../database/schema.js';

/** A task to be enqueued once its transaction has committed. */
interface OutboxTask<Type extends keyof TaskPayloads & string> {
  readonly type: Type;
  readonly payload: PayloadOf<Type>;
  /**
   * The task id is fixed, so that enqueueing a row twice creates one task. With a `retention` a second delivery is
   * recognized for that long after success. Dates do not survive the table's JSON; use `processIn`.
   */
  readonly options: Omit<TaskOptions, 'processAt' | 'deadline'> & { readonly taskId: string };
}

/**
 * Writes a task into the outbox, in the caller's transaction: both are committed, or neither. Call
 * `OutboxRelay.nudge()` after the commit.
 */
export async function addToOutbox<Type extends keyof TaskPayloads & string>(
  transaction: Database,
  task: OutboxTask<Type>,
): Promise<void> {
  // The trace of the request, which the relay that enqueues the task may know nothing of.
  const headers = { ...contextHeaders(), ...task.options.headers };
  const options = Object.keys(headers).length > 0 ? { ...task.options, headers } : task.options;
  await transaction.insert(outbox).values({ taskType: task.type, payload: task.payload, options });
}
