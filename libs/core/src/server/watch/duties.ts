import type { ForwardOps } from '../../broker/contract/forward.js';
import type { Duty, WakeOps } from '../../broker/contract/wake.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { Rounds } from '../../runtime/rounds.js';
import { Subscription } from '../../runtime/subscription.js';
import { QueueDuty } from './queue-duty.js';
import type { WorkDemand } from './work-demand.js';

/** Bounds of a duty's lease. */
const LONGEST_LEASE_MS = 6_000;
const SHORTEST_LEASE_MS = 2_000;
/**
 * A lost leader is replaced after one and a half leases of its duty at most: then the leases of its tasks, the last of
 * which it extended up to a third of a lease ago, have hardly ended.
 */
const DUTIES_PER_LEASE = 2;

export interface DutiesOptions {
  readonly serverId: string;
  /** How long a duty outlives its holder. */
  readonly leaseMs: number;
  /** Called when this server becomes leader or standby of a queue. */
  readonly onGained: (queue: string, duty: Duty) => void;
}

/** How long a duty outlives its holder: not so long that it delays the recovery of its tasks. */
export const dutyLeaseMs = (taskLeaseMs: number): number =>
  Math.min(Math.max(Math.floor(taskLeaseMs / DUTIES_PER_LEASE), SHORTEST_LEASE_MS), LONGEST_LEASE_MS);

/** This server's duties for all of its queues. */
export class Duties extends Rounds {
  private readonly duties = new Map<string, QueueDuty>();
  /** Queues whose step is running: its end decides when the next is due. */
  private readonly stepping = new Set<string>();
  private readonly nudges = new Map<string, Subscription>();

  constructor(
    private readonly broker: Pick<WakeOps, 'takeDuty' | 'keepDuty' | 'dropDuty' | 'wakeIdle'> &
      Pick<ForwardOps, 'onNudge'>,
    private readonly demand: WorkDemand,
    private readonly options: DutiesOptions,
    private readonly loopDeps: LoopDeps,
  ) {
    super((queue) => `duty of queue "${queue}"`, loopDeps);
  }

  override add(queue: string): void {
    const { serverId, leaseMs, onGained } = this.options;
    const onOwnGained = (duty: Duty): void => {
      if (!this.stepping.has(queue)) this.wake(queue); // so that the duty is extended in time
      onGained(queue, duty);
    };
    const options = { queue, serverId, leaseMs, onGained: onOwnGained };
    this.duties.set(queue, new QueueDuty(this.broker, this.demand, options, this.loopDeps));
    super.add(queue);
  }

  /** @throws {Error} the queue was not added */
  of(queue: string): QueueDuty {
    const duty = this.duties.get(queue);
    if (!duty) throw new Error(`no duty of queue "${queue}"`);
    return duty;
  }

  isLeader(queue: string): boolean {
    return this.duties.get(queue)?.isLeader() ?? false;
  }

  /** Whether this server watches the queue for work: as its leader or its standby. */
  isLookout(queue: string): boolean {
    return this.duties.get(queue)?.isLookout() ?? false;
  }

  async runOnce(queue: string): Promise<number> {
    this.stepping.add(queue);
    try {
      if (this.clock.leaps) await this.nudgesOf(queue).begin();
      return await this.of(queue).runOnce();
    } finally {
      this.stepping.delete(queue);
    }
  }

  /** A full server cannot take the work that it would detect. */
  offerAll(): void {
    for (const queue of this.duties.keys()) this.wake(queue);
  }

  /** Gives up the duties, and wakes other servers to take the lead at once. */
  override async stop(): Promise<void> {
    await super.stop();
    await Promise.all([...this.nudges.values()].map((nudges) => nudges.end()));
    await Promise.all([...this.duties].map(([queue, duty]) => this.giveUp(queue, duty)));
  }

  /** Where time leaps, a leader that leaves is not missed before the end of the leap: the broker announces it. */
  private nudgesOf(queue: string): Subscription {
    let nudges = this.nudges.get(queue);
    if (!nudges) {
      const ask = (): void => {
        if (!this.isLeader(queue)) this.wake(queue);
      };
      nudges = new Subscription(this.clock, () => this.broker.onNudge(queue, ask), ask);
      this.nudges.set(queue, nudges);
    }
    return nudges;
  }

  private async giveUp(queue: string, duty: QueueDuty): Promise<void> {
    try {
      await duty.giveUp();
    } catch (error) {
      // The duty's lease expires by itself; a standby or a follower asks within seconds.
      this.logger.debug(`the duty of queue "${queue}" could not be given up`, { error });
    }
  }
}
