import { isDeepStrictEqual } from 'node:util';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { sleep, systemClock } from '../../runtime/clock.js';
import { joinCalls } from '../../runtime/join-calls.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import { EXPECTED_GROUPS_LIFE_MS } from '../group-roles.js';
import type { EnqueueOps, EnqueueOutcome, NewTask } from '../roles.js';
import { readStoredMessage } from '../stored-message.js';
import { QueueNames } from './queue-names.js';
import { readHashes } from './read-hashes.js';
import type { RedisLink } from './redis-link.js';

/** Most tasks, and most bytes, of one script call: Redis serves nobody else while a script runs. */
const BATCH_TASKS = 500;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Waits between attempts of a call that met a passing failure; after the last the task is reported as failed. */
const REPEAT_DELAYS_MS = [50, 250, 1_000];

interface Encoded {
  readonly task: NewTask;
  readonly message: Uint8Array;
}

interface Entry extends Encoded {
  readonly index: number;
}

/** What becomes of a task that is written; each has a script of its own. */
type Kind = 'pending' | 'scheduled' | 'aggregating';

/** Tasks of one queue and kind that go in one script call. */
interface Batch {
  readonly queue: string;
  readonly kind: Kind;
  readonly entries: Entry[];
  bytes: number;
}

export function enqueueOps(redis: RedisLink): EnqueueOps {
  const queueNames = new QueueNames(redis);

  async function write(batch: Batch, isRepeat: boolean): Promise<EnqueueOutcome[]> {
    const replies = await WRITERS[batch.kind](redis, batch, isRepeat);
    const known = isRepeat ? await recognizeOwn(redis, batch, replies) : replies;
    return known.map((reply) => toOutcome(reply, batch.kind));
  }

  async function writeWithRepeats(batch: Batch): Promise<EnqueueOutcome[]> {
    for (let attempt = 0; ; attempt++) {
      try {
        await queueNames.announce(batch.queue); // first, so that no inspector meets a task of an unknown queue
        return await write(batch, attempt > 0);
      } catch (error) {
        const delayMs = REPEAT_DELAYS_MS[attempt];
        if (!(error instanceof RedisCommandError)) throw error;
        if (!error.isTransient || delayMs === undefined) return batch.entries.map(() => ({ status: 'failed', error }));
        await sleep(systemClock, delayMs); // real time, whatever clock stamps the tasks
      }
    }
  }

  /** One promise for each task; those of a batch are settled together, and no batch waits for another. */
  function writeAll(tasks: readonly Encoded[]): Promise<EnqueueOutcome>[] {
    const outcomes: Promise<EnqueueOutcome>[] = new Array<Promise<EnqueueOutcome>>(tasks.length);
    for (const batch of toBatches(tasks, redis.clock.nowMs())) {
      const written = writeWithRepeats(batch);
      for (const [i, { index }] of batch.entries.entries()) outcomes[index] = written.then((replies) => replies[i]!);
    }
    return outcomes;
  }

  const joined = joinCalls(writeAll);

  return {
    async enqueue(tasks) {
      if (tasks.length === 0) return [];
      // Encoded by its own caller: what cannot be encoded must not fail the others.
      return joined(tasks.map((task) => ({ task, message: encodeTaskMessage(task.message) })));
    },
  };
}

function toBatches(tasks: readonly Encoded[], nowMs: number): Batch[] {
  const batches: Batch[] = [];
  const open = new Map<string, Batch>();
  tasks.forEach(({ task, message }, index) => {
    const { queue } = task.message;
    const kind = kindOf(task, nowMs);
    const place = `${kind}:${queue}`;
    let batch = open.get(place);
    if (!batch || batch.entries.length >= BATCH_TASKS || batch.bytes + message.length > BATCH_BYTES) {
      batch = { queue, kind, entries: [], bytes: 0 };
      open.set(place, batch);
      batches.push(batch);
    }
    batch.entries.push({ index, task, message });
    batch.bytes += message.length;
  });
  return batches;
}

function kindOf({ message, processAtMs }: NewTask, nowMs: number): Kind {
  if (processAtMs !== undefined && processAtMs > nowMs) return 'scheduled';
  return message.groupKey === '' ? 'pending' : 'aggregating';
}

const WRITERS = { pending: enqueue, scheduled: schedule, aggregating: addToGroup };

