import { KeyTypeError } from '../../errors/key-type.error.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { floorS } from '../../wire/unix-time.js';
import type { ForwardOps, ForwardReply } from '../contract/forward.js';
import type { Waiting } from './due-ahead.js';
import { DuePlan } from './due-plan.js';
import { groupListKeys } from './group-names.js';
import type { JoinedCommands } from './joined-commands.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';

/** Lua's `unpack` is limited to a few thousand ids. */
const MOST_PER_CALL = 1_000;

const NOTHING: ForwardReply = { moved: 0, nextDueAtMs: undefined };

export function forwardOps(redis: RedisLink, joined: JoinedCommands, subscriber: RedisSubscriber): ForwardOps {
  /** By queue, of `scheduled` and `retry`. */
  const plans = new Map<string, readonly DuePlan[]>();
  /** Queues in which the last look found waiting tasks. Of many others one command tells that they have none. */
  const waiting = new Set<string>();

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
      if (!waiting.has(queue) && !(await joined.exists([keys.scheduled(queue), keys.retry(queue)]))) return NOTHING;
      const most = Math.min(limit, MOST_PER_CALL);
      const own = plansOf(queue);
      // A set of another type delays nothing else.
      const nextDue = (plan: DuePlan, limit: number) => redis.orElse(plan.nextDue(redis.clock.nowMs(), limit), []);
      const due = await Promise.all(own.map((plan) => nextDue(plan, most)));
      let moved = 0;
      for (const [i, plan] of own.entries()) {
        let batch = due[i]!;
        if (batch.length === 0) continue;
        const gone = await forward(queue, plan, batch);
        moved += gone;
        if (gone === batch.length) continue;
        // Others moved or deleted tasks of the plan, which is from before, and may have added some.
        plan.clear();
        batch = await nextDue(plan, most - gone);
        moved += await forward(queue, plan, batch);
      }
      const nowMs = redis.clock.nowMs();
      if (moved === 0) await Promise.all(own.map((plan) => plan.readAhead(nowMs)));
      const next = own.flatMap((plan) => plan.nextDueAtMs(nowMs) ?? []);
      if (next.length === 0) waiting.delete(queue);
      else waiting.add(queue);
      return { moved, nextDueAtMs: next.length > 0 ? Math.min(...next) : undefined };
    },

    async onNudge(queue, listener) {
      const end = await subscriber.subscribe(keys.nudgeChannel(queue), listener);
      return async () => {
        plans.delete(queue); // useless to a server that no longer leads
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
  const [moved, oddGroup, found] = (await redis.run(
    scripts.forwardToGroup,
    {
      source,
      ...groupListKeys(queue),
      fullSizes: keys.fullSizes(queue),
      task: tasks.map(({ id }) => keys.task(queue, id)),
      group: tasks.map(({ group }) => keys.group(queue, group)),
    },
    { addedAtS: floorS(redis.clock.nowMs()), groupsChannel: keys.groupsChannel(queue) },
    tasks.map(({ id, score, dueText, group }) => ({ taskId: id, score, dueAtMs: dueText, groupName: group })),
  )) as [moved: number, oddGroup?: Buffer, found?: Buffer];
  if (oddGroup) redis.reportOdd(new KeyTypeError('forward-to-group', String(oddGroup), String(found), 'zset'));
  return moved;
}
