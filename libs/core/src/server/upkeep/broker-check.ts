import type { HealthOps } from '../../broker/contract/health.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';

/** With clocks further apart than this, leases end early and delayed tasks start at the wrong time. */
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
      this.logger.warn(`the clock of Redis' machine differs from ours by ${skewMs} ms; synchronize them`, {
        version,
        skewMs,
      });
    }
  }
}
