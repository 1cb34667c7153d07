import type { ListOps, StoredTask } from '../broker/contract/lists.js';
import type { QueueOps, QueueStats } from '../broker/contract/queues.js';
import { systemClock } from '../runtime/clock.js';
import { within } from '../runtime/within.js';
import { partitionName, placeOf } from '../partitions/partition-name.js';

/** How many partitions are checked for keys while their names cannot be read: their slots spread over all nodes. */
const PARTITIONS_TRIED = 12;
/** Time limit of that check; the first 500 ms are for reading the names. */
const TRACES_TIMEOUT_MS = 1_500;

/** A task and the ordinary queue that holds it. */
export interface FoundTask {
  readonly name: string;
  readonly task: StoredTask;
}

/** Finds the ordinary queues that a queue consists of, by the announced names. */
export class PartitionLookup {
  constructor(
    private readonly broker: Pick<QueueOps, 'hasQueue' | 'queueNames' | 'queueStats'> & Pick<ListOps, 'findTask'>,
  ) {}

  /**
   * The ordinary queues of a partitioned queue: its own name, if announced, then its partitions by number. For any
   * other queue only the queue itself, announced or not.
   */
  async namesOf(queue: string): Promise<readonly string[]> {
    if (!(await this.isPartitioned(queue))) return [queue];
    const places = (await this.broker.queueNames()).map((name) => ({ name, ...placeOf(name) }));
    const own = places.filter((place) => place.queue === queue).toSorted((a, b) => a.index - b.index);
    return own.length > 0 ? own.map(({ name }) => name) : [queue]; // they have been removed
  }

  /**
   * Clients and servers announce all partitions of a queue together, so checking the first one is enough. While the
   * names cannot be read, a queue counts as partitioned if its partitions have been used; then `namesOf` rejects
   * instead of leaving some of them out.
   */
  async isPartitioned(queue: string): Promise<boolean> {
    if (placeOf(queue).partition !== undefined) return false;
    return (await this.broker.hasQueue(partitionName(queue, 0))) ?? this.hasTraces(queue);
  }

  /** Whether the queue or a partition of it is announced; `true` while the names cannot be read. */
  async isKnown(queue: string): Promise<boolean> {
    return (await this.broker.hasQueue(queue)) !== false || this.isPartitioned(queue);
  }

  private async hasTraces(queue: string): Promise<boolean> {
    let isUsed = false;
    const asked = Array.from({ length: PARTITIONS_TRIED }, async (_, index) => {
      const stats = await this.broker.queueStats(partitionName(queue, index)).catch(() => undefined);
      isUsed ||= stats !== undefined && hasBeenUsed(stats);
    });
    await within(systemClock, TRACES_TIMEOUT_MS, Promise.all(asked));
    return isUsed;
  }

  /** `undefined`: none of its ordinary queues holds the task. Of several tasks of this id the one in the first partition. */
  async find(queue: string, taskId: string): Promise<FoundTask | undefined> {
    const names = await this.namesOf(queue);
    const tasks = await Promise.all(names.map((name) => this.broker.findTask(name, taskId)));
    const at = tasks.findIndex((task) => task !== undefined);
    return at < 0 ? undefined : { name: names[at]!, task: tasks[at]! };
  }

  /** The ordinary queue that holds the task; the queue itself, for the error, when none does. */
  async locate(queue: string, taskId: string): Promise<string> {
    const names = await this.namesOf(queue);
    if (names.length === 1) return names[0]!;
    return (await this.find(queue, taskId))?.name ?? queue;
  }
}

const hasBeenUsed = ({ counts, processedTotal, isPaused }: QueueStats): boolean =>
  isPaused || processedTotal > 0 || Object.values(counts).some((count) => count > 0);
