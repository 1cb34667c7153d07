// Imported, so that a test's fake timers, which replace the globals, do not block calls.
import { setImmediate } from 'node:timers';
import type { EventOps } from '../broker/contract/events.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { Backoff } from '../runtime/backoff.js';
import { type Clock, monotonicMs, sleep } from '../runtime/clock.js';
import { LogLimit } from '../runtime/log-limit.js';
import type { Logger } from '../runtime/logger.js';
import { within } from '../runtime/within.js';
import { publishedEvent } from '../task/queue-event.js';
import type { TaskEvent, TaskEventListener } from '../task/task-event.js';
import { encodeEvent } from '../wire/event-record.js';
import type { PublishSettings } from './publish-options.js';

/** Events per call: Redis serves no other client while a script runs. */
const LARGEST_BATCH = 500;
/** Maximum number of events that wait while Redis is away, of all queues together. */
export const MOST_WAITING = 10_000;
/** How long events are dropped at once after Redis has refused some. */
const REFUSED_FOR_MS = 30_000;
const LOG_EVERY_MS = 30_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** How long `close` waits for the last events. */
const LAST_WORD_MS = 1_000;

/** The events of one queue. One call per lane is in flight at a time; events that arrive during it go into the next. */
interface Lane {
  /** JSON, oldest first. */
  waiting: string[];
  /** How many were dropped since the last call. */
  missed: number;
  isBusy: boolean;
}

/**
 * Publishes the events of this process to the streams of their queues: those of one turn of the event loop together. Never
 * holds up a task: while Redis is away some events wait, and older ones are dropped and counted.
 */
export class EventPublisher {
  private readonly lanes = new Map<string, Lane>();
  private readonly drains = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private readonly logs: LogLimit;
  private waiting = 0;
  private refusedUntilMs = 0;
  private isFlushing = false;
  /** How many events were never published. */
  dropped = 0;

  constructor(
    private readonly broker: Pick<EventOps, 'publishEvents'>,
    private readonly settings: PublishSettings,
    private readonly deps: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.logs = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  /** Takes an event. Never throws. */
  note(event: TaskEvent): void {
    if (!this.settings.kinds.has(event.kind) || this.stopping.signal.aborted) return;
    const lane = this.lane(event.queue);
    if (monotonicMs(this.deps.clock) < this.refusedUntilMs) return this.drop(lane, 1);
    if (this.waiting >= MOST_WAITING) {
      if (lane.waiting.length === 0) return this.drop(lane, 1); // those of other queues fill the room
      lane.waiting.shift();
      this.waiting--;
      this.drop(lane, 1);
    }
    lane.waiting.push(encodeEvent(publishedEvent(event)));
    this.waiting++;
    if (this.isFlushing) return;
    this.isFlushing = true;
    setImmediate(() => this.flush());
  }

  /** Waits a moment for the last events. Later ones are ignored. */
  async close(): Promise<void> {
    if (this.isFlushing) this.flush();
    const { clock, logger } = this.deps;
    const isDone = await within(clock, LAST_WORD_MS, Promise.all(this.drains));
    this.stopping.abort();
    if (!isDone && this.waiting > 0) logger.warn('events were not published before the end', { events: this.waiting });
  }

  private lane(queue: string): Lane {
    let lane = this.lanes.get(queue);
    if (!lane) this.lanes.set(queue, (lane = { waiting: [], missed: 0, isBusy: false }));
    return lane;
  }

  private flush(): void {
    this.isFlushing = false;
    for (const [queue, lane] of this.lanes) {
      if (lane.isBusy || lane.waiting.length === 0) continue;
      lane.isBusy = true;
      const drain = this.drain(queue, lane).finally(() => this.drains.delete(drain));
      this.drains.add(drain);
    }
  }

  /** Never rejects. */
  private async drain(queue: string, lane: Lane): Promise<void> {
    const pauses = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    while (lane.waiting.length > 0 && !this.stopping.signal.aborted) {
      if (await this.send(queue, lane)) pauses.reset();
      else await sleep(this.deps.clock, pauses.nextMs(), this.stopping.signal);
    }
    lane.isBusy = false;
    if (lane.waiting.length === 0 && lane.missed === 0) this.lanes.delete(queue);
  }

  /** `false`: the events of the batch wait again. */
  private async send(queue: string, lane: Lane): Promise<boolean> {
    const batch = lane.waiting.splice(0, LARGEST_BATCH);
    const { missed } = lane;
    lane.missed = 0;
    const at = new Date(this.deps.clock.nowMs());
    const first = missed > 0 ? [encodeEvent({ kind: 'missed', queue, count: missed, at })] : [];
    try {
      await this.broker.publishEvents(queue, [...first, ...batch], this.settings.limits);
      this.waiting -= batch.length;
      return true;
    } catch (error) {
      lane.missed += missed;
      return this.sortFailed(queue, lane, batch, error);
    }
  }

  /** Only what was surely not written is sent again. */
  private sortFailed(queue: string, lane: Lane, batch: readonly string[], error: unknown): boolean {
    const isAway = error instanceof RedisCommandError && error.isTransient;
    if (this.logs.allows(isAway ? 'away' : 'refused')) {
      const what = isAway ? 'events cannot be published at the moment' : 'Redis refuses the events of tasks';
      this.deps.logger.warn(`${what}; tasks are not affected`, { queue, dropped: this.dropped, error });
    }
    if (isAway && !error.isOutcomeUnknown) {
      lane.waiting.unshift(...batch);
      return false;
    }
    const lost = isAway ? batch.length : batch.length + lane.waiting.splice(0).length;
    this.waiting -= lost;
    this.drop(lane, lost);
    if (!isAway) this.refusedUntilMs = monotonicMs(this.deps.clock) + REFUSED_FOR_MS;
    return false;
  }

  private drop(lane: Lane, count: number): void {
    lane.missed += count;
    this.dropped += count;
  }
}

/** A listener that publishes, too. */
export function publishingTo(
  publisher: EventPublisher | undefined,
  listener: TaskEventListener | undefined,
): TaskEventListener | undefined {
  if (!publisher) return listener;
  return (event) => {
    publisher.note(event);
    listener?.(event);
  };
}
