import type { HealthOps } from '../../broker/contract/health.js';
import { MissingRightsError } from '../../errors/missing-rights.error.js';
import { UnsupportedRedisError } from '../../errors/unsupported-redis.error.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';

/** The clocks of synchronized machines differ by less. */
const LARGEST_SKEW_MS = 1_000;

/** Checks Redis once, as soon as it is reachable, and warns about settings that would lose or delay tasks. */
export class BrokerCheck extends Loop {
  /** @param queue any queue of the server; represents all in the check of rights */
  constructor(
    private readonly broker: Pick<HealthOps, 'checkVersion' | 'facts' | 'missingRights'>,
    private readonly queue: string,
    deps: LoopDeps,
  ) {
    super('Redis check', deps);
  }

  /** The start of a server checks version and rights too, but does not wait for Redis. */
  async runOnce(): Promise<undefined> {
    const rights = await this.broker.missingRights(this.queue);
    if (rights.length > 0) this.logger.error(new MissingRightsError(rights).message);
    await this.checkVersion();
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

  private async checkVersion(): Promise<void> {
    try {
      await this.broker.checkVersion();
    } catch (error) {
      if (!(error instanceof UnsupportedRedisError)) throw error;
      this.logger.error(error.message);
    }
  }
}
