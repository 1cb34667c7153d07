import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { Pulse } from './pulse.js';
import type { RunningLease } from './running-lease.js';

/** How long the heartbeat has, after the process was frozen, to find out which leases are still ours. */
const WAKING_MS = 500;

/** Finds leases that expired because their extension failed for too long: the heartbeat may be waiting for Redis. */
export class ExpiryCheck extends Loop {
  private isResting = false;

  constructor(
    private readonly leases: readonly (RunningLease | undefined)[],
    private readonly pulse: Pulse,
    deps: LoopDeps,
  ) {
    super('lease expiry check', deps);
  }

  /** Runs when the first lease may have expired; a new lease expires later than the existing ones. */
  async runOnce(): Promise<number | undefined> {
    const nowMs = this.clock.nowMs();
    if (!this.pulse.isSteady(nowMs)) return WAKING_MS;
    let nextEndMs = Infinity;
    for (const lease of this.leases) {
      if (!lease) continue;
      if (nowMs >= lease.expiresAtMs()) lease.lose();
      else nextEndMs = Math.min(nextEndMs, lease.expiresAtMs());
    }
    this.isResting = nextEndMs === Infinity;
    return this.isResting ? undefined : nextEndMs - nowMs;
  }

  notice(): void {
    if (this.isResting) this.wake();
  }
}
