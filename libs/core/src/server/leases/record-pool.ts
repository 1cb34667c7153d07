import { type LeaseRecord, LeaseSegment, type RecordContent } from './lease-record.js';
import type { LeaseTable, TableNews } from './lease-table.js';

/** What to write for a task, with the name of its queue. */
export type TaskContent = Omit<RecordContent, 'queue'> & { readonly queue: string };

/** The free records of a table, and the numbers of its queues. For the main thread. */
export class RecordPool {
  /** The last one freed is filled next: its memory is in use already. */
  private readonly free: LeaseRecord[] = [];
  /** Of tasks that ended while the heartbeat used their records. */
  private unreleased: LeaseRecord[] = [];
  private readonly queues = new Map<string, number>();

  /** @param tell called with what a heartbeat in another thread must learn, too */
  constructor(
    private readonly table: LeaseTable,
    private readonly tell: (news: TableNews) => void,
  ) {}

  /** Writes a task into a free record. */
  take({ key, id, queue, leaseExpiresAtS, returnAtMs, endsAtMs }: TaskContent): LeaseRecord {
    const record = this.free.pop() ?? this.more();
    const fits = record.write({ key, id, queue: this.queueNumber(queue), leaseExpiresAtS, returnAtMs, endsAtMs });
    if (!fits) this.announce({ kind: 'id', slot: record.slot, key, id });
    return record;
  }

  /** Takes back the record of a task that has ended. */
  putBack(record: LeaseRecord): void {
    (record.isFree ? this.free : this.unreleased).push(record);
  }

  private queueNumber(name: string): number {
    let number = this.queues.get(name);
    if (number === undefined) {
      number = this.queues.size;
      this.queues.set(name, number);
      this.announce({ kind: 'queue', name });
    }
    return number;
  }

  private announce(news: TableNews): void {
    this.table.learn(news);
    this.tell(news);
  }

  private more(): LeaseRecord {
    this.collect();
    if (this.free.length === 0) this.grow();
    return this.free.pop()!;
  }

  private collect(): void {
    const { unreleased } = this;
    this.unreleased = [];
    for (const record of unreleased) this.putBack(record);
  }

  private grow(): void {
    const first = this.table.records.length;
    this.announce({ kind: 'segment', buffer: new LeaseSegment().buffer });
    this.free.push(...this.table.records.slice(first).reverse());
  }
}
