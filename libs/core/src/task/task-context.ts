/**
 * The handler's view of its task: what it may read and report.
 *
 * It exists at run time too, so that it can be imported as any class where decorators need the type of a parameter
 * (`emitDecoratorMetadata` with `isolatedModules`, SWC); an object of this shape does for it in tests.
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- a shape with a name at run time
export interface TaskContext {
  /** The same in every attempt: use it as an idempotency key. */
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Of a partitioned queue: the ordinary queue that holds the task. */
  readonly partition?: string | undefined;
  /** The payload as decoded, before pipes and validation; `undefined` if it does not decode. Not shown by logs. */
  readonly payload?: unknown;
  /** The encoded payload. Its memory belongs to the handler. */
  readonly payloadBytes: Uint8Array;
  /** Metadata given on enqueue; empty if there was none. */
  readonly headers: Readonly<Record<string, string>>;
  /** Counted failures so far; 0 at the first attempt. */
  readonly retried: number;
  /** Maximum number of counted failures: an attempt with `retried === maxRetry` is the last. */
  readonly maxRetry: number;
  /** When this attempt must end: the earlier of the task's timeout and deadline. */
  readonly deadline: Date;
  /**
   * Aborts when the attempt must stop. `signal.reason` is one of `TaskTimeoutError`, `TaskCanceledError`,
   * `LeaseLostError` and `ServerShutdownError`. A handler that reacts to it frees its slot at once.
   */
  readonly signal: AbortSignal;
  /**
   * Stores a result with the task: bytes unchanged, anything else through the codec. Readable while the task exists,
   * so give it a `retention`. The last write wins.
   * @throws the signal's reason, when the attempt has ended
   * @throws {LeaseLostError} the task no longer belongs to this server
   */
  writeResult(result: unknown): Promise<void>;
  /**
   * Reports progress: a share from 0 to 1 (other numbers are clamped), and a short note. Inspectors show
   * it. Call it as often as you like: at most two reports a second are stored, and the last one before the attempt ends.
   * A failure to store a report does not affect the task.
   */
  progress(share: number, note?: string): void;
}

// oxlint-disable-next-line typescript/no-unsafe-declaration-merging, typescript/no-extraneous-class -- see the interface
export abstract class TaskContext {}

/**
 * Handles one task. Its promise decides the outcome: fulfilled is success; rejected with `SkipRetry` archives, with
 * `RevokeTask` drops, with anything else retries. The return value is stored as the result of a task that has a
 * `retention`, unless it is `undefined` or the handler has called `writeResult`.
 */
export type Handler = (payload: unknown, context: TaskContext) => unknown;
