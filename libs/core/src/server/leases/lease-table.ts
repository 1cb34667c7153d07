import { LeaseRecord, LeaseSegment, RECORDS_PER_SEGMENT } from './lease-record.js';

/** What the heartbeat must be told to read the table. */
export type TableNews =
  | { readonly kind: 'segment'; readonly buffer: SharedArrayBuffer }
  /** Queues are numbered in this order. */
  | { readonly kind: 'queue'; readonly name: string }
  /** Of the task with this key: it does not fit into its record. */
  | { readonly kind: 'id'; readonly slot: number; readonly key: number; readonly id: string };

/** Names a task between the threads. */
export interface TaskRef {
  readonly slot: number;
  readonly key: number;
}

/** A record as the heartbeat read it. */
export interface TaskInHand extends TaskRef {
  readonly record: LeaseRecord;
  readonly queue: string;
  readonly id: string;
  /** It has not begun. */
  readonly isHeld: boolean;
  /** By the monotonic clock, like `endsAtMs`. */
  readonly returnAtMs: number;
  readonly endsAtMs: number;
}

/**
 * The tasks in hand: a record for each in shared memory. The main thread writes them, the heartbeat reads them when it
 * needs them. A task that comes and goes in between costs it nothing, and takes no message.
 */
export class LeaseTable {
  readonly records: LeaseRecord[] = [];
  private readonly queues: string[] = [];
  private readonly longIds = new Map<LeaseRecord, { readonly key: number; readonly id: string }>();

  learn(news: TableNews): void {
    if (news.kind === 'queue') this.queues.push(news.name);
    else if (news.kind === 'id') this.longIds.set(this.records[news.slot]!, news);
    else this.addSegment(new LeaseSegment(news.buffer));
  }

  /** For the heartbeat. Skips tasks whose news have not arrived: these were just taken. */
  tasksInHand(): TaskInHand[] {
    const found: TaskInHand[] = [];
    for (const record of this.records) {
      if (!record.isInHand) {
        if (!record.isInUse) this.longIds.delete(record); // otherwise the task may be held again
        continue;
      }
      const isInUse = record.isInUse; // by the caller
      if (!isInUse && !record.seize()) continue;
      const task = this.read(record);
      if (task) found.push(task);
      if (!isInUse) record.release();
    }
    return found;
  }

  /** After the death of the thread that used them. */
  releaseAll(): void {
    for (const record of this.records) record.release();
  }

  private addSegment(segment: LeaseSegment): void {
    const first = this.records.length;
    for (let nth = 0; nth < RECORDS_PER_SEGMENT; nth++) this.records.push(new LeaseRecord(segment, first + nth));
  }

  private read(record: LeaseRecord): TaskInHand | undefined {
    const { slot, key, isHeld, returnAtMs, endsAtMs } = record;
    const queue = this.queues[record.queue];
    const id = record.id ?? this.longId(record);
    if (queue === undefined || id === undefined) return undefined;
    return { record, slot, key, queue, id, isHeld, returnAtMs, endsAtMs };
  }

  private longId(record: LeaseRecord): string | undefined {
    const known = this.longIds.get(record);
    return known?.key === record.key ? known.id : undefined;
  }
}
