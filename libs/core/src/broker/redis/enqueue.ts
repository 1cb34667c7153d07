import { KeyTypeError } from '../../errors/key-type.error.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { monotonicMs, sleep, systemClock } from '../../runtime/clock.js';
import { Deadlines } from '../../runtime/deadlines.js';
import { joinSettled, type Settle } from '../../runtime/join-calls.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { encodeTaskMessage } from '../../wire/task-message.js';
import { floorS } from '../../wire/unix-time.js';
import { ENOUGH_FOR_A_CALL, type EnqueueOps, type EnqueueOutcome, type NewTask } from '../contract/enqueue.js';
import { EXPECTED_GROUPS_LIFE_MS } from '../contract/groups.js';
import { type BatchLimits, keyedBatches } from './batches.js';
import { CallLanes, type LaneCall } from './call-lanes.js';
import { groupListKeys } from './group-names.js';
import { isDelayed, newTaskArgs } from './new-task.js';
import type { QueueNames } from './queue-names.js';
import type { RedisLink } from './redis-link.js';

const BATCH: BatchLimits = { items: ENOUGH_FOR_A_CALL, size: 1024 * 1024 };

/** Delays between the attempts of a call after transient failures; without a time limit the task has failed after the last. */
const REPEAT_DELAYS_MS = [50, 250, 1_000];
/** How long an attempt waits for the connection. */
const READY_TIMEOUT_MS = 1_000;
/** How long a call that was sent at the last moment may take. */
const LAST_REPLY_MS = 50;

/** How long Redis remembers which tasks a call has written: longer than the call is repeated. */
const MARK_LIFE_S = 60;
const LAST_REPEAT_MS = 50_000;

interface Encoded {
  readonly task: NewTask;
  readonly message: Uint8Array;
  /** Of the call that it came with; `undefined`: it has failed after the last attempt. */
  readonly limit: Limit | undefined;
}

/** How long a call goes on. */
interface Limit {
  /** By the monotonic clock. */
  readonly endsAtMs: number;
  /** Why it has not succeeded so far. */
  failure: RedisCommandError | undefined;
}

/** Tasks of one queue for one script call. */
interface Batch {
  readonly queue: string;
  readonly nowMs: number;
  readonly tasks: readonly Encoded[];
  /** Whether no task has a start time, a group, a lock, or a backoff. */
  readonly isPlain: boolean;
  /** The latest of the tasks'. */
  readonly endsAtMs: number | undefined;
  /** The places of the tasks among all of this turn; ascending. */
  readonly indexes: readonly number[];
}

