import { randomUUID } from 'node:crypto';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { floorS } from '../../wire/unix-time.js';
import {
  type GroupLimits,
  LARGEST_SET,
  LARGEST_SET_BYTES,
  SET_LIFE_S,
  SMALL_SET,
  SMALL_SET_BYTES,
  type TakenSet,
} from '../contract/groups.js';
import { MOST_READ_BYTES } from '../contract/lists.js';
import { readStoredMessage } from '../stored-message.js';
import type { SetName } from './aggregation-sets.js';
import type { JoinedCommands } from './joined-commands.js';
import { readHashes } from './read-hashes.js';
import { unexpectedReply } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';

/** An unusable member of a set, and the message to archive in its place; no message: drop it. */
interface InvalidMember {
  readonly id: string;
  readonly message?: TaskMessage | undefined;
  /** The original bytes, when they do not decode. */
  readonly rawMessage?: Uint8Array | undefined;
}

/** -1: the group is too large for the set. 0: it is not ripe. */
type TakeReply = -1 | 0 | readonly [ids: readonly Buffer[], messages: readonly (Buffer | null)[], left: number];

/** Takes tasks of ripe groups as aggregation sets. */
export class GroupTaker {
  /** @param onUnconfirmed hears of a set that a failed call may have taken */
  constructor(
    private readonly redis: RedisLink,
    private readonly joined: JoinedCommands,
    private readonly onUnconfirmed: (queue: string, set: SetName) => void,
  ) {}

  async takeRipe(queue: string, group: string, limits: GroupLimits): Promise<TakenSet | undefined> {
    const most = Math.min(limits.maxSize || Infinity, LARGEST_SET);
    const set = await takeUsable(async () => {
      const ids = await this.oldestIds(queue, group, most);
      return this.take(queue, group, limits, ids, LARGEST_SET_BYTES, false);
    });
    return set === 'tooLarge' ? undefined : set;
  }

  async takeSmall(queue: string, group: string, limits: GroupLimits): Promise<TakenSet | 'tooLarge' | undefined> {
    const most = Math.min(limits.maxSize || Infinity, SMALL_SET + 1);
    return takeUsable(async () => {
      const ids = await this.oldestIds(queue, group, most);
      return ids.length > SMALL_SET ? 'tooLarge' : this.take(queue, group, limits, ids, SMALL_SET_BYTES, true);
    });
  }

  private oldestIds(queue: string, group: string, most: number): Promise<string[]> {
    const key = keys.group(queue, group);
    return this.joined.send('ZRANGE', key, (pipeline) => pipeline.zrange(key, '0', String(most - 1))) as Promise<
      string[]
    >;
  }

  private async take(
    queue: string,
    group: string,
    limits: GroupLimits,
    ids: readonly string[],
    mostBytes: number,
    isWhole: boolean,
  ): Promise<TakenSet | 'tooLarge' | undefined> {
    const { redis } = this;
    const nowS = floorS(redis.clock.nowMs());
    const set = { group, setId: randomUUID(), deadlineS: nowS + SET_LIFE_S };
    try {
      const reply = (await redis.run(
        scripts.takeGroup,
        {
          group: keys.group(queue, group),
          aggregationSet: keys.aggregationSet(queue, group, set.setId),
          aggregationSets: keys.aggregationSets(queue),
          groups: keys.groups(queue),
          newest: keys.groupsByNewest(queue),
          oldest: keys.groupsByOldest(queue),
          task: ids.map((id) => keys.task(queue, id)),
        },
        {
          nowS,
          ...limits,
          mostBytes,
          isWhole: Number(isWhole),
          replyBytes: MOST_READ_BYTES,
          deadlineS: set.deadlineS,
          groupName: group,
          groupsChannel: keys.groupsChannel(queue),
        },
        ids.map((taskId) => ({ taskId })),
      )) as TakeReply;
      if (reply === -1) return 'tooLarge';
      if (reply === 0) return undefined;
      if (typeof reply === 'number') throw unexpectedReply(scripts.takeGroup, reply);
      const [taken, messages, left] = reply;
      if (messages.length > taken.length) throw unexpectedReply(scripts.takeGroup, reply);
      const tasks = await readMembers(redis, queue, set, taken.map(String), messages);
      return { ...set, tasks, left };
    } catch (error) {
      this.onUnconfirmed(queue, set);
      throw error;
    }
  }
}

/** Goes on while all tasks of a set are unusable: it is gone then, and the next tasks may be ripe, too. */
async function takeUsable(
  take: () => Promise<TakenSet | 'tooLarge' | undefined>,
): Promise<TakenSet | 'tooLarge' | undefined> {
  for (;;) {
    const set = await take();
    if (set === undefined || set === 'tooLarge' || set.tasks.length > 0) return set;
    if (set.left === 0) return undefined;
  }
}

/** The valid messages of a set; all other members are removed from it. */
async function readMembers(
  redis: RedisLink,
  queue: string,
  set: SetName,
  ids: readonly string[],
  read: readonly (Buffer | null)[],
): Promise<TaskMessage[]> {
  const unread = ids.slice(read.length).map((id) => keys.task(queue, id));
  const messages = [...read, ...(await readHashes(redis, unread, ['msg'])).map(([message]) => message)];
  const sound: TaskMessage[] = [];
  const invalid: InvalidMember[] = [];
  ids.forEach((id, i) => {
    const rawMessage = messages[i];
    const stored = rawMessage && readStoredMessage(queue, id, rawMessage);
    if (stored?.isSound) sound.push(stored.message);
    else invalid.push(stored ? { id, message: stored.message, rawMessage } : { id });
  });
  if (invalid.length > 0) await removeInvalidMembers(redis, queue, set, invalid);
  return sound;
}

export async function removeInvalidMembers(
  redis: RedisLink,
  queue: string,
  { group, setId, deadlineS }: SetName,
  invalid: readonly InvalidMember[],
): Promise<number> {
  return (await redis.run(
    scripts.repairSet,
    {
      aggregationSet: keys.aggregationSet(queue, group, setId),
      aggregationSets: keys.aggregationSets(queue),
      archived: keys.archived(queue),
      task: invalid.map(({ id }) => keys.task(queue, id)),
    },
    { deadlineS, archivedAtS: floorS(redis.clock.nowMs()) },
    invalid.map(({ id, message, rawMessage }) => ({
      taskId: id,
      message: message ? encodeTaskMessage(message) : '',
      rawMessage: rawMessage ?? '',
    })),
  )) as number;
}
