import type { Redis } from 'ioredis';
import * as scripts from '../../scripts/scripts.generated.js';
import { monotonicMs, sleep, systemClock } from '../../runtime/clock.js';
import { keys } from '../../wire/keys.js';
import type { FetchReply } from '../contract/lease.js';
import {
  type Duty,
  MOST_WAKE_TOKENS,
  type NextFetch,
  type QueueWatch,
  WAKE_TOKENS_LIFE_MS,
  type WakeOps,
} from '../contract/wake.js';
import { KeyTypeError } from '../../errors/key-type.error.js';
import { joinCalls } from '../../runtime/join-calls.js';
import { startPatience } from '../../runtime/patience.js';
import type { FetchBehind } from './fetch-behind.js';
import type { JoinedCommands } from './joined-commands.js';
import { NodeQuestions, RedisQueuesWatch, waitingAmong } from './queues-watch.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { isFull, isRefusal } from './redis-failure.js';
import { type RedisLink, whenReady } from './redis-link.js';

/** How much longer than its timeout a blocking command may take before its connection counts as lost. */
const LATE_MS = 2_000;

/** Poll interval of a list on which a full Redis lets no connection block. */
const CHECK_FULL_EVERY_MS = 1_000;

/** How often a leader announces its queue again. */
const ANNOUNCE_EVERY_MS = 5_000;

/** How often a server that is refused a duty checks whether another server holds it. */
const CHECK_HOLDER_EVERY_MS = 30_000;
/** A duty with a longer TTL, in leases, was not written by a server of ours. */
const MAX_LEASES = 10;

/** What this user or server refuses, detected at first use. */
interface Refused {
  /** Blocking commands; needs Redis 6.2. */
  blocking: boolean;
  /** A channel, or `CLIENT` and its part `TRACKING`. */
  tracking: boolean;
  /** Needs Redis 6.2. */
  getex: boolean;
}

