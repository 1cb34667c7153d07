import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeSchedulerEnqueueEvent, encodeSchedulerEntry } from '../../wire/scheduler-entry.js';
import { floorS, fromNs } from '../../wire/unix-time.js';
import { HISTORY_SIZE, type PlanOps } from '../schedule-roles.js';
import type { RedisLink } from './redis-link.js';

/**
 * How long a history outlives its last event: a scheduler that is killed cannot delete those of its entries, and begins
 * new ones when it comes back. Longer than a month, for monthly schedules.
 */
const HISTORY_LIFE_S = 35 * 24 * 3600;

export function planOps(redis: RedisLink): PlanOps {
  return {
    async writePlan(schedulerId, entries, ttlS) {
      const plan = keys.scheduler(schedulerId);
      const expiresAtS = floorS(redis.clock.nowMs()) + ttlS;
      await redis.command('ZADD', (client) => client.zadd(keys.schedulers, expiresAtS, plan));
      const items = entries.map((entry) => ({ entry: encodeSchedulerEntry(entry) }));
      await redis.run(scripts.writePlan, { plan }, { ttlS }, items);
    },

    async clearPlan(schedulerId) {
      const plan = keys.scheduler(schedulerId);
      await redis.command('ZREM', (client) => client.zrem(keys.schedulers, plan));
      await redis.command('DEL', (client) => client.del(plan));
    },

    async recordEnqueueEvent(entryId, event) {
      const history = keys.schedulerHistory(entryId);
      const enqueuedAtS = floorS(fromNs(event.enqueuedAtNs));
      await redis.pipeline('ZADD', (pipeline) => {
        pipeline
          .zremrangebyrank(history, 0, -HISTORY_SIZE) // leaves room for one more
          .zadd(history, enqueuedAtS, encodeSchedulerEnqueueEvent(event))
          .expire(history, HISTORY_LIFE_S);
      });
    },

    async clearHistory(entryId) {
      await redis.command('DEL', (client) => client.del(keys.schedulerHistory(entryId)));
    },
  };
}
