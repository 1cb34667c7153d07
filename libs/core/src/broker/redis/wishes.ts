import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeCancelRecord, wishIn } from '../cancel-record.js';
import { readStoredMessage } from '../stored-message.js';
import type { CancelOutcome, WishOps } from '../wait-roles.js';
import type { RedisLink } from './redis-link.js';

export function wishOps(redis: RedisLink): WishOps {
  return {
    async wishCancel(queue, taskId, wish) {
      const task = keys.task(queue, taskId);
      const bytes = await redis.command('HGET', (client) => client.hgetBuffer(task, 'msg'));
      if (!bytes) return false;
      const record = encodeCancelRecord(wish, readStoredMessage(queue, taskId, bytes).message);
      const args = { record, cancelChannel: keys.cancelChannel, taskId };
      return (await redis.run(scripts.wishCancel, { task }, args)) === 1;
    },

    async cancelWish(queue, taskId) {
      const text = await redis.command('HGET', (client) => client.hget(keys.task(queue, taskId), 'cancel_then'));
      return text === null ? undefined : toWish(text);
    },
  };
}

export const toWish = (record: Buffer | string): CancelOutcome | undefined => wishIn(record.toString());
