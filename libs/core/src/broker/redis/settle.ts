import * as scripts from '../../scripts/scripts.generated.js';
import { bindToAttempt } from '../../wire/attempt-record.js';
import { CANCEL_OUTCOMES } from '../../wire/cancel-record.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { encodeProgress } from '../../wire/task-progress.js';
import { ceilS, clampInt64, floorS, utcDay } from '../../wire/unix-time.js';
import { DAILY_COUNTS_LIFE_MS } from '../contract/queues.js';
import type { LeaseClaim } from '../contract/lease.js';
import type { Outcome, Settlement, SettleOps, SettleReply } from '../contract/settle.js';
import { settledMessage } from '../settled-message.js';
import { type BatchLimits, joinedReads, keyedBatches } from './batches.js';
import { leasesOf } from './lease-claims.js';
import { readHashes } from './read-hashes.js';
import { unexpectedReply } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';

const BATCH: BatchLimits = { items: 500, size: 1024 * 1024 };

export function settleOps(redis: RedisLink): SettleOps {
  /** Many tasks may fail at a time. */
  const readBackoff = joinedReads(async (queue, taskIds) => {
    const hashes = taskIds.map((id) => keys.task(queue, id));
    return (await readHashes(redis, hashes, ['backoff'])).map(([backoff]) => backoff?.toString());
  });

  return {
    async settle(queue, settlements) {
      if (settlements.length <= BATCH.items && settlements.every(({ outcome }) => outcome.kind === 'done')) {
        return ((await settleAs.done(redis, queue, settlements)) as number[]).map(toReply); // the common case
      }
      const replies: SettleReply[] = new Array<SettleReply>(settlements.length);
      await Promise.all(
        // In reverse: of tasks that return to the head of the queue, the last one pushed runs first.
        // One script call per kind of outcome, unless there are many or large ones; usually there is only one kind.
        keyedBatches(settlements, ({ outcome }) => outcome.kind, bytesOf, BATCH)
          .reverse()
          .map(async ({ key: kind, indexes }) => {
            const batch = indexes.map((index) => settlements[index]!);
            const results = (await settleAs[kind](redis, queue, batch)) as number[];
            const toOwn = kind === 'requeue' ? toRequeueReply : toReply;
            indexes.forEach((index, i) => (replies[index] = toOwn(results[i]!)));
          }),
      );
      return replies;
    },

    async requeue(queue, claims) {
      return ((await requeueTasks(redis, queue, claims)) as number[]).map(toRequeueReply);
    },

    readBackoff,

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

/** Approximate size of what is sent: message and result, for outcomes that store them. */
function bytesOf({ message: { payload, headers }, outcome }: Settlement): number {
  if (outcome.kind === 'done' || outcome.kind === 'requeue') return 0;
  let bytes = payload.length + (outcome.kind === 'complete' ? (outcome.result?.length ?? 0) : 0);
  for (const name of Object.keys(headers)) bytes += name.length + headers[name]!.length;
  return bytes;
}

type SettleAs = (redis: RedisLink, queue: string, batch: readonly Settlement[]) => Promise<unknown>;

const settleAs: Record<Outcome['kind'], SettleAs> = {
  done: async (redis, queue, batch) => {
    const reply = await redis.run(
      scripts.done,
      {
        ...leaseKeys(queue),
        ...processedKeys(redis, queue),
        awaited: keys.awaited(queue),
        ...taskKeys(queue, batch),
        lock: lockKeys(batch),
      },
      {
        statsExpireAtS: statsExpireAtS(redis),
        endedChannel: keys.endedChannel(queue),
        taskPrefix: keys.taskPrefix(queue),
        lockHolders: lockHolders(batch),
        leases: leasesOfAll(batch),
      },
      batch,
    );
    if (typeof reply !== 'number') return reply;
    if (reply !== batch.length) throw unexpectedReply(scripts.done, reply);
    return new Array<number>(reply).fill(1);
  },

  complete: async (redis, queue, batch) => {
    const nowMs = redis.clock.nowMs();
    const results = await redis.run(
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
    if ((results as number[]).includes(2)) await redis.reportOddKey('complete', keys.completed(queue), 'zset');
    return results;
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
    requeueTasks(
      redis,
      queue,
      batch.map(({ claim }) => claim),
    ),
};

const toReply = (result: number): SettleReply => (result > 0 ? 'settled' : 'leaseLost');

/** By the results of the script. */
const REQUEUE_REPLIES: readonly SettleReply[] = ['leaseLost', 'settled', ...CANCEL_OUTCOMES];

function toRequeueReply(result: number): SettleReply {
  const reply = REQUEUE_REPLIES[result];
  if (!reply) throw unexpectedReply(scripts.requeue, result);
  return reply;
}

function requeueTasks(redis: RedisLink, queue: string, claims: readonly LeaseClaim[]): Promise<unknown> {
  return redis.run(
    scripts.requeue,
    { ...leaseKeys(queue), pending: keys.pending(queue), task: claims.map(({ id }) => keys.task(queue, id)) },
    { pendingSinceNs: redis.clock.nowNs() },
    claims.map((claim) => ({ taskId: claim.id, leases: leasesOf(claim) })),
  );
}

/** Archives leased tasks, for their server or for the recoverer, which also passes the number of crashes. */
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

/** Which tasks hold one, as the scripts count: from 1. */
const lockHolders = (batch: readonly Settlement[]): string =>
  batch.flatMap(({ message }, index) => (message.uniqueKey === '' ? [] : [index + 1])).join(',');

/** As `done` reads them. Tasks that were fetched or extended together have the same scores. */
function leasesOfAll(batch: readonly Settlement[]): string {
  const runs: string[] = [];
  for (let at = 0; at < batch.length;) {
    const { claim } = batch[at]!;
    const first = at;
    while (at < batch.length && isSameProof(claim, batch[at]!.claim)) at++;
    runs.push(`${leasesOf(claim)}:${at - first}`);
  }
  return runs.join(' ');
}

const isSameProof = ({ expiriesS: one }: LeaseClaim, { expiriesS: other }: LeaseClaim): boolean =>
  one.length === other.length && one.every((expiresAtS, i) => expiresAtS === other[i]);

const processedKeys = (redis: RedisLink, queue: string) => ({
  processedToday: keys.processedOn(queue, utcDay(redis.clock.nowMs())),
  processed: keys.processed(queue),
});

const failedKeys = (redis: RedisLink, queue: string) => ({
  failedToday: keys.failedOn(queue, utcDay(redis.clock.nowMs())),
  failed: keys.failed(queue),
});

const statsExpireAtS = (redis: RedisLink): number => floorS(redis.clock.nowMs() + DAILY_COUNTS_LIFE_MS);
