import type { QueuesWatch, WakeOps } from '../../broker/contract/wake.js';
import { monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { Duties } from './duties.js';
import { LEADER_HEAD_START_MS } from './queue-watcher.js';
import type { WorkDemand } from './work-demand.js';

export interface QueuePollerOptions {
  /** Interval between polls; jittered by half. */
  readonly pollIntervalMs: number;
}

/**
 * Detects work in any number of queues without a connection for each, while the processor wants some:
 *
 * - the leader of a queue looks at it once, and hears of the next task
 * - the standby does the same, gives the leader a head start, and steps in if the task is still there
 * - every server polls, all queues in one call: followers, and in case a change was not reported
 */
export class QueuePoller extends Loop {
  private readonly queues = new Set<string>();
  /** Queues to look at: from then on their changes are reported. */
  private readonly unseen = new Set<string>();
  private watch: QueuesWatch | undefined;
  private nextPollAtMs = 0;

  constructor(
    private readonly broker: Pick<WakeOps, 'watchQueues' | 'waitingQueues'>,
    private readonly duties: Pick<Duties, 'isLeader' | 'isLookout'>,
    private readonly demand: WorkDemand,
    private readonly options: QueuePollerOptions,
    deps: LoopDeps,
  ) {
    super('poll of the queues', deps);
  }

  add(queue: string): void {
    this.queues.add(queue);
    this.lookAt(queue);
  }

  /** Checks a queue now, if this server leads it or stands by. */
  lookAt(queue: string): void {
    this.unseen.add(queue);
    this.wake();
  }

  /** Looks at queues, and polls all of them when a poll is due. Sleeps until then, or without any until `add`. */
  async runOnce(): Promise<number | undefined> {
    if (this.queues.size === 0) return undefined;
    try {
      await this.look();
    } finally {
      await this.pollWhenDue(); // also while queues cannot be watched
    }
    return Math.max(0, this.nextPollAtMs - monotonicMs(this.clock));
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.closeWatch();
  }

  private async pollWhenDue(): Promise<void> {
    const nowMs = monotonicMs(this.clock);
    if (nowMs < this.nextPollAtMs) return;
    this.nextPollAtMs = nowMs + this.options.pollIntervalMs * (0.5 + this.random());
    this.signal(await this.broker.waitingQueues([...this.queues].filter((queue) => this.demand.isWatched(queue))));
  }

  private async look(): Promise<void> {
    const isSought = (queue: string): boolean =>
      this.demand.isWatched(queue) && !this.demand.isPassing(queue) && this.duties.isLookout(queue);
    const queues = [...this.unseen].filter(isSought);
    this.unseen.clear(); // the others are looked at when they are watched, or when this server gets a duty
    if (queues.length === 0) return;
    try {
      this.watch ??= await this.openWatch();
      this.signal(await this.watch.waiting(queues));
    } catch (error) {
      await this.closeWatch();
      this.lookAtAll();
      throw error;
    }
  }

  private openWatch(): Promise<QueuesWatch> {
    return this.broker.watchQueues({
      onChange: (queue) => this.noteChange(queue),
      onLost: () => this.lookAtAll(),
    });
  }

  private noteChange(queue: string): void {
    if (!this.demand.isWatched(queue) || this.stopSignal.aborted) return;
    if (this.duties.isLeader(queue)) this.demand.signal(queue);
    else this.clock.setTimer(() => this.lookAt(queue), this.clock.leaps ? 0 : LEADER_HEAD_START_MS);
  }

  private signal(queues: readonly string[]): void {
    for (const queue of queues) if (this.demand.isWatched(queue)) this.demand.signal(queue);
  }

  private lookAtAll(): void {
    for (const queue of this.queues) this.unseen.add(queue);
    this.wake();
  }

  private async closeWatch(): Promise<void> {
    const { watch } = this;
    this.watch = undefined;
    await watch?.close();
  }
}
