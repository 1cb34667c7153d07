import { compareEventIds } from '../broker/event-id.js';
import type { EventOps, StoredEvent } from '../broker/contract/events.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { Backoff } from '../runtime/backoff.js';
import { type Clock, sleep } from '../runtime/clock.js';
import { WakeSignal } from '../runtime/wake-signal.js';
import type { QueueEvent } from '../task/queue-event.js';
import { decodeEvent } from '../wire/event-record.js';
import { type EventPage, type EventPosition, type EventTail, readAfter, type TailListener } from './event-tail.js';

/** Events that wait for a slow follower; beyond them it reads by itself. */
export const MOST_BUFFERED = 1_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

interface FollowerDeps {
  readonly broker: Pick<EventOps, 'readEvents'>;
  readonly clock: Clock;
}

/** What one follows. */
interface Followed {
  readonly queue: string;
  /** `undefined`: all tasks. */
  readonly taskId: string | undefined;
  /** Where it begins. */
  readonly from: () => Promise<EventPosition>;
}

/**
 * One who follows a queue. It reads the past by itself, in pages, and then gets what the tail reads. One that is too slow
 * for that reads by itself again.
 */
export class EventFollower implements TailListener {
  private readonly buffer: QueueEvent[] = [];
  /** Of the last event in the buffer, or before it. */
  private position: EventPosition | undefined;
  /** Gets what the tail reads. */
  private isLive = false;
  private failure: { readonly error: unknown } | undefined;
  private readonly wakeSignal: WakeSignal;
  private readonly closing = new AbortController();

  constructor(
    private readonly followed: Followed,
    private readonly tail: EventTail,
    private readonly deps: FollowerDeps,
  ) {
    this.wakeSignal = new WakeSignal(deps.clock);
    tail.add(this);
  }

  /**
   * The next event; `undefined` after `close()`.
   * @throws {RedisCommandError} the stream cannot be read
   */
  async next(): Promise<QueueEvent | undefined> {
    const pauses = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    while (!this.closing.signal.aborted) {
      const event = this.buffer.shift();
      if (event) return event;
      if (this.failure) throw this.failure.error;
      if (this.isLive) {
        await this.wakeSignal.wait(this.closing.signal);
        continue;
      }
      try {
        await this.catchUp();
        pauses.reset();
      } catch (error) {
        if (!(error instanceof RedisCommandError) || !error.isTransient) throw error;
        await sleep(this.deps.clock, pauses.nextMs(), this.closing.signal);
      }
    }
    return undefined;
  }

  close(): void {
    this.closing.abort();
    this.tail.remove(this);
    this.buffer.length = 0;
  }

  onPage(page: EventPage): void {
    if (!this.isLive) return;
    this.take(page);
    if (this.buffer.length > MOST_BUFFERED) this.isLive = false; // the stream has the rest
    this.wakeSignal.send();
  }

  onFailed(error: unknown): void {
    this.failure = { error };
    this.wakeSignal.send();
  }

  private async catchUp(): Promise<void> {
    this.position ??= await this.followed.from();
    const known = this.tail.position?.id;
    const page = await readAfter(this.deps.broker, this.followed.queue, this.position);
    this.take(page);
    // What the tail has read before this page was in the stream for it; what it reads from now on comes to this one.
    if (page.isFull || this.tail.position?.id !== known) return;
    this.tail.position ??= this.position;
    this.isLive = true;
    this.tail.wake();
  }

  private take({ entries, isGap, next }: EventPage): void {
    const { queue } = this.followed;
    const { id: lastId } = this.position!;
    if (isGap) {
      const at = new Date(this.deps.clock.nowMs());
      this.buffer.push({ kind: 'missed', queue, count: undefined, at, eventId: lastId });
    }
    for (const entry of entries) if (compareEventIds(entry.id, lastId) > 0) this.keep(entry);
    if (compareEventIds(next.id, lastId) >= 0) this.position = next;
  }

  private keep({ id, event }: StoredEvent): void {
    const fields = decodeEvent(event);
    const { taskId } = this.followed;
    const isWanted = fields && (taskId === undefined || fields.kind === 'missed' || fields['id'] === taskId);
    if (isWanted) this.buffer.push({ ...fields, eventId: id } as unknown as QueueEvent);
  }
}
