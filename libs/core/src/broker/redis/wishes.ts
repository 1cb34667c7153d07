import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { CANCEL_WISHES, type CancelWish, type WishOps } from '../wait-roles.js';
import type { RedisLink } from './redis-link.js';

export function wishOps(redis: RedisLink): WishOps {
  return {
    async wishCancel(queue, taskId, wish) {
      const args = { wish, cancelChannel: keys.cancelChannel, taskId };
      return (await redis.run(scripts.wishCancel, { task: keys.task(queue, taskId) }, args)) === 1;
    },

    async cancelWish(queue, taskId) {
      const text = await redis.command('HGET', (client) => client.hget(keys.task(queue, taskId), 'cancel_then'));
      return text === null ? undefined : toWish(text);
    },
  };
}

/** `undefined` for a wish that a newer version may know. */
export function toWish(text: Buffer | string): CancelWish | undefined {
  return CANCEL_WISHES.find((wish) => wish === text.toString());
}