export function enqueueOps(redis: RedisLink, queueNames: QueueNames): EnqueueOps {
  const lanes = new CallLanes();
  const deadlines = new Deadlines(systemClock);

  async function settleBatch(batch: Batch, settle: Settle<EnqueueOutcome>): Promise<void> {
    const call = lanes.open();
    const { indexes } = batch;
    try {
      const outcomes = await writeWithRepeats(batch, call);
      for (let i = 0; i < indexes.length; i++) settle.resolve(indexes[i]!, outcomes[i]!);
    } catch (error) {
      for (const index of indexes) settle.reject(index, error);
    } finally {
      lanes.close(call);
    }
  }

  /** The mark of the call in Redis makes the repeats safe. */
  async function writeWithRepeats(batch: Batch, call: LaneCall): Promise<readonly EnqueueOutcome[]> {
    const endsAtMs = Math.min(batch.endsAtMs ?? Infinity, passedMs() + LAST_REPEAT_MS);
    let unanswered: RedisCommandError | undefined;
    for (let attempt = 0; ; attempt++) {
      try {
        return await writeOnce(batch, call, endsAtMs);
      } catch (error) {
        if (!(error instanceof RedisCommandError)) throw error;
        if (error.isOutcomeUnknown) unanswered ??= error;
        for (const { limit } of batch.tasks) if (limit) limit.failure = unanswered ?? error;
        const delayMs =
          REPEAT_DELAYS_MS[batch.endsAtMs === undefined ? attempt : Math.min(attempt, REPEAT_DELAYS_MS.length - 1)];
        const leftMs = endsAtMs - passedMs();
        if (delayMs === undefined || !error.isTransient || leftMs <= 0) {
          return batch.tasks.map(() => ({ status: 'failed', error: unanswered ?? error }));
        }
        await sleep(systemClock, Math.min(delayMs, leftMs));
      }
    }
  }

  async function writeOnce(batch: Batch, call: LaneCall, endsAtMs: number): Promise<readonly EnqueueOutcome[]> {
    const unready = redis.untilReady('enqueue', Math.max(0, Math.min(READY_TIMEOUT_MS, endsAtMs - passedMs())));
    if (unready) await unready;
    const { queue } = batch;
    const isSpared = batch.isPlain && queueNames.isSurelyListed(queue);
    const isNew = !queueNames.isKnown(queue);
    if (isNew) await queueNames.announce(queue); // so that inspectors know the queue of every task
    const written = write(redis, batch, call);
    if (!isNew && !isSpared) void queueNames.announce(queue); // behind the tasks, which a worker waits for
    const replies = await written;
    const hasBacklog = typeof replies === 'number' && replies > batch.tasks.length;
    queueNames.noteBacklog(queue, hasBacklog);
    if (isSpared && !hasBacklog) await queueNames.announceAnew(queue);
    return outcomesOf(replies, batch);
  }

  /** The tasks of a batch settle together, and no batch waits for another. */
  const joined = joinSettled<Encoded, EnqueueOutcome>((tasks, settle) => {
    for (const batch of toBatches(tasks, redis.clock.nowMs())) void settleBatch(batch, settle);
  }, ENOUGH_FOR_A_CALL);

  /** A call that was sent and is not answered in time: whether it takes effect is unknown. */
  function orLate(outcomes: Promise<EnqueueOutcome[]>, count: number, limit: Limit): Promise<EnqueueOutcome[]> {
    const timeoutMs = limit.endsAtMs - passedMs();
    return new Promise((resolve, reject) => {
      const onPassed = (): void => {
        const error = lateError(limit.failure, timeoutMs);
        resolve(Array.from({ length: count }, () => ({ status: 'failed', error })));
      };
      const deadline = deadlines.add(limit.endsAtMs + LAST_REPLY_MS, { onPassed });
      const settled =
        <Value>(settle: (value: Value) => void) =>
        (value: Value): void => {
          deadlines.remove(deadline);
          settle(value);
        };
      outcomes.then(settled(resolve), settled(reject));
    });
  }

  return {
    enqueue(tasks, timeoutMs) {
      const limit = timeoutMs === undefined ? undefined : { endsAtMs: passedMs() + timeoutMs, failure: undefined };
      let encoded: Encoded[];
      try {
        // Encoded here, not in the batch: a task that cannot be encoded must not fail others.
        encoded = tasks.map((task) => ({ task, message: encodeTaskMessage(task.message), limit }));
      } catch (error) {
        return Promise.reject(error);
      }
      const outcomes = joined(encoded);
      return limit ? orLate(outcomes, tasks.length, limit) : outcomes;
    },

    async announceQueues(queues) {
      await Promise.all(queues.map(async (queue) => queueNames.announce(queue)));
    },
  };
}

/** Real time, whichever clock timestamps the tasks. */
const passedMs = (): number => monotonicMs(systemClock);

/** The last failure says more than the timeout. */
function lateError(failure: RedisCommandError | undefined, timeoutMs: number): RedisCommandError {
  if (failure?.isOutcomeUnknown) return failure;
  const cause = failure?.cause ?? new Error(`timed out: no answer within ${Math.round(timeoutMs)} ms`);
  return new RedisCommandError(failure?.command ?? 'enqueue', true, {
    cause,
    isOutcomeUnknown: true,
    remedy: failure?.remedy,
  });
}

function toBatches(all: readonly Encoded[], nowMs: number): Batch[] {
  if (all.length === 1) return [batchOf(all[0]!.task.message.queue, all, [0], nowMs)];
  const batches = keyedBatches(
    all,
    ({ task }) => task.message.queue,
    ({ message }) => message.length,
    BATCH,
  );
  return batches.map(({ key, indexes }) =>
    batchOf(
      key,
      indexes.map((index) => all[index]!),
      indexes,
      nowMs,
    ),
  );
}

function batchOf(queue: string, tasks: readonly Encoded[], indexes: readonly number[], nowMs: number): Batch {
  return {
    queue,
    nowMs,
    tasks,
    isPlain: tasks.every((task) => isPlain(task, nowMs)),
    endsAtMs: latestEnd(tasks),
    indexes,
  };
}

