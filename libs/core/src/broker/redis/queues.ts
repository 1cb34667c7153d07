import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS, latencyMs, utcDay } from '../../wire/unix-time.js';
import type { DailyCount, QueueOps, QueueStats } from '../contract/queues.js';
import { readGroupNames, readGroupSizes } from './group-names.js';
import { memoryBytes } from './memory-usage.js';
import { purgeQueue, removeQueue } from './queue-removal.js';
import type { RedisLink } from './redis-link.js';

const DAY_MS = 24 * 3600 * 1000;

type StatsReply = [
  ...counts: [pending: number, active: number, scheduled: number, retry: number, archived: number, completed: number],
  ...counters: [processedToday: Counter, failedToday: Counter, processed: Counter, failed: Counter],
  isPaused: number,
  groups: number,
  nextId: Buffer | null,
];
type Counter = Buffer | string | null;

export function queueOps(redis: RedisLink): QueueOps {
  return {
    queueNames: () => redis.command('SMEMBERS', (client) => client.smembers(keys.queues)),

    hasQueue: (queue) => hasQueue(redis, queue),

    async queueStats(queue): Promise<QueueStats | undefined> {
      if (!(await hasQueue(redis, queue))) return undefined;
      const [pending, active, scheduled, retry, archived, completed, ...rest] = (await readStats(
        redis,
        queue,
      )) as StatsReply;
      const [processedToday, failedToday, processed, failed, isPaused, groups, nextId] = rest;
      const aggregating = groups === 0 ? 0 : await countAggregating(redis, queue);
      const pendingSinceNs = nextId ? await readPendingSinceNs(redis, queue, nextId.toString()) : undefined;
      return {
        counts: { pending, active, scheduled, retry, archived, completed, aggregating },
        groups,
        processedToday: toCount(processedToday),
        failedToday: toCount(failedToday),
        processedTotal: toCount(processed),
        failedTotal: toCount(failed),
        isPaused: isPaused === 1,
        latencyMs: latencyMs(pendingSinceNs, redis.clock.nowNs()),
      };
    },

    async dailyCounts(queue, days): Promise<DailyCount[]> {
      const nowMs = redis.clock.nowMs();
      const names = Array.from({ length: days }, (_, ago) => utcDay(nowMs - ago * DAY_MS));
      const counters = (await redis.pipeline(
        'GET',
        (pipeline) => {
          for (const day of names) pipeline.get(keys.processedOn(queue, day)).get(keys.failedOn(queue, day));
        },
        null,
      )) as (string | null)[];
      return names.map((day, i) => ({
        day,
        processed: toCount(counters[2 * i]!),
        failed: toCount(counters[2 * i + 1]!),
      }));
    },

    memoryBytes: (queue) => memoryBytes(redis, queue),

    async pause(queue) {
      const pausedAtS = floorS(redis.clock.nowMs());
      return (await redis.command('SETNX', (client) => client.setnx(keys.paused(queue), pausedAtS))) === 1;
    },

    async unpause(queue) {
      if ((await redis.command('DEL', (client) => client.del(keys.paused(queue)))) === 0) return false;
      await redis.hint(keys.nudgeChannel(queue), '');
      return true;
    },

    removeQueue: (queue) => removeQueue(redis, queue),

    purgeQueue: (queue) => purgeQueue(redis, queue),
  };
}

async function hasQueue(redis: RedisLink, queue: string): Promise<boolean> {
  return (await redis.command('SISMEMBER', (client) => client.sismember(keys.queues, queue))) === 1;
}

/** Whole; 0 for a counter that holds no number. */
const toCount = (counter: Counter): number => Math.trunc(Number(counter?.toString() ?? 0)) || 0;

function readStats(redis: RedisLink, queue: string): Promise<unknown> {
  const today = utcDay(redis.clock.nowMs());
  return redis.run(
    scripts.queueStats,
    {
      pending: keys.pending(queue),
      active: keys.active(queue),
      scheduled: keys.scheduled(queue),
      retry: keys.retry(queue),
      archived: keys.archived(queue),
      completed: keys.completed(queue),
      processedToday: keys.processedOn(queue, today),
      failedToday: keys.failedOn(queue, today),
      processed: keys.processed(queue),
      failed: keys.failed(queue),
      paused: keys.paused(queue),
      groups: keys.groups(queue),
    },
    {},
  );
}

async function countAggregating(redis: RedisLink, queue: string): Promise<number> {
  const sizes = await readGroupSizes(redis, queue, await readGroupNames(redis, queue));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function readPendingSinceNs(redis: RedisLink, queue: string, taskId: string): Promise<bigint | undefined> {
  const since = await redis.command('HGET', (client) => client.hget(keys.task(queue, taskId), 'pending_since'));
  return since && /^\d+$/.test(since) ? BigInt(since) : undefined;
}
