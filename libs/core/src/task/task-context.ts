/** What a handler learns about the task it runs, and what it may do to it. */
export interface TaskContext {
  /** The same in every attempt: fit for an idempotency key. */
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** The payload as it lies on the wire, before the codec. */
  readonly payloadBytes: Uint8Array;
  /** Metadata given on enqueue; empty if none was. */
  readonly headers: Readonly<Record<string, string>>;
  /** Failures so far that counted; 0 at the first attempt. */
  readonly retried: number;
  /** Most failures after which it is tried again: an attempt with `retried === maxRetry` is the last. */
  readonly maxRetry: number;
  /** When this attempt must end: the earlier of the task's timeout and deadline. */
  readonly deadline: Date;
  /**
   * Aborts when the attempt must stop. `signal.reason` is one of `TaskTimeoutError`, `TaskCanceledError`,
   * `LeaseLostError` and `ServerShutdownError`. A handler that heeds it frees its slot at once.
   */
  readonly signal: AbortSignal;
  /**
   * Stores a result with the task: bytes untouched, anything else through the codec. Readable while the task exists,
   * so give it a `retention`. The last write wins.
   * @throws the signal's reason, when the attempt is over
   * @throws {LeaseLostError} the task is not ours any more
   */
  writeResult(result: unknown): Promise<void>;
  /**
   * Says how far the task has come: a share from 0 to 1 (others are taken for the nearest), and a short note. Shown by
   * inspectors. Call it as often as you like: at most two reports a second are stored, and the last one before the
   * attempt ends. A report that cannot be stored does not harm the task.
   */
  progress(share: number, note?: string): void;
}

/**
 * Handles one task. Its promise decides: fulfilled is success; rejected with `SkipRetry` archives, with `RevokeTask`
 * drops, with anything else retries. What it returns is stored as the result of a task that has a `retention`, unless
 * it is `undefined` or the handler has called `writeResult`.
 */
export type Handler = (payload: unknown, context: TaskContext) => unknown;
