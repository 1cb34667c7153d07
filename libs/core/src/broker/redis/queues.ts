import { RedisCommandError } from '../../errors/redis-command.error.js';
import { systemClock } from '../../runtime/clock.js';
import { resultWithin } from '../../runtime/within.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS, fromS, latencyMs, utcDay } from '../../wire/unix-time.js';
import type { DailyCount, QueueOps, QueueStats } from '../contract/queues.js';
import { readGroupNames, readGroupSizes } from './group-names.js';
import { memoryEstimate } from './memory-usage.js';
import { publishHint } from './publish.js';
import { purgeQueue, removeQueue } from './queue-removal.js';
import type { RedisLink } from './redis-link.js';
import { scoreOf } from './scored-ids.js';
import { setMembers } from './set-members.js';

const DAY_MS = 24 * 3600 * 1000;

type StatsReply = [
  ...counts: [pending: number, active: number, scheduled: number, retry: number, archived: number, completed: number],
  ...counters: [processedToday: Counter, failedToday: Counter, processed: Counter, failed: Counter],
  isPaused: number,
  groups: number,
  nextId: Buffer | null,
  odd: readonly Buffer[],
  pausedAtS: Buffer | null,
  ...firstScores: [scheduled: Buffer | null, retry: Buffer | null],
];
type Counter = Buffer | string | null;

export function queueOps(redis: RedisLink): QueueOps {
  return {
    queueNames: () => setMembers(redis, keys.queues),

    hasQueue: (queue) => hasQueue(redis, queue),

    async queueStats(queue): Promise<QueueStats | undefined> {
      if ((await hasQueue(redis, queue)) === false) return undefined;
      const [pending, active, scheduled, retry, archived, completed, ...rest] = (await readStats(
        redis,
        queue,
      )) as StatsReply;
      const [processedToday, failedToday, processed, failed, isPaused, groups, nextId, odd, pausedAtS, ...firstScores] =
        rest;
      const { aggregating, oddGroups } = await countAggregating(redis, queue, groups);
      const pendingSinceNs = nextId ? await readPendingSinceNs(redis, queue, nextId.toString()) : undefined;
      return {
        counts: { pending, active, scheduled, retry, archived, completed, aggregating },
        groups,
        processedToday: toCount(processedToday),
        failedToday: toCount(failedToday),
        processedTotal: toCount(processed),
        failedTotal: toCount(failed),
        isPaused: isPaused === 1,
        pausedAtMs: toPausedAtMs(pausedAtS),
        wrongTypeKeys: [...odd.map(String), ...oddGroups],
        latencyMs: latencyMs(pendingSinceNs, redis.clock.nowNs()),
        overdueMs: overdueMs(firstScores, redis.clock.nowMs()),
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

    archivedSince: (queue, sinceMs) =>
      redis.command('ZCOUNT', (client) => client.zcount(keys.archived(queue), floorS(sinceMs), '+inf')),

    memoryUsage: (queue, isExact) => memoryEstimate(redis, queue, isExact),

    async pause(queue) {
      const pausedAtS = floorS(redis.clock.nowMs());
      return (await redis.command('SETNX', (client) => client.setnx(keys.paused(queue), pausedAtS))) === 1;
    },

    async unpause(queue) {
      if ((await redis.command('DEL', (client) => client.del(keys.paused(queue)))) === 0) return false;
      await publishHint(redis, keys.nudgeChannel(queue), '');
      return true;
    },

    removeQueue: (queue) => removeQueue(redis, queue),

    purgeQueue: (queue) => purgeQueue(redis, queue),
  };
}

/** Time limit for the node of a cluster that holds the names of all queues. */
const NAMES_TIMEOUT_MS = 500;

async function hasQueue(redis: RedisLink, queue: string): Promise<boolean | undefined> {
  const asked = redis
    .command('SISMEMBER', (client) => client.sismember(keys.queues, queue))
    .then((reply) => reply === 1);
  if (!redis.isOnCluster) return asked;
  try {
    return await resultWithin(systemClock, NAMES_TIMEOUT_MS, asked);
  } catch (error) {
    if (error instanceof RedisCommandError && error.isTransient) return undefined;
    throw error;
  }
}

/** Programs other than asynq may have stored something else. */
function toPausedAtMs(pausedAtS: Buffer | null): number | undefined {
  const atS = /^\d{1,12}$/.exec(pausedAtS?.toString() ?? '')?.[0];
  return atS === undefined ? undefined : fromS(Number(atS));
}

/** A score is the due time, rounded up to the second; other programs may have stored any number. */
function overdueMs(firstScores: readonly (Buffer | null)[], nowMs: number): number {
  const dueAtMs = firstScores.flatMap((score) => (score ? Math.max(0, fromS(scoreOf(score.toString()))) : []));
  return nowMs - Math.min(...dueAtMs, nowMs);
}

/** An integer; 0 when the counter is not a number. */
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

async function countAggregating(
  redis: RedisLink,
  queue: string,
  groups: number,
): Promise<{ aggregating: number; oddGroups: readonly string[] }> {
  if (groups === 0) return { aggregating: 0, oddGroups: [] };
  const names = await readGroupNames(redis, queue);
  const sizes = await readGroupSizes(redis, queue, names);
  return {
    aggregating: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
    oddGroups: names.filter((_, i) => sizes[i] === null).map((name) => keys.group(queue, name)),
  };
}

async function readPendingSinceNs(redis: RedisLink, queue: string, taskId: string): Promise<bigint | undefined> {
  const read = redis.command('HGET', (client) => client.hget(keys.task(queue, taskId), 'pending_since'));
  const since = await redis.orElse(read, null);
  return since && /^\d+$/.test(since) ? BigInt(since) : undefined;
}
