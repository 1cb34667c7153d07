import type { ForwardOps } from '../../broker/contract/forward.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { Subscription } from '../../runtime/subscription.js';
import { LeaderLoop } from './leader-loop.js';
import type { Leadership } from '../watch/work-watcher.js';

/** Most tasks that one call may move: Redis serves nobody else while a script runs. */
const BATCH = 500;
/** Pause when a due task did not move: its hash is broken, or our clock runs ahead of the broker's. */
const STUCK_MS = 100;

export interface ForwarderOptions {
  /** Longest time between two checks: Go peers schedule tasks without a nudge. */
  readonly intervalMs: number;
}

/**
 * Moves the due tasks of one queue from `scheduled` and `retry` to `pending`. Sleeps until the next one is due, so
 * that it starts to the millisecond; a nudge announces a task that is due sooner.
 */
export class Forwarder extends LeaderLoop {
  private readonly nudges: Subscription;

  constructor(
    private readonly broker: ForwardOps,
    leadership: Leadership,
    queue: string,
    private readonly options: ForwarderOptions,
    deps: LoopDeps,
  ) {
    super('forwarder', queue, leadership, options.intervalMs, deps);
    const wake = (): void => this.wake();
    this.nudges = new Subscription(deps.clock, () => broker.onNudge(queue, wake), wake);
  }

  protected async runAsLeader(): Promise<number> {
    const { intervalMs } = this.options;
    await this.nudges.begin(); // before the check: nothing is missed
    for (;;) {
      const askedAtMs = this.clock.nowMs();
      const { moved, nextDueAtMs = Infinity } = await this.broker.forwardDue(this.queue, BATCH);
      if (moved >= BATCH && !this.stopSignal.aborted) continue; // more may be due
      if (moved === 0 && nextDueAtMs <= askedAtMs) return Math.min(STUCK_MS, intervalMs);
      return Math.min(Math.max(nextDueAtMs - this.clock.nowMs(), 0), intervalMs);
    }
  }

  protected override async rest(): Promise<void> {
    await this.nudges.end();
  }
}