function enqueue(redis: RedisLink, { queue, entries }: Batch, isRepeat: boolean): Promise<EnqueueReply[]> {
  return redis.run(
    scripts.enqueue,
    { pending: keys.pending(queue), completed: keys.completed(queue), ...taskAndLockKeys(queue, entries) },
    { pendingSinceNs: redis.clock.nowNs(), isRepeat: Number(isRepeat), nowS: floorS(redis.clock.nowMs()) },
    entries.map(({ task, message }) => ({ taskId: task.message.id, message, uniqueTtlS: task.uniqueTtlS ?? 0 })),
  ) as Promise<EnqueueReply[]>;
}

function schedule(redis: RedisLink, { queue, entries }: Batch, isRepeat: boolean): Promise<EnqueueReply[]> {
  return redis.run(
    scripts.schedule,
    {
      scheduled: keys.scheduled(queue),
      completed: keys.completed(queue),
      expectedGroups: keys.expectedGroups(queue),
      ...taskAndLockKeys(queue, entries),
    },
    {
      nudgeChannel: keys.nudgeChannel(queue),
      isRepeat: Number(isRepeat),
      forgetUntilS: floorS(redis.clock.nowMs() - EXPECTED_GROUPS_LIFE_MS),
      nowS: floorS(redis.clock.nowMs()),
    },
    entries.map(({ task, message }) => ({
      taskId: task.message.id,
      message,
      processAtS: ceilS(task.processAtMs!),
      dueAtMs: Math.ceil(task.processAtMs!),
      groupName: task.message.groupKey,
      uniqueTtlS: task.uniqueTtlS ?? 0,
    })),
  ) as Promise<EnqueueReply[]>;
}

function addToGroup(redis: RedisLink, { queue, entries }: Batch, isRepeat: boolean): Promise<EnqueueReply[]> {
  return redis.run(
    scripts.addToGroup,
    {
      groups: keys.groups(queue),
      fullSizes: keys.fullSizes(queue),
      completed: keys.completed(queue),
      group: entries.map(({ task }) => keys.group(queue, task.message.groupKey)),
      ...taskAndLockKeys(queue, entries),
    },
    {
      addedAtS: floorS(redis.clock.nowMs()),
      isRepeat: Number(isRepeat),
      groupsChannel: keys.groupsChannel(queue),
    },
    entries.map(({ task, message }) => ({
      taskId: task.message.id,
      message,
      groupName: task.message.groupKey,
      uniqueTtlS: task.uniqueTtlS ?? 0,
    })),
  ) as Promise<EnqueueReply[]>;
}

/**
 * A task that the first call wrote may have run before the repeat: other bytes, but the same task. One that is gone
 * by then is written anew.
 */
async function recognizeOwn(
  redis: RedisLink,
  { queue, entries }: Batch,
  replies: readonly EnqueueReply[],
): Promise<readonly EnqueueReply[]> {
  const refused = entries.filter((_, i) => replies[i] === 0);
  if (refused.length === 0) return replies;
  const tasks = refused.map(({ task }) => keys.task(queue, task.message.id));
  const stored = (await readHashes(redis, tasks, ['msg'])).map(([message]) => message);
  const own = new Set(refused.filter((entry, i) => isSameTask(entry, stored[i] ?? null)));
  return replies.map((reply, i) => (own.has(entries[i]!) ? 1 : reply));
}

function isSameTask({ task: { message }, message: written }: Encoded, stored: Uint8Array | null): boolean {
  if (!stored) return false;
  const asNew = (bytes: Uint8Array): TaskMessage => ({
    ...readStoredMessage(message.queue, message.id, bytes).message,
    ...{ retried: 0, errorMsg: '', lastFailedAtS: 0n, completedAtS: 0n },
  });
  return isDeepStrictEqual(asNew(written), asNew(stored));
}

const taskAndLockKeys = (queue: string, entries: readonly Entry[]) => ({
  task: entries.map(({ task }) => keys.task(queue, task.message.id)),
  lock: entries.filter(({ task }) => task.uniqueTtlS !== undefined).map(({ task }) => task.message.uniqueKey),
});

/** 1 written, 0 id exists, text: id of the lock's holder. */
type EnqueueReply = number | Buffer;

function toOutcome(reply: EnqueueReply, kind: Kind): EnqueueOutcome {
  if (reply === 1) return { status: kind };
  if (reply === 0) return { status: 'idConflict' };
  return { status: 'duplicate', holderId: Buffer.isBuffer(reply) ? reply.toString() : undefined };
}
