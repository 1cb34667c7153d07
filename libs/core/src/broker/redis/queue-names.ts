import { KeyTypeError } from '../../errors/key-type.error.js';
import { Backoff } from '../../runtime/backoff.js';
import { sleep, systemClock } from '../../runtime/clock.js';
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

interface Announcement {
  /** Resolves when the queue is announced. */
  done: Promise<void>;
  /** Resolves then, or {@link MAX_WAIT_MS} after the first call that waits. */
  soon?: Promise<unknown>;
  /** A task was written after the command was sent: the queue may have been removed in between. */
  isOutdated: boolean;
}

/**
 * Announces queues to inspectors, in a set that is stored on one node of a cluster. Repeated with every write, because
 * an inspector may remove a queue at any time, and clients are not notified.
 */
export class QueueNames {
  /** Queues that this process has announced, the most recent last. */
  private readonly known = new Set<string>();
  private readonly announcing = new Map<string, Announcement>();

  /** @param key the set */
  constructor(
    private readonly redis: RedisLink,
    private readonly key: string,
  ) {}

  /**
   * Resolves when the queue is announced, and soon even if the set is unreachable. Then inspectors do not list the queue
   * for a while, but its tasks are not delayed. `undefined`: this process has announced it before. Never rejects.
   */
  announce(queue: string): Promise<unknown> | undefined {
    const isKnown = this.known.has(queue);
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
    this.known.delete(queue); // so that it comes last
    this.known.add(queue);
    const [first] = this.known;
    if (this.known.size > MOST_KNOWN) this.known.delete(first!);
  }
}
