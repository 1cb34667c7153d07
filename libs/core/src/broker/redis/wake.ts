import type { Redis } from 'ioredis';
import * as scripts from '../../scripts/scripts.generated.js';
import { monotonicMs } from '../../runtime/clock.js';
import { keys } from '../../wire/keys.js';
import { type Duty, MOST_WAKE_TOKENS, type QueueWatch, WAKE_TOKENS_LIFE_MS, type WakeOps } from '../contract/wake.js';
import { isRefusal, toRedisError } from './redis-failure.js';
import { type RedisLink, whenReady } from './redis-link.js';

/** How much longer than its timeout a blocking command may take before its connection is taken for dead. */
const LATE_MS = 2_000;

/** How often a leader announces its queue again. */
const ANNOUNCE_EVERY_MS = 5_000;

/** What this user or server refuses, found out when it is first asked for. */
interface Refused {
  /** Commands that block; needs 6.2. */
  blocking: boolean;
  /** Needs 6.2. */
  getex: boolean;
}

export function wakeOps(redis: RedisLink): WakeOps {
  const refused: Refused = { blocking: false, getex: false };
  const dutyKey = (queue: string, duty: Duty): string => (duty === 'leader' ? keys.leader(queue) : keys.standby(queue));

  /** Queues that this process leads, and when it announced them; monotonic. */
  const announcedAtMs = new Map<string, number>();

  /** In the background: the names of queues lie on one node of a cluster, perhaps not on that of the queue. */
  function announce(queue: string): void {
    const nowMs = monotonicMs(redis.clock);
    if (nowMs - (announcedAtMs.get(queue) ?? -Infinity) < ANNOUNCE_EVERY_MS) return;
    announcedAtMs.set(queue, nowMs);
    redis
      .command('SADD', (client) => client.sadd(keys.queues, queue))
      .catch((error: unknown) => redis.logger.debug('could not announce a queue to inspectors', { queue, error }));
  }

  /** Returns whether the duty is held. */
  function held(queue: string, duty: Duty, isHeld: boolean): boolean {
    if (duty === 'leader' && isHeld) announce(queue);
    else if (duty === 'leader') announcedAtMs.delete(queue);
    return isHeld;
  }

  return {
    async openWatch(queue) {
      return refused.blocking ? undefined : new RedisQueueWatch(redis, queue, refused);
    },

    async wakeIdle(queue, count) {
      if (count <= 0) return;
      await redis.run(
        scripts.wakeIdle,
        { wake: keys.wake(queue) },
        { count: Math.min(count, MOST_WAKE_TOKENS), ttlMs: WAKE_TOKENS_LIFE_MS },
      );
    },

    async waitingCount(queue) {
      const [isPaused, count] = (await redis.pipeline('LLEN', (pipeline) => {
        pipeline.exists(keys.paused(queue)).llen(keys.pending(queue));
      })) as [number, number];
      return isPaused === 1 ? 0 : count;
    },

    async takeDuty(queue, duty, serverId, leaseMs) {
      const key = dutyKey(queue, duty);
      const reply = await redis.command('SET', (client) => client.set(key, serverId, 'PX', leaseMs, 'NX'));
      return held(queue, duty, reply === 'OK');
    },

    async keepDuty(queue, duty, serverId, leaseMs) {
      const key = dutyKey(queue, duty);
      // One command for the beat that never ends. It may prolong another holder's duty by a moment: harmless.
      if (!refused.getex) {
        try {
          const holder = await redis.command('GETEX', (client) => client.getex(key, 'PX', leaseMs));
          return held(queue, duty, holder === serverId);
        } catch (error) {
          if (!isRefusal(error)) throw error;
          refused.getex = true;
        }
      }
      const [holder] = await redis.pipeline('GET', (pipeline) => void pipeline.get(key).pexpire(key, leaseMs));
      return held(queue, duty, holder === serverId);
    },

    async dropDuty(queue, duty, serverId) {
      await redis.run(scripts.dropDuty, { duty: dutyKey(queue, duty) }, { serverId });
    },
  };
}

/** Blocks on a connection of its own. */
class RedisQueueWatch implements QueueWatch {
  private client: Redis | undefined;
  private isClosed = false;

  constructor(
    private readonly redis: RedisLink,
    private readonly queue: string,
    private readonly refused: Refused,
  ) {}

  /** Moving the last element onto itself blocks like a pop, wakes on anybody's push, and leaves the list as it is. */
  peek(timeoutMs: number): Promise<boolean> {
    const pending = keys.pending(this.queue);
    return this.block('BLMOVE', timeoutMs, (client, timeoutS) =>
      client.blmove(pending, pending, 'RIGHT', 'RIGHT', timeoutS),
    );
  }

  awaitToken(timeoutMs: number): Promise<boolean> {
    return this.block('BLPOP', timeoutMs, (client, timeoutS) => client.blpop(keys.wake(this.queue), timeoutS));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.dropClient();
  }

  private async block(
    name: string,
    timeoutMs: number,
    call: (client: Redis, timeoutS: number) => Promise<unknown>,
  ): Promise<boolean> {
    if (this.isClosed) return false;
    const watchdog = setTimeout(() => this.dropClient(), timeoutMs + LATE_MS);
    try {
      const client = (this.client ??= await this.redis.openConnection('watch', keys.pending(this.queue)));
      if (this.isClosed) this.dropClient();
      await whenReady(client);
      return (await call(client, timeoutMs / 1000)) !== null;
    } catch (error) {
      if (this.isClosed) return false;
      if (isRefusal(error)) this.noteRefusal(error);
      throw toRedisError(name, error);
    } finally {
      clearTimeout(watchdog);
    }
  }

  private noteRefusal(error: unknown): void {
    if (this.refused.blocking) return;
    this.refused.blocking = true;
    const reason = (error as Error).message;
    this.redis.logger.warn('Redis refuses commands that block: polling for tasks', { reason });
  }

  /** Ends the wait under way with an error; the next one opens another connection. */
  private dropClient(): void {
    if (!this.client) return;
    this.redis.closeConnection(this.client);
    this.client = undefined;
  }
}
