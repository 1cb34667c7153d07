import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { ceilS, floorS, fromS } from '../../wire/unix-time.js';
import type { ForwardOps } from '../roles.js';
import { exactDueAtMs } from './due-time.js';
import { dropOrphans } from './orphans.js';
import type { RedisLink } from './redis-link.js';
import { lowest, type ScoredId } from './scored-ids.js';
import type { RedisSubscriber } from './redis-subscriber.js';

/** A task that waits in `scheduled` or `retry`. */
interface Waiting {
  readonly id: string;
  /** As text, the way Redis prints it: the scripts compare it. */
  readonly score: string;
  readonly dueAtMs: number;
  readonly group: string;
  readonly hasMessage: boolean;
}

/** What waits in `scheduled` or `retry`, as far as it concerns the moment. */
interface Look {
  readonly source: string;
  readonly due: readonly Waiting[];
  readonly orphans: readonly string[];
  /** When to look again; `undefined` when nothing else waits. */
  readonly nextDueAtMs: number | undefined;
}

/** Most tasks of one second that are told apart by the millisecond. Those beyond wait for their turn in it. */
const CROWD = 1_000;

export function forwardOps(redis: RedisLink, subscriber: RedisSubscriber): ForwardOps {
  /** By sorted set: tasks of the running second that are not due yet, so that a crowd is read once, not at every look. */
  const known = new Map<string, ReadonlyMap<string, Waiting>>();

  async function look(queue: string, source: string, limit: number): Promise<Look> {
    const nowMs = redis.clock.nowMs();
    const entries = await lowest(redis, source, CROWD + 1); // one more: is there anybody behind the crowd?
    // A score is the exact time rounded up: tasks of the second that is running may be due already.
    const candidates = entries.slice(0, CROWD).filter(({ score }) => Number(score) <= ceilS(nowMs));
    const seen = known.get(source);
    const waitsOn = ({ id, score }: ScoredId): Waiting | undefined => {
      const waiting = seen?.get(id);
      return waiting?.score === score && waiting.dueAtMs > nowMs ? waiting : undefined;
    };
    const read = await readWaiting(
      redis,
      queue,
      candidates.filter((entry) => !waitsOn(entry)),
    );
    const sound = read.filter(({ hasMessage }) => hasMessage).sort((a, b) => a.dueAtMs - b.dueAtMs);
    const due = sound.filter(({ dueAtMs }) => dueAtMs <= nowMs);
    const notDue = [
      ...candidates.flatMap((entry) => waitsOn(entry) ?? []),
      ...sound.filter((task) => task.dueAtMs > nowMs),
    ];
    if (notDue.length > 0) known.set(source, new Map(notDue.map((waiting) => [waiting.id, waiting])));
    else known.delete(source);

    const later = entries[candidates.length];
    const next = [
      ...notDue.map(({ dueAtMs }) => dueAtMs),
      ...(later ? [fromS(Number(later.score) - 1) + 1] : []), // its second begins then: look at it closely
      ...(due.length > limit ? [nowMs] : []),
    ];
    return {
      source,
      due: due.slice(0, limit),
      orphans: read.filter(({ hasMessage }) => !hasMessage).map(({ id }) => id),
      nextDueAtMs: next.length > 0 ? Math.max(Math.min(...next), nowMs) : undefined,
    };
  }

  return {
    async forwardDue(queue, limit) {
      const looks = await Promise.all([
        look(queue, keys.scheduled(queue), limit),
        look(queue, keys.retry(queue), limit),
      ]);
      let moved = 0;
      for (const { source, due, orphans } of looks) {
        if (orphans.length > 0) await dropOrphans(redis, queue, orphans);
        moved += await toPending(redis, queue, source, due);
        moved += await toGroups(redis, queue, source, due);
      }
      const next = looks.flatMap(({ nextDueAtMs }) => nextDueAtMs ?? []);
      return { moved, nextDueAtMs: next.length > 0 ? Math.min(...next) : undefined };
    },

    onNudge: (queue, listener) => subscriber.subscribe(keys.nudgeChannel(queue), listener),
  };
}

async function readWaiting(redis: RedisLink, queue: string, entries: readonly ScoredId[]): Promise<Waiting[]> {
  if (entries.length === 0) return [];
  const replies = await redis.pipeline('HMGET', (pipeline) => {
    for (const { id } of entries)
      pipeline.hmget(keys.task(queue, id), 'due_at_ms', 'group').hexists(keys.task(queue, id), 'msg');
  });
  return entries.map(({ id, score }, i) => {
    const [dueAtMs, group] = replies[2 * i] as [string | null, string | null];
    return {
      id,
      score,
      dueAtMs: exactDueAtMs(Number(score), dueAtMs),
      group: group ?? '',
      hasMessage: replies[2 * i + 1] === 1,
    };
  });
}

async function toPending(redis: RedisLink, queue: string, source: string, due: readonly Waiting[]): Promise<number> {
  const tasks = due.filter(({ group }) => group === '');
  if (tasks.length === 0) return 0;
  return (await redis.run(
    scripts.forward,
    { source, pending: keys.pending(queue), task: tasks.map(({ id }) => keys.task(queue, id)) },
    { pendingSinceNs: redis.clock.nowNs() },
    tasks.map(({ id, score }) => ({ taskId: id, score })),
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
    tasks.map(({ id, score, group }) => ({ taskId: id, score, groupName: group })),
  )) as number;
}
