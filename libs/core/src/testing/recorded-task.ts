import type { NewTask } from '../broker/contract/enqueue.js';
import { placeOf } from '../partitions/partition-name.js';
import type { PayloadCodec } from '../task/payload-codec.js';
import { clampInt64, fromS } from '../wire/unix-time.js';

/** A task as it was enqueued. */
export interface RecordedTask {
  readonly id: string;
  readonly type: string;
  /** Decoded; the bytes themselves when the codec cannot read them. */
  readonly payload: unknown;
  readonly queue: string;
  /** Of a partitioned queue: the ordinary queue that got the task. */
  readonly partition?: string | undefined;
  readonly enqueuedAt: Date;
  /** Delay before it may start, ms; 0 at once. */
  readonly processInMs: number;
  readonly group?: string | undefined;
  readonly maxRetry: number;
  /** Maximum duration of an attempt, ms; 0 none. */
  readonly timeoutMs: number;
  /** How long the completed task is kept, ms. */
  readonly retentionMs: number;
  readonly deadline?: Date | undefined;
  /** Lifetime of its unique lock, ms; absent without a lock. */
  readonly uniqueMs?: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export function recordTask(
  { message, processAtMs, uniqueTtlS }: NewTask,
  codec: PayloadCodec,
  nowMs: number,
): RecordedTask {
  const { queue, partition } = placeOf(message.queue);
  return {
    id: message.id,
    type: message.type,
    payload: decode(message.payload, codec),
    queue,
    enqueuedAt: new Date(nowMs),
    processInMs: Math.max(0, (processAtMs ?? nowMs) - nowMs),
    maxRetry: message.maxRetry,
    timeoutMs: msOf(message.timeoutS),
    retentionMs: msOf(message.retentionS),
    headers: { ...message.headers },
    ...(partition !== undefined && { partition }),
    ...(message.groupKey !== '' && { group: message.groupKey }),
    ...(message.deadlineS !== 0n && { deadline: new Date(msOf(message.deadlineS)) }),
    ...(uniqueTtlS !== undefined && { uniqueMs: fromS(uniqueTtlS) }),
  };
}

const msOf = (lengthS: bigint): number => fromS(clampInt64(lengthS));

function decode(bytes: Uint8Array, codec: PayloadCodec): unknown {
  const copy = Uint8Array.from(bytes); // it may be a view that others write to
  try {
    return codec.decode(copy);
  } catch {
    return copy;
  }
}
