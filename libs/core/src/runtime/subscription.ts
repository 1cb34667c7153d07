import type { Clock } from './clock.js';
import { within } from './within.js';

/** How long a loop waits until it is heard; a node of a cluster that is silent would hold it up for seconds. */
const PATIENCE_MS = 500;

type End = () => Promise<void>;

/** What a loop listens to before it looks, so that it misses nothing. */
export class Subscription {
  private opening: Promise<void> | undefined;
  private endListening: End | undefined;
  private isWanted = false;

  /** @param onLate the loop has looked meanwhile, and should look again */
  constructor(
    private readonly clock: Clock,
    private readonly subscribe: () => Promise<End>,
    private readonly onLate: () => void,
  ) {}

  /**
   * Listens from now on, or soon when the broker does not answer.
   * @throws what `subscribe` throws in time; the next call tries again
   */
  async begin(): Promise<void> {
    this.isWanted = true;
    if (this.endListening) return;
    let failure: { readonly error: unknown } | undefined;
    let isLate = false;
    this.opening ??= this.open(() => isLate && this.onLate()).finally(() => (this.opening = undefined));
    const opened = this.opening.catch((error: unknown) => void (failure = { error }));
    isLate = !(await within(this.clock, PATIENCE_MS, opened));
    if (failure) throw failure.error;
  }

  /** Waits for no subscription under way: it is ended when it comes. */
  async end(): Promise<void> {
    this.isWanted = false;
    const { endListening } = this;
    this.endListening = undefined;
    await endListening?.();
  }

  private async open(onOpen: () => void): Promise<void> {
    const endListening = await this.subscribe();
    if (!this.isWanted) return endListening();
    this.endListening = endListening;
    onOpen();
  }
}
