import type { RedisCommandError } from '../../errors/redis-command.error.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { readChannelMessage } from '../../wire/channel-message.js';
import { keys } from '../../wire/keys.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import type { NewTask } from '../contract/enqueue.js';
import {
  type AggregationSet,
  AWAITED_SIZES_LIFE_MS,
  type FinishReply,
  type GroupChange,
  type GroupOps,
} from '../contract/groups.js';
import { giveBack, type SetName } from './aggregation-sets.js';
import { groupRepairOps } from './group-repair.js';
import { groupTimesOps } from './group-times.js';
import { newTaskArgs } from './new-task.js';
import type { JoinedCommands } from './joined-commands.js';
import type { RedisLink } from './redis-link.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import { GroupTaker, removeInvalidMembers } from './take-group.js';

export function groupOps(redis: RedisLink, joined: JoinedCommands, subscriber: RedisSubscriber): GroupOps {
  /** Sets, by queue, that a failed call may have taken: no server works on them. */
  const unconfirmed = new Map<string, SetName[]>();

  const taker = new GroupTaker(redis, joined, (queue, set) => {
    unconfirmed.set(queue, [...(unconfirmed.get(queue) ?? []), set]);
  });
  const times = groupTimesOps(redis);

  /** A set that cannot be returned waits for its deadline, like the sets of a lost server. */
  async function giveBackUnconfirmed(queue: string): Promise<void> {
    const sets = unconfirmed.get(queue) ?? [];
    for (let set = sets[0]; set; set = sets[0]) {
      try {
        await giveBack(redis, queue, set);
      } catch (error) {
        if ((error as RedisCommandError).isTransient) throw error;
      }
      sets.shift();
    }
  }

  return {
    ...times,

    async waitingGroups(queue, position) {
      await giveBackUnconfirmed(queue);
      return times.waitingGroups(queue, position);
    },

    takeRipe: (queue, group, limits) => taker.takeRipe(queue, group, limits),

    takeSmall: (queue, group, limits) => taker.takeSmall(queue, group, limits),

    async awaitSizes(queue, sizes) {
      if (sizes.length === 0) return;
      const fullSizes = keys.fullSizes(queue);
      const nowMs = redis.clock.nowMs();
      const untilS = ceilS(nowMs + AWAITED_SIZES_LIFE_MS);
      const written = redis.pipeline('ZADD', (pipeline) => {
        pipeline
          .zremrangebyscore(fullSizes, '-inf', floorS(nowMs)) // requests of stopped servers
          .zadd(fullSizes, ...sizes.flatMap((size) => [untilS, size]))
          .pexpire(fullSizes, AWAITED_SIZES_LIFE_MS);
      });
      await redis.orElse(written, []);
    },

    onGroupChanged: (queue, listener) =>
      subscriber.subscribe(keys.groupsChannel(queue), (message) => {
        const { word, name } = readChannelMessage(message);
        listener(name, word as GroupChange);
      }),

    archiveMembers: (queue, set, messages) =>
      removeInvalidMembers(
        redis,
        queue,
        set,
        messages.map((message) => ({ id: message.id, message })),
      ),

    finishSet: (queue, set, task) => finish(redis, queue, set, task),

    returnSet: (queue, set) => giveBack(redis, queue, set),

    ...groupRepairOps(redis, joined),
  };
}

async function finish(redis: RedisLink, queue: string, set: AggregationSet, task: NewTask): Promise<FinishReply> {
  const { group, setId, deadlineS, tasks } = set;
  const { message, uniqueTtlS } = task;
  const ids = tasks.map(({ id }) => id);
  const locks = tasks.map(({ uniqueKey }) => lockOf(queue, uniqueKey));
  const ownLocks = locks.filter((lock) => lock !== '');
  const nowMs = redis.clock.nowMs();
  const reply = (await redis.run(
    scripts.finishSet,
    {
      aggregationSet: keys.aggregationSet(queue, group, setId),
      aggregationSets: keys.aggregationSets(queue),
      pending: keys.pending(queue),
      scheduled: keys.scheduled(queue),
      awaited: keys.awaited(queue),
      aggregate: keys.task(queue, message.id),
      completed: keys.completed(queue),
      task: ids.map((id) => keys.task(queue, id)),
      lock: uniqueTtlS === undefined ? ownLocks : [...ownLocks, message.uniqueKey],
    },
    {
      deadlineS,
      nowS: floorS(nowMs),
      nowNs: redis.clock.nowNs(),
      nudgeChannel: keys.nudgeChannel(queue),
      endedChannel: keys.endedChannel(queue),
      ...newTaskArgs(task, nowMs),
    },
    ids.map((taskId, i) => ({ taskId, hasLock: Number(locks[i] !== '') })),
  )) as number | Buffer;
  if (Buffer.isBuffer(reply)) return { status: 'duplicate', holderId: reply.toString() };
  return { status: reply === 1 ? 'finished' : reply === 0 ? 'idConflict' : 'setLost' };
}

/**
 * '' for none. Go writes the name of a member's lock only into its message. A name in another queue is in another slot.
 */
const lockOf = (queue: string, uniqueKey: string): string =>
  uniqueKey.startsWith(keys.uniquePrefix(queue)) ? uniqueKey : '';
