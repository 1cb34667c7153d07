import { TaskMessageRecord } from './asynq.generated.js';
import { decodeRecord, fromInt64, plainBytes, toInt64, wellFormed, wellFormedMap } from './record.js';

/**
 * The protobuf record that lies in the hash field `msg`, and only that. Field by field as asynq writes it; 64-bit
 * fields are `bigint`, so that no value of a Go peer is bent on its way through us.
 */
export interface TaskMessage {
  readonly type: string;
  /**
   * Raw bytes. The wire does not tell a missing payload from an empty one. After decoding it is a view into the bytes
   * of the record: copy it before you post it to another thread, or the whole reply behind it travels along.
   */
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

/**
 * Bytes for the hash field `msg`, as asynq writes them: fields by number, defaults left out, each header with key and
 * value. Half a surrogate pair in a text becomes U+FFFD, since Go takes valid UTF-8 only; numbers wrap as in Go.
 */
export function encodeTaskMessage(message: TaskMessage): Buffer {
  return TaskMessageRecord.encode({
    type: wellFormed(message.type),
    payload: message.payload,
    id: wellFormed(message.id),
    queue: wellFormed(message.queue),
    retry: message.maxRetry,
    retried: message.retried,
    errorMsg: wellFormed(message.errorMsg),
    timeout: toInt64(message.timeoutS),
    deadline: toInt64(message.deadlineS),
    uniqueKey: wellFormed(message.uniqueKey),
    lastFailedAt: toInt64(message.lastFailedAtS),
    retention: toInt64(message.retentionS),
    completedAt: toInt64(message.completedAtS),
    groupKey: wellFormed(message.groupKey),
    headers: wellFormedMap(message.headers),
  }).finish();
}

/**
 * Reads what any asynq wrote. Fields may come in any order and repeat (the last wins); unknown ones are skipped, and
 * lost when the message is written again, as in Go.
 * @throws {MessageDecodeError} Go would refuse the bytes too
 */
export function decodeTaskMessage(bytes: Uint8Array): TaskMessage {
  const fields = decodeRecord('TaskMessage', TaskMessageRecord, bytes);
  return {
    type: fields.type,
    payload: plainBytes(fields.payload),
    id: fields.id,
    queue: fields.queue,
    maxRetry: fields.retry,
    retried: fields.retried,
    errorMsg: fields.errorMsg,
    timeoutS: fromInt64(fields.timeout),
    deadlineS: fromInt64(fields.deadline),
    uniqueKey: fields.uniqueKey,
    lastFailedAtS: fromInt64(fields.lastFailedAt),
    retentionS: fromInt64(fields.retention),
    completedAtS: fromInt64(fields.completedAt),
    groupKey: fields.groupKey,
    headers: fields.headers,
  };
}