function latestEnd(tasks: readonly Encoded[]): number | undefined {
  let latest: number | undefined;
  for (const { limit } of tasks) {
    if (limit && !(limit.endsAtMs <= latest!)) latest = limit.endsAtMs;
  }
  return latest;
}

/** The state of a task after it is written. */
function stateOf(task: NewTask, nowMs: number): 'pending' | 'scheduled' | 'aggregating' {
  if (isDelayed(task, nowMs)) return 'scheduled';
  return task.message.groupKey === '' ? 'pending' : 'aggregating';
}

/** Whether it has neither a start time, nor a group, nor a lock, nor a backoff. */
const isPlain = ({ task }: Encoded, nowMs: number): boolean =>
  task.uniqueTtlS === undefined && task.backoff === undefined && stateOf(task, nowMs) === 'pending';

/** As the scripts reply: the number of tasks that are pending now, if all are new, else a reply per task. */
type EnqueueReplies = number | readonly EnqueueReply[];

function write(redis: RedisLink, batch: Batch, call: LaneCall): Promise<EnqueueReplies> {
  return batch.isPlain ? runEnqueuePending(redis, batch, call) : runEnqueue(redis, batch, call);
}

function outcomesOf(replies: EnqueueReplies, { tasks, nowMs }: Batch): readonly EnqueueOutcome[] {
  if (typeof replies === 'number') return tasks.map(() => PENDING);
  return replies.map((reply, i) => toOutcome(reply, tasks[i]!.task, nowMs));
}

const PENDING: EnqueueOutcome = { status: 'pending' };

function runEnqueuePending(redis: RedisLink, { queue, nowMs, tasks }: Batch, call: LaneCall): Promise<EnqueueReplies> {
  return redis.runReplicated(
    scripts.enqueuePending,
    {
      pending: keys.pending(queue),
      completed: keys.completed(queue),
      mark: keys.enqueued(queue, call.lane),
      task: tasks.map(({ task }) => keys.task(queue, task.message.id)),
    },
    { nowS: floorS(nowMs), nowNs: redis.clock.nowNs(), call: call.nth, markLifeS: MARK_LIFE_S },
    tasks,
  ) as Promise<EnqueueReplies>;
}

function runEnqueue(
  redis: RedisLink,
  { queue, nowMs, tasks }: Batch,
  call: LaneCall,
): Promise<readonly EnqueueReply[]> {
  const joining = tasks.filter(({ task }) => stateOf(task, nowMs) === 'aggregating');
  return redis.runReplicated(
    scripts.enqueue,
    {
      pending: keys.pending(queue),
      scheduled: keys.scheduled(queue),
      completed: keys.completed(queue),
      ...groupListKeys(queue),
      fullSizes: keys.fullSizes(queue),
      mark: keys.enqueued(queue, call.lane),
      task: tasks.map(({ task }) => keys.task(queue, task.message.id)),
      group: joining.map(({ task }) => keys.group(queue, task.message.groupKey)),
      lock: tasks.filter(({ task }) => task.uniqueTtlS !== undefined).map(({ task }) => task.message.uniqueKey),
    },
    {
      nowS: floorS(nowMs),
      nowNs: redis.clock.nowNs(),
      call: call.nth,
      markLifeS: MARK_LIFE_S,
      joining: joining.length,
      forgetUntilS: floorS(nowMs - EXPECTED_GROUPS_LIFE_MS),
      nudgeChannel: keys.nudgeChannel(queue),
      groupsChannel: keys.groupsChannel(queue),
    },
    tasks.map(({ task, message }) => newTaskArgs(task, nowMs, message)),
  ) as Promise<readonly EnqueueReply[]>;
}

/** 1 written, 0 id exists, text: id of the lock's holder, three texts: a key of another type, its type and the right one. */
type EnqueueReply = number | Buffer | readonly [key: Buffer, found: Buffer, needed: Buffer];

function toOutcome(reply: EnqueueReply, task: NewTask, nowMs: number): EnqueueOutcome {
  if (reply === 1) return { status: stateOf(task, nowMs) };
  if (reply === 0) return { status: 'idConflict' };
  if (Array.isArray(reply)) {
    const [key, found, needed] = reply.map(String);
    return { status: 'failed', error: new KeyTypeError('enqueue', key!, found!, needed!) };
  }
  return { status: 'duplicate', holderId: Buffer.isBuffer(reply) && reply.length > 0 ? reply.toString() : undefined };
}
