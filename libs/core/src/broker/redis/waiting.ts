import * as scripts from '../../scripts/scripts.generated.js';
import { readChannelMessage } from '../../wire/channel-message.js';
import { keys } from '../../wire/keys.js';
import { TASK_STATES } from '../../wire/task-state.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import { cancelOutcomeIn, encodeCancelRecord } from '../../wire/cancel-record.js';
import type { CancelOutcome } from '../../wire/cancel-record.js';
import { AWAITED_LIFE_MS, type TaskEnding, type WaitOps } from '../contract/waiting.js';
import { readStoredMessage } from '../stored-message.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';

/** As `tell-waiters` writes it. */
const deletedMember = (taskId: string): string => `\0deleted ${taskId}`;

export function waitOps(redis: RedisLink, subscriber: RedisSubscriber): WaitOps {
  return {
    /** Asks first, looks then, and reads last how it ended: an end in between is told by one of the two. */
    async awaitTask(queue, taskId) {
      const awaited = keys.awaited(queue);
      const nowMs = redis.clock.nowMs();
      const replies = await redis.pipeline(
        'ZADD',
        (pipeline) => {
          pipeline
            .zremrangebyscore(awaited, '-inf', floorS(nowMs)) // those who gave up
            .zadd(awaited, ceilS(nowMs + AWAITED_LIFE_MS), taskId)
            .pexpire(awaited, AWAITED_LIFE_MS)
            .hget(keys.task(queue, taskId), 'state')
            .zscore(awaited, deletedMember(taskId));
        },
        null,
      ); // where `awaited` is of another type nobody is told, and the wait polls
      return TASK_STATES.find((state) => state === replies[3]) ?? (replies[4] === null ? undefined : 'deleted');
    },

    onTaskEnded: (queue, listener) =>
      subscriber.subscribe(keys.endedChannel(queue), (message) => {
        const { word, name } = readChannelMessage(message);
        listener(name, word as TaskEnding);
      }),

    async publishCancel(taskId) {
      await redis.command('PUBLISH', (client) => client.publish(keys.cancelChannel, taskId));
    },

    onCancel: (listener) => subscriber.subscribe(keys.cancelChannel, listener),

    async requestCancel(queue, taskId, outcome) {
      const task = keys.task(queue, taskId);
      const bytes = await redis.command('HGET', (client) => client.hgetBuffer(task, 'msg'));
      if (!bytes) return false;
      const record = encodeCancelRecord(outcome, readStoredMessage(queue, taskId, bytes).message);
      const args = { record, cancelChannel: keys.cancelChannel, taskId };
      return (await redis.run(scripts.requestCancel, { task }, args)) === 1;
    },

    async requestedOutcome(queue, taskId) {
      const text = await redis.command('HGET', (client) => client.hget(keys.task(queue, taskId), 'cancel_then'));
      return text === null ? undefined : toCancelOutcome(text);
    },
  };
}

export const toCancelOutcome = (record: Buffer | string): CancelOutcome | undefined =>
  cancelOutcomeIn(record.toString());
