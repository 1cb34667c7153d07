import type { TaskEvent } from '../task/task-event.js';

/** A handler that failed. */
export interface TaskFailure {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** What the handler threw, unchanged. */
  readonly error: unknown;
}

/** A due task that nobody takes: no server serves its queue, no handler its type, or the queue is paused. */
export interface LeftTask {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
}

/** What happened since the last `drain` or `advance`. */
export interface TestRun {
  readonly succeeded: number;
  /** Attempts after which the task waits for the next one. */
  readonly retried: number;
  readonly archived: number;
  readonly revoked: number;
  /** In their order. Without `RevokeTask`, and without errors that `isFailure` does not count. */
  readonly failures: readonly TaskFailure[];
  /** Due, and still waiting. */
  readonly left: readonly LeftTask[];
}

/** Counts what the servers report. */
export class RunCounter {
  private counts = { succeeded: 0, retried: 0, archived: 0, revoked: 0 };
  private failures: TaskFailure[] = [];

  note(event: TaskEvent): void {
    if (event.kind === 'succeeded' || event.kind === 'revoked') this.counts[event.kind] += 1;
    if (event.kind !== 'retried' && event.kind !== 'archived') return;
    this.counts[event.kind] += 1;
    const { id, type, queue, error } = event;
    if (event.kind === 'archived' || event.isFailure) this.failures.push({ id, type, queue, error });
  }

  get ended(): number {
    const { succeeded, retried, archived, revoked } = this.counts;
    return succeeded + retried + archived + revoked;
  }

  /** Returns everything since the last call. */
  take(left: readonly LeftTask[]): TestRun {
    const run = { ...this.counts, failures: this.failures, left };
    this.counts = { succeeded: 0, retried: 0, archived: 0, revoked: 0 };
    this.failures = [];
    return run;
  }
}

/** The error of a single failure itself, so that its stack leads to the handler. */
export function errorOf(failures: readonly TaskFailure[]): Error {
  const [only] = failures;
  if (failures.length === 1 && only!.error instanceof Error) return only!.error;
  const lines = failures.map(({ type, queue, error }) => `  ${type} in queue "${queue}": ${textOf(error)}`);
  return new AggregateError(
    failures.map(({ error }) => error),
    `${failures.length} attempts failed:\n${lines.join('\n')}`,
  );
}

function textOf(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error);
  } catch {
    return typeof error;
  }
}
