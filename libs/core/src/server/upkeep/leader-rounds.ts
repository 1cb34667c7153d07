import type { LoopDeps } from '../../runtime/loop.js';
import { Rounds } from '../../runtime/rounds.js';
import type { Leadership } from '../watch/work-watcher.js';

/**
 * Upkeep of queues, each by its leader only. A queue's turns begin when this server is elected, and rest while it is
 * not the leader.
 */
export abstract class LeaderRounds extends Rounds {
  private endElected: (() => void) | undefined;

  constructor(
    part: string,
    private readonly leadership: Leadership,
    queues: readonly string[],
    deps: LoopDeps,
  ) {
    super((queue) => `${part} of queue "${queue}"`, deps);
    for (const queue of queues) this.add(queue);
  }

  override start(): void {
    this.endElected ??= this.leadership.onElected((queue) => this.wake(queue));
    super.start();
  }

  override async stop(): Promise<void> {
    this.endElected?.();
    this.endElected = undefined;
    await super.stop();
    await Promise.all([...this.keys].map((queue) => this.rest(queue)));
  }

  runOnce(queue: string): Promise<number | undefined> {
    if (this.leadership.isLeader(queue)) return this.runAsLeader(queue);
    return this.rest(queue).then(() => undefined);
  }

  /** One step of the leader; returns the time until the next, ms. */
  protected abstract runAsLeader(queue: string): Promise<number>;

  /** Releases resources that only a leader needs. */
  protected async rest(_queue: string): Promise<void> {}
}
