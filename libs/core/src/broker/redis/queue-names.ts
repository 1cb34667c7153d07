import { Backoff } from '../../runtime/backoff.js';
import { monotonicMs, sleep, systemClock } from '../../runtime/clock.js';
import { within } from '../../runtime/within.js';
import { keys } from '../../wire/keys.js';
import type { RedisLink } from './redis-link.js';

/** A queue is announced again after so long, in case somebody removed it meanwhile. */
const ANNOUNCE_AGAIN_MS = 1_000;
/** An app may have a queue per customer: those that it announced last are remembered. */
const MOST_KNOWN = 1_000;
/** How long a task waits for the announcement of its queue, which may lie on another node than the queue itself. */
const PATIENCE_MS = 500;
/** Pauses between tries of an announcement that fails. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;

/** Announces queues to inspectors, in a set that lies on one node of a cluster. */
export class QueueNames {
  /** The one that was announced last comes last. */
  private readonly announcedAtMs = new Map<string, number>();
  private readonly announcing = new Map<string, Promise<void>>();

  constructor(private readonly redis: RedisLink) {}

  /**
   * Resolves when the queue is announced, at once when this process announced it before, and soon when the set cannot be
   * reached: that costs sight of a queue for a while, and must not cost its tasks. Never rejects.
   */
  async announce(queue: string): Promise<void> {
    const announcedAtMs = this.announcedAtMs.get(queue);
    if (announcedAtMs !== undefined && monotonicMs(this.redis.clock) - announcedAtMs < ANNOUNCE_AGAIN_MS) return;
    let announcing = this.announcing.get(queue);
    if (!announcing) {
      announcing = this.add(queue).finally(() => this.announcing.delete(queue));
      this.announcing.set(queue, announcing);
    }
    if (announcedAtMs === undefined) await within(systemClock, PATIENCE_MS, announcing);
  }

  /** Tries until it works or the link is closed. Never rejects. */
  private async add(queue: string): Promise<void> {
    const pauses = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    while (!this.redis.isClosed) {
      try {
        const nowMs = monotonicMs(this.redis.clock);
        await this.redis.command('SADD', (client) => client.sadd(keys.queues, queue));
        return this.remember(queue, nowMs);
      } catch (error) {
        this.redis.logger.debug('could not announce a queue to inspectors', { queue, error });
        await sleep(systemClock, pauses.nextMs());
      }
    }
  }

  private remember(queue: string, nowMs: number): void {
    this.announcedAtMs.delete(queue); // so that it comes last
    this.announcedAtMs.set(queue, nowMs);
    const [first] = this.announcedAtMs.keys();
    if (this.announcedAtMs.size > MOST_KNOWN) this.announcedAtMs.delete(first!);
  }
}