/** @param behind `undefined`: tasks are fetched by ordinary calls only */
export function wakeOps(redis: RedisLink, joined: JoinedCommands, behind: FetchBehind | undefined): WakeOps {
  const refused: Refused = { blocking: false, tracking: false, getex: false };
  const polled = new NodeQuestions();
  const dutyKey = (queue: string, duty: Duty): string => (duty === 'leader' ? keys.leader(queue) : keys.standby(queue));

  /** Queues that this process leads, and when it last announced them; monotonic. */
  const announcedAtMs = new Map<string, number>();

  /** One command for all queues of a turn. */
  const addNames = joinCalls((queues: readonly string[]) => {
    const added = redis.command('SADD', (client) => client.sadd(keys.queues, ...queues));
    return queues.map(() => added);
  });

  /** In the background: the names of queues are stored on one node of a cluster, perhaps not on that of the queue. */
  function announce(queue: string): void {
    const nowMs = monotonicMs(redis.clock);
    if (nowMs - (announcedAtMs.get(queue) ?? -Infinity) < ANNOUNCE_EVERY_MS) return;
    announcedAtMs.set(queue, nowMs);
    addNames([queue]).catch((error: unknown) => {
      if (error instanceof KeyTypeError) redis.reportOdd(error);
      else redis.logger.debug('could not announce a queue to inspectors', { queue, error });
    });
  }

  /** Duties by key, and when their holder was checked; monotonic. */
  const checkedAtMs = new Map<string, number>();

  /** A plain command, since all idle servers repeat it; a full Redis refuses it, but not the script. */
  async function take(key: string, serverId: string, leaseMs: number): Promise<boolean> {
    try {
      return (await joined.send('SET', key, (pipeline) => pipeline.set(key, serverId, 'PX', leaseMs, 'NX'))) === 'OK';
    } catch (error) {
      if (!(error instanceof RedisCommandError) || !isFull(error.cause)) throw error;
      return (await redis.run(scripts.takeDuty, { duty: key }, { serverId, leaseMs })) === 1;
    }
  }

  /** Whether the key has a value that no server wrote: it would never expire, and no server would ever lead. */
  async function isForeign(key: string, leaseMs: number): Promise<boolean> {
    const nowMs = monotonicMs(redis.clock);
    if (nowMs - (checkedAtMs.get(key) ?? -Infinity) < CHECK_HOLDER_EVERY_MS) return false;
    checkedAtMs.set(key, nowMs);
    const ttlMs = (await joined.send('PTTL', key, (pipeline) => pipeline.pttl(key))) as number;
    return ttlMs === -1 || ttlMs > MAX_LEASES * leaseMs;
  }

  async function keep(key: string, serverId: string, leaseMs: number): Promise<boolean> {
    // One command, because it is sent regularly. It may slightly extend another holder's duty, which is harmless.
    if (!refused.getex) {
      try {
        return (await joined.send('GETEX', key, (pipeline) => pipeline.getex(key, 'PX', leaseMs))) === serverId;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refused.getex = true;
      }
    }
    const [holder] = await redis.pipeline('GET', (pipeline) => void pipeline.get(key).pexpire(key, leaseMs));
    return holder === serverId;
  }

  /** Returns whether the duty is held. */
  function held(queue: string, duty: Duty, isHeld: boolean): boolean {
    if (duty === 'leader' && isHeld) announce(queue);
    else if (duty === 'leader') announcedAtMs.delete(queue);
    return isHeld;
  }

  return {
    async openWatch(queue) {
      if (refused.blocking) return undefined;
      return new RedisQueueWatch(redis, queue, refused, behind);
    },

    async wakeIdle(queue, count) {
      if (count <= 0) return;
      const args = { count: Math.min(count, MOST_WAKE_TOKENS), ttlMs: WAKE_TOKENS_LIFE_MS };
      await joined.run(scripts.wakeIdle, { wake: keys.wake(queue) }, args);
    },

    async watchQueues(listener) {
      return new RedisQueuesWatch(redis, listener, refused);
    },

    waitingQueues: (queues) => redis.command('EXISTS', (client) => waitingAmong(client, queues, polled)),

    async takeDuty(queue, duty, serverId, leaseMs) {
      const key = dutyKey(queue, duty);
      let isHeld = await take(key, serverId, leaseMs);
      if (!isHeld && (await isForeign(key, leaseMs))) {
        await removeForeign(redis, key);
        isHeld = await take(key, serverId, leaseMs);
      }
      return held(queue, duty, isHeld);
    },

    async keepDuty(queue, duty, serverId, leaseMs) {
      const key = dutyKey(queue, duty);
      try {
        return held(queue, duty, await keep(key, serverId, leaseMs));
      } catch (error) {
        if (!(error instanceof KeyTypeError)) throw error;
        await removeForeign(redis, key);
        return held(queue, duty, false); // the next step asks for it
      }
    },

    async dropDuty(queue, duty, serverId) {
      await joined.run(scripts.dropDuty, { duty: dutyKey(queue, duty) }, { serverId });
    },
  };
}

/** Deletes a value that another program wrote to a key of ours without lasting data: a duty, or wake tokens. */
async function removeForeign(redis: RedisLink, key: string): Promise<void> {
  await redis.command('DEL', (client) => client.del(key));
  redis.logger.warn(`deleted ${key}, which another program had written`);
}

type BlockingCall<T> = (client: Redis, timeoutS: number) => Promise<T>;

const isAnswered =
  (call: BlockingCall<unknown>): BlockingCall<boolean> =>
  async (client, timeoutS) =>
    (await call(client, timeoutS)) !== null;

/** Blocks on a connection of its own. */
class RedisQueueWatch implements QueueWatch {
  private client: Redis | undefined;
  private isClosed = false;
  private readonly closing = new AbortController();
  readonly fetchNext?: QueueWatch['fetchNext'];
  /** Settles with the pending fetch. */
  private fetching: Promise<void> | undefined;

  constructor(
    private readonly redis: RedisLink,
    private readonly queue: string,
    private readonly refused: Refused,
    private readonly behind: FetchBehind | undefined,
  ) {
    if (behind) this.fetchNext = (timeoutMs, next) => this.fetch(behind, timeoutMs, next);
  }

