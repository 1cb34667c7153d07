import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS } from '../../wire/unix-time.js';
import type { ForwardOps } from '../contract/forward.js';
import { DuePlan, type Waiting } from './due-plan.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';

/** Lua cannot unpack many more ids at once. */
const MOST_PER_CALL = 1_000;

export function forwardOps(redis: RedisLink, subscriber: RedisSubscriber): ForwardOps {
  /** By queue, of `scheduled` and `retry`. */
  const plans = new Map<string, readonly DuePlan[]>();

  function plansOf(queue: string): readonly DuePlan[] {
    let own = plans.get(queue);
    if (!own) {
      own = [keys.scheduled(queue), keys.retry(queue)].map((source) => new DuePlan(redis, queue, source));
      plans.set(queue, own);
    }
    return own;
  }

  async function forward(queue: string, plan: DuePlan, due: readonly Waiting[]): Promise<number> {
    const moved = (await toPending(redis, queue, plan.source, due)) + (await toGroups(redis, queue, plan.source, due));
    plan.drop(due);
    return moved;
  }

  return {
    async forwardDue(queue, limit) {
      const most = Math.min(limit, MOST_PER_CALL);
      const own = plansOf(queue);
      const due = await Promise.all(own.map((plan) => plan.nextDue(redis.clock.nowMs(), most)));
      let moved = 0;
      for (const [i, plan] of own.entries()) {
        let batch = due[i]!;
        if (batch.length === 0) continue;
        const gone = await forward(queue, plan, batch);
        moved += gone;
        if (gone > 0) continue;
        // A plan of the time before another server led the queue.
        plan.clear();
        batch = await plan.nextDue(redis.clock.nowMs(), most);
        moved += await forward(queue, plan, batch);
      }
      const nowMs = redis.clock.nowMs();
      const next = own.flatMap((plan) => plan.nextDueAtMs(nowMs) ?? []);
      return { moved, nextDueAtMs: next.length > 0 ? Math.min(...next) : undefined };
    },

    async onNudge(queue, listener) {
      const end = await subscriber.subscribe(keys.nudgeChannel(queue), listener);
      return async () => {
        plans.delete(queue); // of no more use to a server that does not lead
        await end();
      };
    },
  };
}
async function toPending(redis: RedisLink, queue: string, source: string, due: readonly Waiting[]): Promise<number> {
  const tasks = due.filter(({ group }) => group === '');
  if (tasks.length === 0) return 0;
  return (await redis.run(
    scripts.forward,
    { source, pending: keys.pending(queue), task: tasks.map(({ id }) => keys.task(queue, id)) },
    { pendingSinceNs: redis.clock.nowNs() },
    tasks.map(({ id, score, dueText }) => ({ taskId: id, score, dueAtMs: dueText })),
  )) as number;
}

async function toGroups(redis: RedisLink, queue: string, source: string, due: readonly Waiting[]): Promise<number> {
  const tasks = due.filter(({ group }) => group !== '');
  if (tasks.length === 0) return 0;
  return (await redis.run(
    scripts.forwardToGroup,
    {
      source,
      groups: keys.groups(queue),
      fullSizes: keys.fullSizes(queue),
      task: tasks.map(({ id }) => keys.task(queue, id)),
      group: tasks.map(({ group }) => keys.group(queue, group)),
    },
    { addedAtS: floorS(redis.clock.nowMs()), groupsChannel: keys.groupsChannel(queue) },
    tasks.map(({ id, score, dueText, group }) => ({ taskId: id, score, dueAtMs: dueText, groupName: group })),
  )) as number;
}
