import type { HealthOps } from '../../broker/contract/health.js';
import { asError } from '../../errors/as-error.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import { callGuarded } from '../../runtime/user-callback.js';

/** Pings the broker and reports to `onHealthCheck`. The first ping is after one interval, as in asynq. */
export class HealthCheck extends Loop {
  private isFirst = true;

  constructor(
    private readonly broker: Pick<HealthOps, 'ping'>,
    private readonly intervalMs: number,
    private readonly onResult: (error: Error | undefined) => unknown,
    deps: LoopDeps,
  ) {
    super('health check', deps);
  }

  async runOnce(): Promise<number> {
    if (this.isFirst) this.isFirst = false;
    else this.tell(await this.broker.ping().then(() => undefined, asError));
    return this.intervalMs;
  }

  private tell(result: Error | undefined): void {
    callGuarded(
      () => this.onResult(result),
      (error) => this.logger.error('onHealthCheck failed', { error }),
    );
  }
}
