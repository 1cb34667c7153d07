import type { QueuesWatch, WakeOps } from '../../broker/contract/wake.js';
import { monotonicMs } from '../../runtime/clock.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { Duties } from './duties.js';
import { LEADER_HEAD_START_MS } from './queue-watcher.js';
import type { WorkDemand } from './work-demand.js';

export interface ChangeWatcherOptions {
  /** How often such queues are looked at anyway, in case a change was not reported; jittered by half. */
  readonly pollIntervalMs: number;
}

/**
 * Watches queues at whose heads tasks stay that this server leaves there for now, because their handlers run as many as they may.
 * Such a queue always has pending tasks, so leader and standby wait for its next change instead: a task that is pushed behind
 * those. One fetch follows the request to report it, for changes that came before.
 */
export class ChangeWatcher extends Loop {
  private readonly unasked = new Set<string>();
  /** Whose next change will be reported. */
  private readonly awaited = new Set<string>();
  private watch: QueuesWatch | undefined;
  private nextPollAtMs = Infinity;

  constructor(
    private readonly broker: Pick<WakeOps, 'watchQueues'>,
    private readonly duties: Pick<Duties, 'isLeader' | 'isLookout'>,
    private readonly demand: WorkDemand,
    private readonly options: ChangeWatcherOptions,
    deps: LoopDeps,
  ) {
    super('watch of changes', deps);
  }

  /** The processor has fetched what it may, and waits for the next change of the queue. */
  await(queue: string): void {
    if (!this.awaited.has(queue)) this.unasked.add(queue);
    else if (this.nextPollAtMs < Infinity) return;
    this.wake();
  }

  async runOnce(): Promise<number | undefined> {
    const queues = [...this.unasked].filter((queue) => this.isSought(queue));
    this.unasked.clear();
    try {
      await this.ask(queues.filter((queue) => this.duties.isLookout(queue)));
    } finally {
      this.pollWhenDue();
    }
    return this.nextPollAtMs === Infinity ? undefined : Math.max(0, this.nextPollAtMs - monotonicMs(this.clock));
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.closeWatch();
  }

  private isSought(queue: string): boolean {
    return this.demand.isPassing(queue) && this.demand.isWatched(queue);
  }

  private async ask(queues: readonly string[]): Promise<void> {
    if (queues.length === 0) return;
    try {
      this.watch ??= await this.broker.watchQueues({
        onChange: (queue) => this.noteChange(queue),
        onLost: () => this.noteLost(),
      });
      for (const queue of queues) this.awaited.add(queue); // before the answer, which a change may overtake
      await this.watch.awaitChanges(queues);
    } catch (error) {
      this.awaited.clear();
      for (const queue of queues) this.unasked.add(queue);
      await this.closeWatch();
      throw error;
    }
    for (const queue of queues) if (this.demand.isWatched(queue)) this.demand.signal(queue);
  }

  /** Followers wait for tokens, too, and where nothing is reported nobody else would look. */
  private pollWhenDue(): void {
    const nowMs = monotonicMs(this.clock);
    const { passing } = this.demand;
    if (passing.length > 0 && nowMs < this.nextPollAtMs && this.nextPollAtMs < Infinity) return;
    const isDue = nowMs >= this.nextPollAtMs;
    const intervalMs = this.options.pollIntervalMs * (0.5 + this.random());
    this.nextPollAtMs = passing.length > 0 ? nowMs + intervalMs : Infinity;
    if (!isDue) return;
    for (const queue of passing) if (this.demand.isWatched(queue)) this.demand.signal(queue);
  }

  private noteChange(queue: string): void {
    this.awaited.delete(queue);
    if (this.stopSignal.aborted || !this.isSought(queue)) return;
    if (this.duties.isLeader(queue)) return this.demand.signal(queue);
    this.clock.setTimer(() => {
      if (!this.stopSignal.aborted && this.isSought(queue)) this.demand.signal(queue);
    }, LEADER_HEAD_START_MS);
  }

  private noteLost(): void {
    for (const queue of this.awaited) this.unasked.add(queue);
    this.awaited.clear();
    this.wake();
  }

  private async closeWatch(): Promise<void> {
    const { watch } = this;
    this.watch = undefined;
    await watch?.close();
  }
}
