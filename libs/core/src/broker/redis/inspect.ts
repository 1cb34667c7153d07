import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { TASK_STATES, type TaskState } from '../../wire/task-state.js';
import { utcDay } from '../../wire/unix-time.js';
import type { InspectOps, QueueStats, StoredTask } from '../inspect-roles.js';
import { readGroupNames, readGroupSizes } from './group-names.js';
import type { RedisLink } from './redis-link.js';
import { askForTask, type TaskReply, toStoredTask } from './stored-task.js';

type StatsReply = [
  ...counts: [pending: number, active: number, scheduled: number, retry: number, archived: number, completed: number],
  ...counters: [processedToday: Counter, failedToday: Counter, processed: Counter, failed: Counter],
  isPaused: number,
  groups: number,
  nextId: Buffer | null,
];
type Counter = Buffer | string | null;

export function inspectOps(redis: RedisLink): InspectOps {
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
        latencyMs: pendingSinceNs === undefined ? 0 : Number((redis.clock.nowNs() - pendingSinceNs) / 1_000n) / 1_000,
      };
    },

    async findTask(queue, taskId): Promise<StoredTask | undefined> {
      const [reply, stateText] = (await redis.pipeline(
        'HMGET',
        (pipeline) => {
          askForTask(pipeline, queue, taskId);
          pipeline.hget(keys.task(queue, taskId), 'state');
        },
        [],
      )) as [TaskReply, string | null];
      const state = TASK_STATES.find((known) => known === stateText);
      if (!state) return undefined;
      const score = await readScore(redis, queue, taskId, state);
      return toStoredTask(queue, { id: taskId, state, score }, reply, redis.clock.nowMs());
    },
  };
}

async function hasQueue(redis: RedisLink, queue: string): Promise<boolean> {
  return (await redis.command('SISMEMBER', (client) => client.sismember(keys.queues, queue))) === 1;
}

/** Whole; 0 for a counter that holds no number. */
export const toCount = (counter: Counter): number => Math.trunc(Number(counter?.toString() ?? 0)) || 0;

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

async function readScore(
  redis: RedisLink,
  queue: string,
  taskId: string,
  state: TaskState,
): Promise<number | undefined> {
  const key = { active: keys.lease(queue), scheduled: keys.scheduled(queue), retry: keys.retry(queue) }[
    state as string
  ];
  const score = key && (await redis.command('ZSCORE', (client) => client.zscore(key, taskId)));
  return score ? Number(score) : undefined;
}
