import * as scripts from '../../scripts/scripts.generated.js';
import { readChannelMessage } from '../../wire/channel-message.js';
import { keys } from '../../wire/keys.js';
import { TASK_STATES, type TaskState } from '../../wire/task-state.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import { cancelOutcomeIn, encodeCancelRecord } from '../../wire/cancel-record.js';
import type { CancelOutcome } from '../../wire/cancel-record.js';
import { AWAITED_LIFE_MS, type TaskEnding, type WaitOps } from '../contract/waiting.js';
import { readStoredMessage } from '../stored-message.js';
import { joinedReads } from './batches.js';
import { publish } from './publish.js';
import { readHashes } from './read-hashes.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';

/** As `notify-waiters` writes it. */
const deletedMember = (taskId: string): string => `\0deleted ${taskId}`;

export function waitOps(redis: RedisLink, subscriber: RedisSubscriber): WaitOps {
  /** A process may wait for thousands of tasks. */
  const awaitTask = joinedReads((queue, taskIds) => awaitTasks(redis, queue, taskIds));

  return {
    awaitTask,

    onTaskEnded: (queue, listener) =>
      subscriber.subscribe(keys.endedChannel(queue), (message) => {
        const { word, name } = readChannelMessage(message);
        listener(name, word as TaskEnding);
      }),

    publishCancel: (taskId) => publish(redis, keys.cancelChannel, taskId),

    onCancel: (listener) => subscriber.subscribe(keys.cancelChannel, listener),

    async requestCancel(queue, taskId, outcome) {
      const task = keys.task(queue, taskId);
      const [bytes] = (await readHashes(redis, [task], ['msg']))[0]!;
      if (!bytes) return false;
      const record = encodeCancelRecord(outcome, readStoredMessage(queue, taskId, bytes).message);
      const args = { record, cancelChannel: keys.cancelChannel, taskId };
      return (await redis.run(scripts.requestCancel, { task }, args)) === 1;
    },

    async requestedOutcome(queue, taskId) {
      const [record] = (await readHashes(redis, [keys.task(queue, taskId)], ['cancel_then']))[0]!;
      return record ? toCancelOutcome(record) : undefined;
    },
  };
}

type AwaitedState = TaskState | 'deleted' | undefined;

/** Adds the requests, then reads the states, then the recorded ends: so an end in between is not missed. */
async function awaitTasks(redis: RedisLink, queue: string, ids: readonly string[]): Promise<AwaitedState[]> {
  const awaited = keys.awaited(queue);
  const nowMs = redis.clock.nowMs();
  const untilS = ceilS(nowMs + AWAITED_LIFE_MS);
  const replies = await redis.pipeline(
    'ZADD',
    (pipeline) => {
      pipeline
        .zremrangebyscore(awaited, '-inf', floorS(nowMs)) // expired requests
        .zadd(awaited, ...ids.flatMap((id) => [untilS, id]))
        .pexpire(awaited, AWAITED_LIFE_MS);
      for (const id of ids) pipeline.hget(keys.task(queue, id), 'state');
    },
    null,
  ); // if `awaited` is of another type, there are no notifications, and the wait polls
  const states = replies.slice(-ids.length).map((found) => TASK_STATES.find((state) => state === found));
  const deleted = await recordedAsDeleted(
    redis,
    awaited,
    ids.filter((_, i) => states[i] === undefined),
  );
  return ids.map((id, i) => states[i] ?? (deleted.has(id) ? 'deleted' : undefined));
}

async function recordedAsDeleted(
  redis: RedisLink,
  awaited: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const scores = await redis.pipeline(
    'ZSCORE',
    (pipeline) => {
      for (const id of ids) pipeline.zscore(awaited, deletedMember(id));
    },
    null,
  );
  return new Set(ids.filter((_, i) => scores[i] !== null));
}

export const toCancelOutcome = (record: Buffer | string): CancelOutcome | undefined =>
  cancelOutcomeIn(record.toString());
