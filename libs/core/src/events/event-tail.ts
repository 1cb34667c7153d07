import { compareEventIds } from '../broker/event-id.js';
import { type EventOps, MOST_EVENTS, type StoredEvent } from '../broker/contract/events.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { Loop, type LoopDeps } from '../runtime/loop.js';
import { Subscription } from '../runtime/subscription.js';

/** How often the stream is looked at without a hint, which may be lost, or which Redis may refuse to send. */
const LOOK_EVERY_MS = 1_000;

/** Up to where a stream was read. */
export interface EventPosition {
  readonly id: string;
  /** Whether there was an entry of this id: if it is gone, others may be gone, too. */
  readonly isEntry: boolean;
}

/** What follows a position in a stream. */
export interface EventPage {
  readonly entries: readonly StoredEvent[];
  /** The entry at the position is gone, and perhaps others after it. */
  readonly isGap: boolean;
  /** There may be more. */
  readonly isFull: boolean;
  /** Where the next page begins. */
  readonly next: EventPosition;
}

export async function readAfter(
  broker: Pick<EventOps, 'readEvents'>,
  queue: string,
  { id, isEntry }: EventPosition,
): Promise<EventPage> {
  const found = await broker.readEvents(queue, id);
  const isThere = found[0] !== undefined && compareEventIds(found[0].id, id) === 0;
  const entries = isThere ? found.slice(1) : found.slice(0, MOST_EVENTS);
  const last = entries.at(-1);
  return {
    entries,
    isGap: isEntry && !isThere,
    isFull: found.length > MOST_EVENTS,
    next: last ? { id: last.id, isEntry: true } : { id, isEntry: isThere },
  };
}

/** Receives what a tail reads. */
export interface TailListener {
  onPage(page: EventPage): void;
  /** The stream cannot be read, and will not be. */
  onFailed(error: unknown): void;
}

/** Reads new events of one queue for all who follow it in this program: at a hint, and every second. */
export class EventTail extends Loop {
  private readonly listeners = new Set<TailListener>();
  private readonly hints: Subscription;
  /** `undefined` until the first listener has read the past, and says where new events begin. */
  position: EventPosition | undefined;

  constructor(
    private readonly broker: EventOps,
    private readonly queue: string,
    deps: LoopDeps,
  ) {
    super(`reader of the events of queue "${queue}"`, deps, LOOK_EVERY_MS);
    const listen = (): Promise<() => Promise<void>> => broker.onEvents(queue, (lastId) => this.onHint(lastId));
    this.hints = new Subscription(deps.clock, listen, () => this.wake());
  }

  get isUnheard(): boolean {
    return this.listeners.size === 0;
  }

  add(listener: TailListener): void {
    this.listeners.add(listener);
  }

  remove(listener: TailListener): void {
    this.listeners.delete(listener);
  }

  async runOnce(): Promise<number> {
    try {
      await this.hints.begin();
      if (!this.position) return LOOK_EVERY_MS;
      const page = await readAfter(this.broker, this.queue, this.position);
      this.position = page.next;
      if (page.entries.length > 0 || page.isGap) for (const listener of [...this.listeners]) listener.onPage(page);
      return page.isFull ? 0 : LOOK_EVERY_MS;
    } catch (error) {
      if (error instanceof RedisCommandError && error.isTransient) throw error;
      for (const listener of [...this.listeners]) listener.onFailed(error);
      return LOOK_EVERY_MS;
    }
  }

  override async stop(): Promise<void> {
    await super.stop();
    await this.hints.end();
  }

  private onHint(lastId: string): void {
    if (this.position && compareEventIds(lastId, this.position.id) > 0) this.wake();
  }
}
