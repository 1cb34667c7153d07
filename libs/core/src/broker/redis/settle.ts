import * as scripts from '../../scripts/scripts.generated.js';
import { bindToAttempt } from '../../wire/attempt-record.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { encodeProgress } from '../../wire/task-progress.js';
import { ceilS, clampInt64, floorS, utcDay } from '../../wire/unix-time.js';
import { DAILY_COUNTS_LIFE_MS } from '../contract/queues.js';
import type { Outcome, Settlement, SettleOps, SettleReply } from '../contract/settle.js';
import { settledMessage } from '../settled-message.js';
import { leasesOf } from './lease.js';
import type { RedisLink } from './redis-link.js';

/** Most tasks of one script call. */
const BATCH = 500;

export function settleOps(redis: RedisLink): SettleOps {
  return {
    async settle(queue, settlements) {
      const replies: SettleReply[] = new Array<SettleReply>(settlements.length);
      await Promise.all(
        // From the last on: of tasks that go back to the head of the queue, the one that comes last runs first.
        toBatches(settlements)
          .reverse()
          .map(async ({ kind, indexes }) => {
            const batch = indexes.map((index) => settlements[index]!);
            const results = (await settleAs[kind](redis, queue, batch)) as number[];
            indexes.forEach((index, i) => (replies[index] = results[i] === 1 ? 'settled' : 'leaseLost'));
          }),
      );
      return replies;
    },

    async writeResult(queue, claim, result) {
      const reply = await redis.run(
        scripts.writeResult,
        { lease: keys.lease(queue), task: keys.task(queue, claim.id) },
        { taskId: claim.id, leases: leasesOf(claim), result },
      );
      return reply === 1;
    },

    async writeProgress(message, claim, progress) {
      const { queue } = message;
      const reply = await redis.run(
        scripts.writeProgress,
        { lease: keys.lease(queue), task: keys.task(queue, claim.id) },
        { taskId: claim.id, leases: leasesOf(claim), progress: encodeProgress(progress, message) },
      );
      return reply === 1;
    },
  };
}

/** One script call for each kind of outcome; nearly always there is one kind. */
function toBatches(settlements: readonly Settlement[]): { kind: Outcome['kind']; indexes: number[] }[] {
  const batches: { kind: Outcome['kind']; indexes: number[] }[] = [];
  settlements.forEach(({ outcome: { kind } }, index) => {
    const open = batches.findLast((batch) => batch.kind === kind);
    if (open && open.indexes.length < BATCH) open.indexes.push(index);
    else batches.push({ kind, indexes: [index] });
  });
  return batches;
}

type SettleAs = (redis: RedisLink, queue: string, batch: readonly Settlement[]) => Promise<unknown>;

