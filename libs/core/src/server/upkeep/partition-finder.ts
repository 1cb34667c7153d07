import type { QueueOps } from '../../broker/contract/queues.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { placeOf } from '../../partitions/partition-name.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';

/** How long tasks wait at most in a partition unknown to this server. */
const LOOK_EVERY_MS = 10_000;
/** The same for a server that knows of no partitions: every check costs idle fleets commands. */
const LOOK_FOR_FIRST_MS = 60_000;

/**
 * Finds partitions of the server's queues that it does not serve and that hold tasks: those left over after the number
 * was reduced, and those of clients with a larger number. The server serves them until it ends.
 */
export class PartitionFinder extends Loop {
  private readonly served: Set<string>;
  /** Whether any queue is known to have partitions. */
  private isPartitioned: boolean;
  private isRefused = false;

  /**
   * @param queues that the server serves
   * @param serve starts serving another queue
   */
  constructor(
    private readonly broker: Pick<QueueOps, 'queueNames' | 'queueStats'>,
    { queues }: { readonly queues: readonly string[] },
    private readonly serve: (queue: string, partition: string) => void,
    deps: LoopDeps,
  ) {
    super('search for partitions', deps);
    this.served = new Set(queues);
    this.isPartitioned = queues.some((name) => placeOf(name).partition !== undefined);
  }

  async runOnce(): Promise<number> {
    for (const name of await this.listedNames()) {
      const { queue, partition } = placeOf(name);
      if (partition === undefined || !this.served.has(queue) || this.served.has(name)) continue;
      this.isPartitioned = true;
      if (!(await this.hasTasks(name)) || this.stopSignal.aborted) continue;
      this.served.add(name);
      this.logger.info('serving a partition beyond the number in "queues", because it holds tasks', {
        queue,
        partition,
      });
      this.serve(queue, name);
    }
    return this.isPartitioned ? LOOK_EVERY_MS : LOOK_FOR_FIRST_MS;
  }

  /** None when they cannot be read: the next check tries again. */
  private async listedNames(): Promise<readonly string[]> {
    try {
      return await this.broker.queueNames();
    } catch (error) {
      if (!(error instanceof RedisCommandError)) throw error;
      this.note(error);
      return [];
    }
  }

  /** A permanent refusal, such as a missing right, is logged once, if it may hide tasks. */
  private note(error: RedisCommandError): void {
    const isNews = !error.isTransient && !this.isRefused && this.isPartitioned;
    this.isRefused ||= !error.isTransient;
    const message = 'could not read the names of queues; partitions beyond the number in "queues" are not served';
    this.logger[isNews ? 'warn' : 'debug'](message, { error });
  }

  /** Tasks in any state: completed and archived ones have to be trimmed. */
  private async hasTasks(name: string): Promise<boolean> {
    try {
      const stats = await this.broker.queueStats(name);
      return stats !== undefined && Object.values(stats.counts).some((count) => count > 0);
    } catch (error) {
      if (!(error instanceof RedisCommandError)) throw error;
      this.logger.debug('could not check a partition', { partition: name, error }); // its node is unavailable: the next check tries again
      return false;
    }
  }
}
