/**
 * The protobuf record that lies in the hash field `msg`, and only that. Field by field as asynq writes it; 64-bit
 * fields are `bigint`, so that no value of a Go peer is bent on its way through us.
 */
export interface TaskMessage {
  readonly type: string;
  /** Raw bytes. The wire does not tell a missing payload from an empty one. */
  readonly payload: Uint8Array;
  readonly id: string;
  readonly queue: string;
  /** Most retries before the task is archived. */
  readonly maxRetry: number;
  /** Failures so far that counted. */
  readonly retried: number;
  /** Text of the last error; never cleared. */
  readonly errorMsg: string;
  /** Longest run of one attempt, seconds; 0 none. */
  readonly timeoutS: bigint;
  /** When every attempt ends, unix s; 0 none. */
  readonly deadlineS: bigint;
  /** Full name of the unique lock; empty when the task holds none. */
  readonly uniqueKey: string;
  /** Unix s; 0 never. */
  readonly lastFailedAtS: bigint;
  /** How long to keep the task after success, seconds. */
  readonly retentionS: bigint;
  /** Unix s; 0 not completed. */
  readonly completedAtS: bigint;
  /** Group name; empty when the task belongs to none. */
  readonly groupKey: string;
  /** User metadata, asynq 0.26 and later; an older Go worker drops them when it retries the task. */
  readonly headers: Readonly<Record<string, string>>;
}
