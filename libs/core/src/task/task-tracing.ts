import type { TaskMessage } from '../wire/task-message.js';

/**
 * Follows tasks from the program that enqueues them to their handlers; `openTelemetry()` of the entry
 * `@nestjs-asynq/core/tracing` makes one. The methods are for clients, servers and schedulers.
 */
export interface TaskTracing {
  /** Begins to trace for one client, server or scheduler. */
  open(place: TracedPlace): TaskTracer;
}

/** Who is traced. */
export interface TracedPlace {
  /** Identifies the client or server: `<host>:<pid>:<uuid>`. */
  readonly clientId: string;
  /** Of Redis, where there is a single one. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** Never throws. `undefined` as an answer: there is nothing to trace. */
export interface TaskTracer {
  /**
   * Tasks are about to be written by one call.
   * @param origin `tick`: by a schedule, in no context of the program
   */
  enqueueing(tasks: readonly TaskMessage[], nowMs: number, origin: 'call' | 'tick'): EnqueueTrace | undefined;
  /** An attempt begins. */
  attempting(message: TaskMessage, nowMs: number): AttemptTrace | undefined;
  /** The tasks of a group are about to be combined into one. */
  aggregating(queue: string, members: readonly GroupMember[]): AggregationTrace | undefined;
}

/** A task of a group, as far as a trace needs it. */
export type GroupMember = Pick<TaskMessage, 'id' | 'headers'>;

/** How an attempt ended, or `canceled` by the loss of its lease. */
export type TracedOutcome = 'success' | 'retry' | 'archived' | 'revoked' | 'requeued' | 'lease_lost';

/** Runs functions as a part of a trace. */
interface TraceScope {
  run<Result>(call: () => Result): Result;
}

/** A call that writes tasks. One whose tasks are not written, because others have done so, is not ended. */
export interface EnqueueTrace extends TraceScope {
  /** Headers to add, by task; `undefined` for a task that has such headers already. */
  readonly headers: readonly (Readonly<Record<string, string>> | undefined)[];
  /** @param errors by task: why it was not written */
  end(errors: readonly (Error | undefined)[]): void;
}

/** An attempt, in which the handler runs: from its beginning until its outcome is known, which may be stored a little later. */
export interface AttemptTrace extends TraceScope {
  /** Called once. @param error what the handler threw, or why its lease was lost */
  end(outcome: TracedOutcome, error?: unknown): void;
}

/** The combining of a group's tasks, in which the function for groups runs. */
export interface AggregationTrace extends TraceScope {
  /** Called once. @param error what the function threw, or why its task was not written */
  end(error?: unknown): void;
}

/** The task with further headers; its own headers of the same names stay. */
export function withHeaders<Task extends { readonly message: TaskMessage }>(
  task: Task,
  headers: Readonly<Record<string, string>> | undefined,
): Task {
  if (!headers) return task;
  const { message } = task;
  return { ...task, message: { ...message, headers: { ...headers, ...message.headers } } };
}
