import { isDeepStrictEqual } from 'node:util';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { sleep, systemClock } from '../../runtime/clock.js';
import { joinCalls } from '../../runtime/join-calls.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { floorS } from '../../wire/unix-time.js';
import type { EnqueueOps, EnqueueOutcome, NewTask } from '../contract/enqueue.js';
import { EXPECTED_GROUPS_LIFE_MS } from '../contract/groups.js';
import { readStoredMessage } from '../stored-message.js';
import { isDelayed, newTaskArgs } from './new-task.js';
import type { QueueNames } from './queue-names.js';
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

/** Tasks of one queue that go in one script call. */
interface Batch {
  readonly queue: string;
  readonly nowMs: number;
  readonly entries: Entry[];
  bytes: number;
}

export function enqueueOps(redis: RedisLink, queueNames: QueueNames): EnqueueOps {
  async function write(batch: Batch, isRepeat: boolean): Promise<EnqueueOutcome[]> {
    const replies = await runEnqueue(redis, batch, isRepeat);
    const known = isRepeat ? await recognizeOwn(redis, batch, replies) : replies;
    return known.map((reply, i) => toOutcome(reply, batch.entries[i]!, batch.nowMs));
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
    let batch = open.get(queue);
    if (!batch || batch.entries.length >= BATCH_TASKS || batch.bytes + message.length > BATCH_BYTES) {
      batch = { queue, nowMs, entries: [], bytes: 0 };
      open.set(queue, batch);
      batches.push(batch);
    }
    batch.entries.push({ index, task, message });
    batch.bytes += message.length;
  });
  return batches;
}

/** What becomes of a task that is written. */
function stateOf(task: NewTask, nowMs: number): 'pending' | 'scheduled' | 'aggregating' {
  if (isDelayed(task, nowMs)) return 'scheduled';
  return task.message.groupKey === '' ? 'pending' : 'aggregating';
}

function runEnqueue(redis: RedisLink, { queue, nowMs, entries }: Batch, isRepeat: boolean): Promise<EnqueueReply[]> {
  const joining = entries.filter(({ task }) => stateOf(task, nowMs) === 'aggregating');
  return redis.run(
    scripts.enqueue,
    {
      pending: keys.pending(queue),
      scheduled: keys.scheduled(queue),
      completed: keys.completed(queue),
      groups: keys.groups(queue),
      expectedGroups: keys.expectedGroups(queue),
      fullSizes: keys.fullSizes(queue),
      task: entries.map(({ task }) => keys.task(queue, task.message.id)),
      group: joining.map(({ task }) => keys.group(queue, task.message.groupKey)),
      lock: entries.filter(({ task }) => task.uniqueTtlS !== undefined).map(({ task }) => task.message.uniqueKey),
    },
    {
      nowS: floorS(nowMs),
      nowNs: redis.clock.nowNs(),
      isRepeat: Number(isRepeat),
      joining: joining.length,
      forgetUntilS: floorS(nowMs - EXPECTED_GROUPS_LIFE_MS),
      nudgeChannel: keys.nudgeChannel(queue),
      groupsChannel: keys.groupsChannel(queue),
    },
    entries.map(({ task, message }) => newTaskArgs(task, nowMs, message)),
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

/** 1 written, 0 id exists, text: id of the lock's holder. */
type EnqueueReply = number | Buffer;

function toOutcome(reply: EnqueueReply, { task }: Entry, nowMs: number): EnqueueOutcome {
  if (reply === 1) return { status: stateOf(task, nowMs) };
  if (reply === 0) return { status: 'idConflict' };
  return { status: 'duplicate', holderId: Buffer.isBuffer(reply) && reply.length > 0 ? reply.toString() : undefined };
}
