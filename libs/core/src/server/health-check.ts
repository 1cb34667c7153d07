import type { HealthOps } from '../broker/roles.js';
import { Loop, type LoopDeps } from '../runtime/loop.js';

/** Asks the broker for a sign of life and tells the user. First after one interval, as asynq does. */
export class HealthCheck extends Loop {
  private isFirst = true;

  constructor(
    private readonly broker: Pick<HealthOps, 'ping'>,
    private readonly intervalMs: number,
    private readonly onResult: (error: Error | undefined) => void,
    deps: LoopDeps,
  ) {
    super('health check', deps);
  }

  async runOnce(): Promise<number> {
    if (this.isFirst) this.isFirst = false;
    else this.tell(await this.ping());
    return this.intervalMs;
  }

  private async ping(): Promise<Error | undefined> {
    try {
      await this.broker.ping();
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  private tell(result: Error | undefined): void {
    try {
      this.onResult(result);
    } catch (error) {
      this.logger.error('onHealthCheck failed', { error });
    }
  }
}
