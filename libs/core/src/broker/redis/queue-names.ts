import { Backoff } from '../../runtime/backoff.js';
import { sleep, systemClock } from '../../runtime/clock.js';
import { within } from '../../runtime/within.js';
import type { RedisLink } from './redis-link.js';

/** An app may have a queue per customer: those that it announced last are remembered. */
const MOST_KNOWN = 1_000;
/** How long a task waits for the announcement of its queue, which may lie on another node than the queue itself. */
const PATIENCE_MS = 500;
/** Pauses between tries of an announcement that fails. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

interface Announcement {
  /** Resolves when the queue is announced, or when the patience is over that began with the announcement. */
  soon: Promise<unknown>;
  /** A task was written after the command had left: the queue may have been removed in between. */
  isOutdated: boolean;
}

/**
 * Announces queues to inspectors, in a set that lies on one node of a cluster. With every write: anybody may remove a
 * queue at any time, and no client hears of that.
 */
export class QueueNames {
  /** Queues that this process has announced; the last one comes last. */
  private readonly known = new Set<string>();
  private readonly announcing = new Map<string, Announcement>();

  /** @param key the set */
  constructor(
    private readonly redis: RedisLink,
    private readonly key: string,
  ) {}

  /**
   * Resolves when the queue is announced, at once when this process announced it before, and soon when the set cannot be
   * reached: that costs sight of a queue for a while, and must not cost its tasks. Never rejects.
   */
  async announce(queue: string): Promise<void> {
    const isKnown = this.known.has(queue);
    let announcement = this.announcing.get(queue);
    if (announcement) {
      announcement.isOutdated = true;
    } else {
      announcement = { isOutdated: false, soon: Promise.resolve() };
      this.announcing.set(queue, announcement);
      announcement.soon = within(systemClock, PATIENCE_MS, this.add(queue, announcement));
    }
    if (!isKnown) await announcement.soon;
  }

  /** Tries until it works or the link is closed. Never rejects. */
  private async add(queue: string, announcement: Announcement): Promise<void> {
    const pauses = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    while (!this.redis.isClosed) {
      try {
        announcement.isOutdated = false;
        await this.redis.command('SADD', (client) => client.sadd(this.key, queue));
        this.remember(queue);
        if (!announcement.isOutdated) break;
      } catch (error) {
        this.redis.logger.debug('could not announce a queue to inspectors', { queue, error });
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