  /**
   * Moving the last element onto itself blocks like a pop, wakes on any client's push, and leaves the list unchanged.
   */
  async peek(timeoutMs: number): Promise<boolean> {
    return this.unlessFull(timeoutMs, () => this.block('BLMOVE', timeoutMs, isAnswered(this.move)));
  }

  private readonly move = (client: Redis, timeoutS: number): Promise<unknown> => {
    const pending = keys.pending(this.queue);
    return client.blmove(pending, pending, 'RIGHT', 'RIGHT', timeoutS);
  };

  /** A full Redis refuses the move, although it needs no memory: a worker must still be able to empty the queue. */
  private async unlessFull<T>(timeoutMs: number, wait: () => Promise<T>): Promise<T | boolean> {
    try {
      return await wait();
    } catch (error) {
      if (!(error instanceof RedisCommandError) || !isFull(error.cause)) throw error;
    }
    const pending = keys.pending(this.queue);
    const isWaiting = (): Promise<boolean> =>
      this.redis.command('EXISTS', async (client) => (await client.exists(pending)) === 1);
    if (await isWaiting()) return true;
    await sleep(systemClock, Math.min(CHECK_FULL_EVERY_MS, timeoutMs), this.closing.signal);
    return !this.isClosed && isWaiting();
  }

  async awaitToken(timeoutMs: number): Promise<boolean> {
    const wake = keys.wake(this.queue);
    try {
      return await this.block(
        'BLPOP',
        timeoutMs,
        isAnswered((client, timeoutS) => client.blpop(wake, timeoutS)),
      );
    } catch (error) {
      if (!(error instanceof KeyTypeError)) throw error;
      await removeForeign(this.redis, wake);
      return false;
    }
  }

  /** A task that Redis hands over while the connection closes goes back. */
  async close(): Promise<void> {
    const { fetching } = this;
    this.isClosed = true;
    this.closing.abort();
    this.dropClient();
    await fetching;
    await this.behind?.returnTasks(this.queue).catch((error: unknown) => {
      this.redis.logger.debug('could not return tasks of a fetch that was not answered', { queue: this.queue, error });
    });
  }

  private async fetch(behind: FetchBehind, timeoutMs: number, next: NextFetch): Promise<FetchReply | boolean> {
    const fetched = this.unlessFull(timeoutMs, () =>
      this.block('BLMOVE', timeoutMs, (client, timeoutS) =>
        behind.fetch(client, this.queue, next, () => this.move(client, timeoutS)),
      ),
    );
    const settled = (): void => void (this.fetching = undefined);
    this.fetching = fetched.then(settled, settled);
    return fetched;
  }

  /** `false` when the watch was closed. */
  private async block<T>(name: string, timeoutMs: number, call: BlockingCall<T>): Promise<T | false> {
    await this.behind?.returnTasks(this.queue);
    if (this.isClosed) return false;
    const endPatience = startPatience(timeoutMs + LATE_MS, () => this.dropClient());
    let client: Redis | undefined;
    try {
      client = this.client ??= await this.redis.openConnection('watch', keys.pending(this.queue));
      if (this.isClosed) this.dropClient();
      await whenReady(client);
      return await call(client, timeoutMs / 1000);
    } catch (error) {
      if (this.isClosed) return false;
      if (isRefusal(error)) this.noteRefusal(error);
      throw await this.redis.toError(name, error, client);
    } finally {
      endPatience();
    }
  }

  private noteRefusal(error: unknown): void {
    if (this.refused.blocking) return;
    this.refused.blocking = true;
    const reason = (error as Error).message;
    this.redis.logRefusal('Redis refuses blocking commands: polling for tasks', { reason });
  }

  /** Ends the pending wait with an error; the next one opens another connection. */
  private dropClient(): void {
    if (!this.client) return;
    this.redis.closeConnection(this.client);
    this.client = undefined;
  }
}
