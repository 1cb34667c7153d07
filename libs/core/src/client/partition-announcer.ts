import type { EnqueueOps, NewTask } from '../broker/contract/enqueue.js';
import { placeOf } from '../partitions/partition-name.js';
import type { QueuePartitions } from '../partitions/queue-partitions.js';
import { type Clock, monotonicMs } from '../runtime/clock.js';

/** The name of a queue may be removed at any time. */
const ANNOUNCE_EVERY_MS = 5_000;

/**
 * Announces all partitions of a queue with its tasks, so that a pause or a listing includes those without tasks, too.
 */
export class PartitionAnnouncer {
  /** By queue; monotonic. */
  private readonly announcedAtMs = new Map<string, number>();

  constructor(
    private readonly broker: Pick<EnqueueOps, 'announceQueues'>,
    private readonly partitions: QueuePartitions,
    private readonly clock: Clock,
  ) {}

  /** `undefined`: all are announced. Never rejects. */
  announce(tasks: readonly NewTask[]): Promise<unknown> | undefined {
    if (this.partitions.isEmpty) return undefined;
    const due = new Set<string>();
    for (const { message } of tasks) {
      const { queue, partition } = placeOf(message.queue);
      if (partition !== undefined && this.partitions.of(queue)) due.add(queue);
    }
    if (due.size === 0) return undefined;
    const nowMs = monotonicMs(this.clock);
    const names = [...due].flatMap((queue) => {
      if (nowMs - (this.announcedAtMs.get(queue) ?? -Infinity) < ANNOUNCE_EVERY_MS) return [];
      this.announcedAtMs.set(queue, nowMs);
      return this.partitions.of(queue)!;
    });
    return names.length > 0 ? this.broker.announceQueues(names) : undefined;
  }
}
