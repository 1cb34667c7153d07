import type { ForwardOps } from '../../broker/contract/forward.js';
import type { LoopDeps } from '../../runtime/loop.js';
import { Subscription } from '../../runtime/subscription.js';
import { LeaderRounds } from './leader-rounds.js';
import type { Leadership } from '../watch/work-watcher.js';

/** Maximum number of tasks that one call moves: Redis serves no other client while a script runs. */
const BATCH = 500;
/** Delay after a due task did not move: its hash is broken, or our clock is ahead of the broker's. */
const STUCK_MS = 100;

interface ForwarderOptions {
  /** Maximum interval between checks: Go peers schedule tasks without a nudge. */
  readonly intervalMs: number;
}

/**
 * Moves the due tasks of queues from `scheduled` and `retry` to `pending`. Rests until the next one is due, so that it
 * starts to the millisecond; a nudge announces a task that is due sooner.
 */
export class Forwarder extends LeaderRounds {
  protected override readonly restsFor = 'due';
  private readonly nudges = new Map<string, Subscription>();

  constructor(
    private readonly broker: ForwardOps,
    leadership: Leadership,
    queues: readonly string[],
    private readonly options: ForwarderOptions,
    deps: LoopDeps,
  ) {
    super('forwarder', leadership, queues, deps);
  }

  protected async runAsLeader(queue: string): Promise<number> {
    const { intervalMs } = this.options;
    const nudges = this.nudgesOf(queue);
    if (!nudges.isOpen) await nudges.begin(); // before the check, so that nothing is missed
    for (;;) {
      const askedAtMs = this.clock.nowMs();
      const { moved, nextDueAtMs = Infinity } = await this.broker.forwardDue(queue, BATCH);
      if (moved >= BATCH && !this.stopSignal.aborted) continue; // more may be due
      if (moved === 0 && nextDueAtMs <= askedAtMs) return Math.min(STUCK_MS, intervalMs);
      return Math.min(Math.max(nextDueAtMs - this.clock.nowMs(), 0), intervalMs);
    }
  }

  protected override async rest(queue: string): Promise<void> {
    const nudges = this.nudges.get(queue);
    this.nudges.delete(queue);
    await nudges?.end();
  }

  private nudgesOf(queue: string): Subscription {
    let nudges = this.nudges.get(queue);
    if (!nudges) {
      const wake = (): void => this.wake(queue);
      nudges = new Subscription(this.clock, () => this.broker.onNudge(queue, wake), wake);
      this.nudges.set(queue, nudges);
    }
    return nudges;
  }
}
