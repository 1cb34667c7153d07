import type { WaitOps } from '../../../broker/contract/waiting.js';
import { Loop, type LoopDeps } from '../../../runtime/loop.js';

/** Receives cancel requests from our inspectors and Go's. A request published while Redis is down is lost. */
export class CancelListener extends Loop {
  private unsubscribe: (() => Promise<void>) | undefined;

  constructor(
    private readonly broker: Pick<WaitOps, 'onCancel'>,
    private readonly cancel: (taskId: string) => void,
    deps: LoopDeps,
  ) {
    super('cancel listener', deps);
  }

  /** Subscribes. After the first success the broker keeps the subscription alive. */
  async runOnce(): Promise<undefined> {
    this.unsubscribe ??= await this.broker.onCancel(this.cancel);
  }

  override async stop(): Promise<void> {
    await super.stop();
    const unsubscribe = this.unsubscribe;
    this.unsubscribe = undefined;
    await unsubscribe?.();
  }
}
