import { keys } from '../../wire/keys.js';
import { floorS } from '../../wire/unix-time.js';
import type { CancelOps, PauseOps } from '../roles.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';

export function queueControlOps(redis: RedisLink, subscriber: RedisSubscriber): PauseOps & CancelOps {
  return {
    async pause(queue) {
      const pausedAtS = floorS(redis.clock.nowMs());
      return (await redis.command('SETNX', (client) => client.setnx(keys.paused(queue), pausedAtS))) === 1;
    },

    async unpause(queue) {
      if ((await redis.command('DEL', (client) => client.del(keys.paused(queue)))) === 0) return false;
      await redis.command('PUBLISH', (client) => client.publish(keys.nudgeChannel(queue), ''));
      return true;
    },

    async publishCancel(taskId) {
      await redis.command('PUBLISH', (client) => client.publish(keys.cancelChannel, taskId));
    },

    onCancel: (listener) => subscriber.subscribe(keys.cancelChannel, listener),
  };
}
