import type { HealthOps } from '../../broker/contract/health.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';

/** The clocks of well-kept machines differ by less. */
const LARGEST_SKEW_MS = 1_000;

/** Checks Redis once, as soon as it can be reached, and warns of settings that would lose or delay tasks. */
export class BrokerCheck extends Loop {
  constructor(
    private readonly broker: Pick<HealthOps, 'facts'>,
    deps: LoopDeps,
  ) {
    super('Redis check', deps);
  }

  async runOnce(): Promise<undefined> {
    const { version, evictionPolicy, clockSkewMs } = await this.broker.facts();
    if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction') {
      const remedy = 'it may delete tasks when memory runs short; set maxmemory-policy to noeviction';
      this.logger.warn(`Redis evicts keys: ${remedy}`, { version, evictionPolicy });
    }
    if (evictionPolicy === undefined)
      this.logger.info('Redis does not show its maxmemory-policy; it must be noeviction');
    if (clockSkewMs !== undefined && Math.abs(clockSkewMs) > LARGEST_SKEW_MS) {
      const skewMs = Math.round(clockSkewMs);
      const difference = `the clock of Redis' machine differs from ours by ${skewMs} ms`;
      const matters = "delays and leases go by Redis' clock, but dates that are made here, and servers of Go, do not";
      this.logger.warn(`${difference}: ${matters}; synchronize them`, { version, skewMs });
    }
  }
}
