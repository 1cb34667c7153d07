import type { Clock } from './clock.js';
import { within } from './within.js';

/** How long to wait for the subscription, or its end; an unresponsive cluster node would delay a loop for seconds. */
const MAX_WAIT_MS = 500;

/** Never rejects. */
type End = () => Promise<void>;

/** A subscription that a loop, or a wait, opens before it checks, so that it misses nothing. */
export class Subscription {
  private opening: Promise<void> | undefined;
  private endListening: End | undefined;
  private isWanted = false;

  /** @param onLate called when the subscription opens late: the loop has already checked, and must check again */
  constructor(
    private readonly clock: Clock,
    private readonly subscribe: () => Promise<End>,
    private readonly onLate: () => void,
  ) {}

  get isOpen(): boolean {
    return this.endListening !== undefined;
  }

  /**
   * Subscribes, in the background if the broker does not answer in time.
   * @throws what `subscribe` throws in time; the next call tries again
   */
  async begin(): Promise<void> {
    this.isWanted = true;
    if (this.endListening) return;
    let failure: { readonly error: unknown } | undefined;
    let isLate = false;
    this.opening ??= this.open(() => isLate && this.onLate()).finally(() => (this.opening = undefined));
    const opened = this.opening.catch((error: unknown) => void (failure = { error }));
    isLate = !(await within(this.clock, MAX_WAIT_MS, opened));
    if (failure) throw failure.error;
  }

  /**
   * Ends the subscription, in the background if the broker does not answer in time. A pending one is ended once it
   * opens.
   */
  async end(): Promise<void> {
    this.isWanted = false;
    const { endListening } = this;
    this.endListening = undefined;
    if (endListening) await within(this.clock, MAX_WAIT_MS, endListening());
  }

  private async open(onOpen: () => void): Promise<void> {
    const endListening = await this.subscribe();
    if (!this.isWanted) return endListening();
    this.endListening = endListening;
    onOpen();
  }
}
