import { keys } from '../../wire/keys.js';
import { TASK_STATES } from '../../wire/task-state.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import { AWAITED_LIFE_MS, type TaskEnding, type WaitOps } from '../wait-roles.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';

export function waitOps(redis: RedisLink, subscriber: RedisSubscriber): WaitOps {
  return {
    /** Asks first and looks then, so that an end between the two is told. */
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
            .hget(keys.task(queue, taskId), 'state');
        },
        null,
      ); // where `awaited` is of another type nobody is told, and the wait polls
      return TASK_STATES.find((state) => state === replies[3]);
    },

    onTaskEnded: (queue, listener) =>
      subscriber.subscribe(keys.endedChannel(queue), (message) => {
        const space = message.indexOf(' ');
        listener(message.slice(space + 1), message.slice(0, space) as TaskEnding);
      }),
  };
}
