import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { TASK_STATES, type TaskState } from '../../wire/task-state.js';
import { utcDay } from '../../wire/unix-time.js';
import type { InspectOps, QueueStats, StoredTask } from '../inspect-roles.js';
import type { RedisLink } from './redis-link.js';
import { askForTask, type TaskReply, toStoredTask } from './stored-task.js';

type StatsReply = [
  ...counts: [pending: number, active: number, scheduled: number, retry: number, archived: number, completed: number],
  ...counters: [processedToday: Counter, failedToday: Counter, processed: Counter, failed: Counter],
  isPaused: number,
  nextId: Buffer | null,
  ...groups: Buffer[],
];
type Counter = Buffer | null;

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
      const [processedToday, failedToday, processed, failed, isPaused, nextId, ...groupNames] = rest;
      const groups = groupNames.map(String);
      const { aggregating, pendingSinceNs } = await readMembers(redis, queue, groups, nextId?.toString());
      return {
        counts: { pending, active, scheduled, retry, archived, completed, aggregating },
        groups: groups.length,
        processedToday: toCount(processedToday),
        failedToday: toCount(failedToday),
        processedTotal: toCount(processed),
        failedTotal: toCount(failed),
        isPaused: isPaused === 1,
        latencyMs: pendingSinceNs === undefined ? 0 : Number((redis.clock.nowNs() - pendingSinceNs) / 1_000n) / 1_000,
      };
    },

    async findTask(queue, taskId): Promise<StoredTask | undefined> {
      const [reply, stateText] = (await redis.pipeline('HMGET', (pipeline) => {
        askForTask(pipeline, queue, taskId);
        pipeline.hget(keys.task(queue, taskId), 'state');
      })) as [TaskReply, string | null];
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

const toCount = (counter: Counter): number => Number(counter?.toString() ?? 0);

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

/** What the stats script could only name: sizes of groups, and since when the next task waits. */
async function readMembers(
  redis: RedisLink,
  queue: string,
  groups: readonly string[],
  nextId: string | undefined,
): Promise<{ aggregating: number; pendingSinceNs: bigint | undefined }> {
  if (groups.length === 0 && nextId === undefined) return { aggregating: 0, pendingSinceNs: undefined };
  const replies = await redis.pipeline('ZCARD', (pipeline) => {
    for (const group of groups) pipeline.zcard(keys.group(queue, group));
    if (nextId !== undefined) pipeline.hget(keys.task(queue, nextId), 'pending_since');
  });
  const since = nextId === undefined ? undefined : (replies.pop() as string | null);
  return {
    aggregating: (replies as number[]).reduce((sum, size) => sum + size, 0),
    pendingSinceNs: since && /^\d+$/.test(since) ? BigInt(since) : undefined,
  };
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
