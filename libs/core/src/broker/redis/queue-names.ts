import { KeyTypeError } from '../../errors/key-type.error.js';
import { Backoff } from '../../runtime/backoff.js';
import { monotonicMs, sleep, systemClock } from '../../runtime/clock.js';
import { within } from '../../runtime/within.js';
import { EncodedCommand } from './encoded-command.js';
import type { RedisLink } from './redis-link.js';

/** Most recently announced queues to remember: an app may have one per customer. */
const MOST_KNOWN = 1_000;
/** How long a task waits for the announcement of its queue, which may be stored on another node than the queue. */
const MAX_WAIT_MS = 500;
/** Delays between the attempts of a failing announcement. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** How long a queue with a backlog counts as announced. */
const BACKLOG_TRUST_MS = 1_000;

/** A queue that this process has announced. */
interface Known {
  readonly announcedAtMs: number;
  /** Whether the last write found pending tasks, which a removal of the queue takes along. */
  hasBacklog: boolean;
}

interface Announcement {
  /** Resolves when the queue is announced. */
  done: Promise<void>;
  /** Resolves then, or {@link MAX_WAIT_MS} after the first call that waits. */
  soon?: Promise<unknown>;
  /** A task was written after the command was sent: the queue may have been removed in between. */
  isOutdated: boolean;
}

/**
 * Announces queues to inspectors, in a set that is stored on one node of a cluster. Repeated with every write to a queue
 * that was empty, because an inspector may remove a queue at any time, and clients are not notified.
 */
export class QueueNames {
  /** Queues that this process has announced, the most recent last. */
  private readonly known = new Map<string, Known>();
  private readonly announcing = new Map<string, Announcement>();

  /** @param key the set */
  constructor(
    private readonly redis: RedisLink,
    private readonly key: string,
  ) {}

  /**
   * Whether a write needs no announcement, because the last one found tasks in the queue. If this one finds none, the queue may
   * have been removed in between: then {@link announceAnew}.
   */
  isSurelyListed(queue: string): boolean {
    const known = this.known.get(queue);
    return known?.hasBacklog === true && monotonicMs(this.redis.clock) - known.announcedAtMs < BACKLOG_TRUST_MS;
  }

  /** What a write has found in the queue. */
  noteBacklog(queue: string, hasBacklog: boolean): void {
    const known = this.known.get(queue);
    if (known) known.hasBacklog = hasBacklog;
  }

  /** Announces a queue that was written to without an announcement, like one that this process does not know. */
  announceAnew(queue: string): Promise<unknown> | undefined {
    this.known.delete(queue);
    return this.announce(queue);
  }

  /** Whether this process has announced the queue before. */
  isKnown(queue: string): boolean {
    return this.known.has(queue);
  }

  /**
   * Resolves when the queue is announced, and soon even if the set is unreachable. Then inspectors do not list the queue
   * for a while, but its tasks are not delayed. `undefined`: this process has announced it before. Never rejects.
   */
  announce(queue: string): Promise<unknown> | undefined {
    const isKnown = this.isKnown(queue);
    let announcement = this.announcing.get(queue);
    if (announcement) {
      announcement.isOutdated = true;
    } else {
      announcement = { isOutdated: false, done: Promise.resolve() };
      this.announcing.set(queue, announcement);
      announcement.done = this.add(queue, announcement);
    }
    if (isKnown) return undefined;
    return (announcement.soon ??= within(systemClock, MAX_WAIT_MS, announcement.done));
  }

  /** Retries until it succeeds or the link is closed. Never rejects. */
  private async add(queue: string, announcement: Announcement): Promise<void> {
    const pauses = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    while (!this.redis.isClosed) {
      try {
        announcement.isOutdated = false;
        await this.redis.command('SADD', async (client) =>
          client.sendCommand(new EncodedCommand('sadd', [this.key, queue])),
        );
        this.remember(queue);
        if (!announcement.isOutdated) break;
      } catch (error) {
        if (error instanceof KeyTypeError) this.redis.reportOdd(error);
        else this.redis.logger.debug('could not announce a queue to inspectors', { queue, error });
        await sleep(systemClock, pauses.nextMs());
      }
    }
    this.announcing.delete(queue);
  }

  private remember(queue: string): void {
    const hasBacklog = this.known.get(queue)?.hasBacklog ?? false;
    this.known.delete(queue); // so that it comes last
    this.known.set(queue, { announcedAtMs: monotonicMs(this.redis.clock), hasBacklog });
    const [first] = this.known.keys();
    if (this.known.size > MOST_KNOWN) this.known.delete(first!);
  }
}