const settleAs: Record<Outcome['kind'], SettleAs> = {
  done: (redis, queue, batch) =>
    redis.run(
      scripts.done,
      {
        ...leaseKeys(queue),
        ...processedKeys(redis, queue),
        awaited: keys.awaited(queue),
        ...taskKeys(queue, batch),
        lock: lockKeys(batch),
      },
      { statsExpireAtS: statsExpireAtS(redis), endedChannel: keys.endedChannel(queue) },
      batch.map(({ message, claim }) => ({
        taskId: message.id,
        hasLock: Number(message.uniqueKey !== ''),
        leases: leasesOf(claim),
      })),
    ),

  complete: (redis, queue, batch) => {
    const nowMs = redis.clock.nowMs();
    return redis.run(
      scripts.complete,
      {
        ...leaseKeys(queue),
        completed: keys.completed(queue),
        ...processedKeys(redis, queue),
        awaited: keys.awaited(queue),
        ...taskKeys(queue, batch),
        lock: lockKeys(batch),
      },
      { statsExpireAtS: statsExpireAtS(redis), endedChannel: keys.endedChannel(queue) },
      batch.map(({ message, claim, outcome }) => {
        const { result } = outcome as Extract<Outcome, { kind: 'complete' }>;
        return {
          taskId: message.id,
          message: encodeTaskMessage(settledMessage(message, outcome, nowMs)),
          deleteAtS: floorS(nowMs) + clampInt64(message.retentionS),
          hasLock: Number(message.uniqueKey !== ''),
          hasResult: Number(result !== undefined),
          result: result ?? '',
          leases: leasesOf(claim),
        };
      }),
    );
  },

  retry: (redis, queue, batch) =>
    redis.run(
      scripts.retry,
      {
        ...leaseKeys(queue),
        retry: keys.retry(queue),
        ...processedKeys(redis, queue),
        ...failedKeys(redis, queue),
        ...taskKeys(queue, batch),
      },
      { statsExpireAtS: statsExpireAtS(redis), nudgeChannel: keys.nudgeChannel(queue) },
      batch.map(({ message, claim, outcome }) => {
        const { retryAtMs, isFailure, unknownTypeSinceMs } = outcome as Extract<Outcome, { kind: 'retry' }>;
        const settled = settledMessage(message, outcome, redis.clock.nowMs());
        return {
          taskId: message.id,
          message: encodeTaskMessage(settled),
          retryAtS: ceilS(retryAtMs),
          dueAtMs: Math.ceil(retryAtMs),
          isFailure: Number(isFailure),
          unknownSince: unknownTypeSinceMs === undefined ? '' : bindToAttempt(unknownTypeSinceMs, settled),
          leases: leasesOf(claim),
        };
      }),
    ),

  archive: (redis, queue, batch) =>
    archiveTasks(
      redis,
      queue,
      batch.map(({ message, claim, outcome }) => ({
        taskId: message.id,
        message: encodeTaskMessage(settledMessage(message, outcome, redis.clock.nowMs())),
        crashes: '',
        leases: leasesOf(claim),
      })),
    ),

  requeue: (redis, queue, batch) =>
    redis.run(
      scripts.requeue,
      { ...leaseKeys(queue), pending: keys.pending(queue), ...taskKeys(queue, batch) },
      { pendingSinceNs: redis.clock.nowNs() },
      batch.map(({ message, claim }) => ({ taskId: message.id, leases: leasesOf(claim) })),
    ),
};

/** Archives leased tasks: by their server, or by the recoverer, which also tells how often they crashed one. */
export function archiveTasks(
  redis: RedisLink,
  queue: string,
  items: readonly { taskId: string; message: Uint8Array; crashes: string; leases: string }[],
): Promise<unknown> {
  return redis.run(
    scripts.archive,
    {
      ...leaseKeys(queue),
      archived: keys.archived(queue),
      ...processedKeys(redis, queue),
      ...failedKeys(redis, queue),
      awaited: keys.awaited(queue),
      task: items.map(({ taskId }) => keys.task(queue, taskId)),
    },
    {
      statsExpireAtS: statsExpireAtS(redis),
      archivedAtS: floorS(redis.clock.nowMs()),
      endedChannel: keys.endedChannel(queue),
    },
    items,
  );
}

const leaseKeys = (queue: string) => ({ active: keys.active(queue), lease: keys.lease(queue) });

const taskKeys = (queue: string, batch: readonly Settlement[]) => ({
  task: batch.map(({ message }) => keys.task(queue, message.id)),
});

const lockKeys = (batch: readonly Settlement[]): string[] =>
  batch.filter(({ message }) => message.uniqueKey !== '').map(({ message }) => message.uniqueKey);

const processedKeys = (redis: RedisLink, queue: string) => ({
  processedToday: keys.processedOn(queue, utcDay(redis.clock.nowMs())),
  processed: keys.processed(queue),
});

const failedKeys = (redis: RedisLink, queue: string) => ({
  failedToday: keys.failedOn(queue, utcDay(redis.clock.nowMs())),
  failed: keys.failed(queue),
});

const statsExpireAtS = (redis: RedisLink): number => floorS(redis.clock.nowMs() + DAILY_COUNTS_LIFE_MS);
