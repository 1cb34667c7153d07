import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { Leadership } from '../watch/work-watcher.js';

/** Upkeep of one queue, run by its leader alone. Starts when this server is elected, rests while it is not the leader. */
export abstract class LeaderLoop extends Loop {
  private endElected: (() => void) | undefined;

  /** @param restMs longest time until a server that lost the lead notices it here */
  constructor(
    part: string,
    protected readonly queue: string,
    private readonly leadership: Leadership,
    private readonly restMs: number,
    deps: LoopDeps,
  ) {
    super(`${part} of queue "${queue}"`, deps);
  }

  override start(): void {
    this.endElected ??= this.leadership.onElected((queue) => {
      if (queue === this.queue) this.wake();
    });
    super.start();
  }

  override async stop(): Promise<void> {
    this.endElected?.();
    this.endElected = undefined;
    await super.stop();
    await this.rest();
  }

  async runOnce(): Promise<number> {
    if (this.leadership.isLeader(this.queue)) return this.runAsLeader();
    await this.rest();
    return this.restMs;
  }

  /** One step of the leader; returns the sleep until the next, in ms. */
  protected abstract runAsLeader(): Promise<number>;

  /** Releases what only a leader needs. */
  protected async rest(): Promise<void> {}
}
