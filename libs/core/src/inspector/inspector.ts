import type { Connection } from '../broker/connection.js';
import type { Broker } from '../broker/contract/broker.js';
import type { ClusterNode, StoreNode } from '../broker/contract/health.js';
import type { TaskList } from '../broker/contract/lists.js';
import type { OnUnanswered } from '../broker/contract/presence.js';
import type { MoveTarget } from '../broker/contract/moves.js';
import { CANCEL_OUTCOMES, type CancelOutcome } from '../wire/cancel-record.js';
import { openConnection } from '../broker/open-broker.js';
import { ClientTaskHandle, type HandleDeps } from '../client/client-task-handle.js';
import { TaskWaiter } from '../client/task-waiter.js';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError, type OptionProblem } from '../errors/invalid-options.error.js';
import { QueueNotEmptyError } from '../errors/queue-not-empty.error.js';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { placeOf } from '../partitions/partition-name.js';
import { QueuePartitions } from '../partitions/queue-partitions.js';
import { type Clock, CLOCK_METHODS } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger, LOGGER_METHODS } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import { textProblem } from '../runtime/unicode-text.js';
import { callGuarded } from '../runtime/user-callback.js';
import { encodeWith, jsonCodec, type PayloadCodec } from '../task/payload-codec.js';
import type { EnqueuedTask, TaskHandle } from '../task/task-handle.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { TASK_STATES, type TaskState } from '../wire/task-state.js';
import { fromS } from '../wire/unix-time.js';
import { BulkMover } from './bulk-mover.js';
import { type BulkOptions, type BulkProgress, readBulkOptions } from './bulk-options.js';
import {
  type SchedulerEntry,
  type SchedulerEvent,
  type ServerInfo,
  toSchedulerEntry,
  toSchedulerEvent,
  toServerInfo,
} from './fleet-info.js';
import { PartitionLookup } from './partition-lookup.js';
import { listSideBySide } from './partitioned-list.js';
import { lockIn } from './queue-change.js';
import { type DailyStats, type GroupInfo, joinQueueInfos, type QueueInfo, toQueueInfo } from './queue-info.js';
import type { ScheduleInfo } from './schedule-info.js';
import { ScheduleControl } from './schedule-control.js';
import { type TaskInfo, toTaskInfo } from './task-info.js';
import { type CancelReply, TaskCanceler } from './task-canceler.js';
import { TaskMover, type TaskMoveOptions } from './task-mover.js';
import {
  checkFilter,
  checkGroup,
  type FoundTasks,
  type TaskFilter,
  TaskSearcher,
  type TaskSearch,
} from './task-search.js';

/** Options of an inspector. Only `connection` is required. */
export interface InspectorOptions {
  /** Where the queues are stored. A broker that is passed in stays open at `close()`. */
  readonly connection: Connection;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** Default: the broker's. For tests. */
  readonly clock?: Clock | undefined;
  /** Encodes the payloads given to `updateTaskPayload`, and decodes results. Default JSON, as in the client. */
  readonly codec?: PayloadCodec | undefined;
}

/** One page of a list. */
export interface Paging {
  /** From 1, which is the default. */
  readonly page?: number | undefined;
  /** Entries of a page, 1 to 10,000. Default 30. */
  readonly size?: number | undefined;
}

/** The group of the tasks; required for the state `aggregating`, not allowed for others. */
export interface GroupOption {
  readonly group?: string | undefined;
}

/** Options of bulk work on the tasks that match a filter. */
export interface MatchingOptions extends BulkOptions {
  /** Only counts them. Default `false`. */
  readonly dryRun?: boolean | undefined;
}

/** What to read about a queue, besides its counts. */
export interface QueueInfoOptions {
  /** The memory of its tasks: an estimate, or every task measured. Default: none. */
  readonly memory?: boolean | 'exact' | undefined;
}

/** How to handle an unresponsive node of a cluster. */
export interface UnansweredOption {
  /** Called with the name of each missing part of the result, and the reason. Default: the call fails. */
  readonly onUnanswered?: ((part: string, error: unknown) => void) | undefined;
}

/** States whose tasks can be moved all at once. Only `deleteAll` accepts completed ones, as in asynq. */
const RUN_ALL: readonly TaskState[] = ['scheduled', 'retry', 'archived', 'aggregating'];
const ARCHIVE_ALL: readonly TaskState[] = ['pending', 'scheduled', 'retry', 'aggregating'];
const DELETE_ALL: readonly TaskState[] = ['pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'];

/** States whose tasks `deleteQueue` deletes with `force`; completed and aggregating ones stay, as in asynq. */
const FORCED: readonly TaskState[] = ['pending', 'scheduled', 'retry', 'archived'];

/**
 * Reads and controls queues and tasks, including those of Go programs. Every method may also throw
 * `InvalidOptionsError` for an invalid name or option, `RedisCommandError`, and `ClosedError` after `close()`; and,
 * unless stated otherwise, `QueueNotFoundError` for a queue to which no task was ever enqueued and which no server
 * serves.
 *
 * Bulk work is done in small steps, reports each of them, and can be stopped between two: see {@link BulkOptions}. It
 * first lists the tasks, and then processes each of them once: none that is added later, and none that has left the
 * list, even if it has come back. The listed ids take about 200 bytes of memory each. Up to 10,000 tasks of a group, or
 * of a state other than `pending`, are listed atomically. More are listed in pages of 10,000, about 4 ms each, and
 * pending ones in pages of 2,000: a task that is added while the pages are read may be processed too, once.
 */
export class Inspector {
  readonly #broker: Broker;
  readonly #ownsBroker: boolean;
  readonly #codec: PayloadCodec;
  readonly #waiter: TaskWaiter;
  readonly #mover: TaskMover;
  readonly #canceler: TaskCanceler;
  readonly #bulk: BulkMover;
  readonly #searcher: TaskSearcher;
  readonly #lookup: PartitionLookup;
  readonly #schedules: ScheduleControl;
  readonly #logger: Logger;
  readonly #closing = new AbortController();

  /**
   * Connects on first use.
   * @throws {InvalidOptionsError} an option is wrong; all of them at once
   */
  constructor(options: InspectorOptions) {
    const reader = new OptionReader(options);
    reader.onlyKnown(['connection', 'logger', 'clock', 'codec']);
    if (options.connection === undefined) reader.refuse('connection', "a Redis connection or 'memory'");
    reader.callable('logger', undefined, LOGGER_METHODS);
    reader.callable('clock', undefined, CLOCK_METHODS);
    this.#codec = reader.callable('codec', jsonCodec, ['encode', 'decode']);
    reader.throwIfWrong();
    const { connection } = options;
    const logger = (this.#logger = guardLogger(options.logger ?? consoleLogger));
    this.#broker = openConnection(connection, { clock: options.clock, logger });
    const clock = options.clock ?? this.#broker.clock;
    this.#ownsBroker = this.#broker !== connection;
    this.#waiter = new TaskWaiter({ broker: this.#broker, clock, closed: this.#closing.signal });
    this.#lookup = new PartitionLookup(this.#broker);
    this.#mover = new TaskMover(this.#broker, this.#lookup);
    this.#canceler = new TaskCanceler(this.#broker, this.#mover);
    this.#bulk = new BulkMover(this.#broker);
    this.#searcher = new TaskSearcher(this.#broker, this.#codec);
    const handles = { waiter: this.#waiter, codec: this.#codec };
    this.#schedules = new ScheduleControl({ broker: this.#broker, handles, clock, logger });
  }

  // ---- queues ---------------------------------------------------------------------------------------------------

  /**
   * Names of all queues with tasks, past tasks or a server that serves them, sorted; a partitioned queue counts as one.
   */
  async queues(): Promise<string[]> {
    const names = await this.#open().queueNames();
    return [...new Set(names.map((name) => placeOf(name).queue))].toSorted();
  }

  /**
   * The ordinary queues that a partitioned queue consists of: its own name, if a server serves it or a task was put
   * there, and the partitions by number. None for any other queue. Every method also accepts the name of a partition,
   * for that partition only; the queue's own name always means the whole queue. If several of them hold the same task
   * id, the first one counts.
   */
  async partitions(queue: string): Promise<string[]> {
    const lookup = this.#lookupFor(queue);
    return (await lookup.isPartitioned(queue)) ? [...(await lookup.namesOf(queue))] : [];
  }

  /**
   * The number of tasks in each state, and of processed and failed ones today and in total.
   * @param options `memory: true` also estimates the memory, from some tasks of each state chosen at random, in about 130
   * commands; `'exact'` measures every task, in a command each
   * @throws {QueueNotFoundError} no task was ever enqueued to it, and no server serves it
   */
  async queueInfo(queue: string, options: QueueInfoOptions = {}): Promise<QueueInfo> {
    const memory = readMemoryOption(options);
    const names = await this.#lookupFor(queue).namesOf(queue);
    const all = await Promise.all(names.map((name) => this.#infoOf(name, memory)));
    const infos = all.filter((info) => info !== undefined);
    if (infos.length === 0) throw new QueueNotFoundError(queue);
    return names.length === 1 && names[0] === queue ? infos[0]! : joinQueueInfos(queue, infos);
  }

  async #infoOf(name: string, memory: boolean | 'exact'): Promise<QueueInfo | undefined> {
    const stats = await this.#broker.queueStats(name);
    if (!stats) return undefined;
    const isEmpty = Object.values(stats.counts).every((count) => count === 0);
    if (!memory || isEmpty) return toQueueInfo(name, stats, memory ? { bytes: 0, errorBytes: 0 } : undefined);
    return toQueueInfo(name, stats, await this.#broker.memoryUsage(name, memory === 'exact'));
  }

  /** Attempts today, yesterday, … of `days` days (UTC), 1 to 90: older counters have expired. */
  async dailyStats(queue: string, days: number): Promise<DailyStats[]> {
    const reader = new OptionReader({ queue, days });
    reader.add(queueNameProblem('queue', queue));
    const count = reader.wholeNumber('days', 1, 1, 90);
    reader.throwIfWrong();
    const names = await this.#knownNames(queue);
    const histories = await Promise.all(names.map((name) => this.#broker.dailyCounts(name, count)));
    return histories[0]!.map(({ day }, at) => {
      const sum = (figure: 'processed' | 'failed') => histories.reduce((total, days) => total + days[at]![figure], 0);
      return { queue, day, processed: sum('processed'), failed: sum('failed') };
    });
  }

  /**
   * How many tasks in the archive of a queue were archived since then, to the second; without those that have left it. 0 for an
   * unknown queue.
   */
  async archivedSince(queue: string, since: Date): Promise<number> {
    const reader = new OptionReader({ queue, since });
    reader.add(queueNameProblem('queue', queue));
    const sinceMs = reader.date('since') ?? 0;
    reader.throwIfWrong();
    const names = await this.#lookupFor(queue).namesOf(queue);
    const counts = await Promise.all(names.map((name) => this.#broker.archivedSince(name, sinceMs)));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** The groups with waiting tasks, by name. None for an unknown queue. */
  async groups(queue: string): Promise<GroupInfo[]> {
    const names = await this.#lookupFor(queue).namesOf(queue);
    const all = (await Promise.all(names.map((name) => this.#broker.groupSizes(name)))).flat();
    if (names.length === 1) return all;
    const sizes = new Map<string, number>();
    for (const { group, size } of all) sizes.set(group, (sizes.get(group) ?? 0) + size);
    return [...sizes].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([group, size]) => ({ group, size }));
  }

  /**
   * Stops all servers from starting tasks of the queue; running ones continue. `false` when it was paused already. The
   * queue need not exist, unless its partitions are to be paused, too.
   */
  async pauseQueue(queue: string): Promise<boolean> {
    const names = await this.#lookupFor(queue).namesOf(queue);
    return (await Promise.all(names.map((name) => this.#broker.pause(name)))).includes(true);
  }

  /** `false` when the queue was not paused. The queue need not exist. */
  async unpauseQueue(queue: string): Promise<boolean> {
    const names = await this.#lookupFor(queue).namesOf(queue);
    return (await Promise.all(names.map((name) => this.#broker.unpause(name)))).includes(true);
  }

  /**
   * Removes an empty queue; with `force` also one that has tasks, except active ones: pending, scheduled, retry and
   * archived tasks are deleted with their locks. As in asynq, completed and aggregating tasks do not count and are
   * kept, as are counters and a pause; `purgeQueue` removes everything. A server that serves the queue announces it
   * again, empty.
   * @throws {QueueNotEmptyError} it has tasks; or, with `force`, active ones or new ones added during the call
   */
  async deleteQueue(
    queue: string,
    options: BulkOptions & { readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    const bulk = readBulkOptions(options, this.#logger, { flags: ['force'] });
    const names = await this.#knownNames(queue);
    if (options.force) {
      await this.#checkNoneActive(queue, names);
      for (const state of FORCED) {
        await overNames(names, bulk, (name, own) => this.#bulk.moveAll(name, { state }, 'deleted', own));
      }
    } else if (names.length > 1) {
      await this.#checkEmpty(queue, names);
    }
    // The first partition shows that there are others: it is removed last.
    for (const name of names.toReversed()) {
      if (!(await this.#broker.removeQueue(name))) throw new QueueNotEmptyError(queue);
    }
  }

  /**
   * Deletes a queue with all its keys, in small steps: all tasks, groups, locks, counters, schedules, a pause. A
   * running scheduler stores its schedules of the queue again. The queue need not be listed in `queues()`. Scans all
   * keys of the database.
   * @param options `force: true` permits active tasks: they keep running, and their outcomes are dropped
   * @throws {QueueNotEmptyError} it has active tasks
   */
  async purgeQueue(queue: string, options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    const force = readFlag(options, 'force');
    const lookup = this.#lookupFor(queue);
    const isKnown = await lookup.isKnown(queue);
    const names = await lookup.namesOf(queue);
    if (!force) await this.#checkNoneActive(queue, names);
    let removed = 0;
    for (const name of names.toReversed()) removed += await this.#broker.purgeQueue(name);
    if (removed === 0 && !isKnown) throw new QueueNotFoundError(queue);
  }

  // ---- finding tasks --------------------------------------------------------------------------------------------

  /**
   * Everything stored about a task, in any state.
   * @throws {TaskNotFoundError} the queue has no such task: it ended and was not retained, or never existed
   */
  async taskInfo(queue: string, taskId: string): Promise<TaskInfo> {
    refuse(queueNameProblem('queue', queue) ?? textProblem('taskId', taskId));
    this.#open();
    const found = await this.#lookup.find(queue, taskId);
    if (!found) throw await this.#mover.notFound(queue, taskId);
    return toTaskInfo(found.task, this.#codec);
  }

  /**
   * One page of a state's tasks, in asynq's order: `pending` next to run first, `active` longest running first,
   * `scheduled` and `retry` soonest first, `archived` and the tasks of a group oldest first, `completed` next to be
   * deleted first. Partitions of a queue are interleaved: their first tasks, their second tasks, …
   */
  async listTasks(queue: string, state: TaskState, options: Paging & GroupOption = {}): Promise<TaskInfo[]> {
    const { skip, size } = readPaging(options, ['group']);
    const list = toList(queue, state, options.group, TASK_STATES);
    const names = await this.#knownNames(queue);
    const tasks =
      names.length === 1
        ? await this.#broker.listTasks(names[0]!, list, skip, size)
        : await listSideBySide(this.#broker, names, list, skip, size);
    return tasks.map((task) => toTaskInfo(task, this.#codec));
  }

  /**
   * Searches the tasks of one state, in a bounded number of steps: the `cursor` of the result continues the search. Partitions are
   * searched one after the other.
   */
  async findTasks(search: TaskSearch): Promise<FoundTasks> {
    const reader = new OptionReader(search);
    reader.text('cursor', undefined);
    reader.throwIfWrong();
    const names = await this.#knownNames(search.queue);
    const isOrdinary = names.length === 1 && names[0] === search.queue;
    return isOrdinary ? this.#searcher.find(search) : this.#searcher.findAmong(names, search);
  }

  /**
   * How long the task's unique lock still holds, in ms; `undefined` when it holds none.
   */
  async lockTtlMs(queue: string, taskId: string): Promise<number | undefined> {
    const ttlS = await this.#broker.lockTtlS(await this.#located(queue, taskId), taskId);
    return ttlS === undefined ? undefined : fromS(ttlS);
  }

  /** A handle to wait for a task. The task need not exist. */
  task(queue: string, taskId: string): TaskHandle {
    refuse(queueNameProblem('queue', queue) ?? textProblem('taskId', taskId));
    const waiter: HandleDeps['waiter'] = {
      state: async (name, id) => this.#waiter.state(await this.#located(name, id), id),
      wait: async (name, id, options) => this.#waiter.wait(await this.#located(name, id), id, options),
    };
    return new ClientTaskHandle({ queue, id: taskId }, { waiter, codec: this.#codec });
  }

  // ---- one task -------------------------------------------------------------------------------------------------

  /**
   * Runs a waiting or ended task now, after the pending ones.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is pending or active, or not in `expectedState`
   */
  async runTask(queue: string, taskId: string, options: TaskMoveOptions = {}): Promise<void> {
    const name = await this.#located(queue, taskId);
    await this.#mover.move(name, taskId, 'run', options);
  }

  /**
   * Archives a task: it runs again only on request. It keeps its unique lock.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active or archived, or not in `expectedState`
   */
  async archiveTask(queue: string, taskId: string, options: TaskMoveOptions = {}): Promise<void> {
    const name = await this.#located(queue, taskId);
    await this.#mover.move(name, taskId, 'archive', options);
  }

  /**
   * Deletes a task and releases its unique lock.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active, or not in `expectedState`
   */
  async deleteTask(queue: string, taskId: string, options: TaskMoveOptions = {}): Promise<void> {
    const name = await this.#located(queue, taskId);
    await this.#mover.move(name, taskId, 'delete', options);
  }

  /**
   * Runs a task next, before all pending ones.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active, or not in `expectedState`
   */
  async runNext(queue: string, taskId: string, options: TaskMoveOptions = {}): Promise<void> {
    const name = await this.#located(queue, taskId);
    await this.#mover.move(name, taskId, 'runNext', options);
  }

  /**
   * Changes the time at which a task runs, to the millisecond; a past time means at once. A task in `retry` stays
   * there, all others become scheduled.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active, or not in `expectedState`
   */
  async reschedule(queue: string, taskId: string, at: Date, options: TaskMoveOptions = {}): Promise<void> {
    const reader = new OptionReader({ at });
    const atMs = reader.date('at');
    if (atMs === undefined) reader.refuse('at', 'a Date');
    reader.throwIfWrong();
    await this.#mover.reschedule(await this.#located(queue, taskId), taskId, atMs!, options);
  }

  /**
   * Moves a task that has not ended to another queue, with its id, its failures so far, its time and the rest of its
   * unique lock; one in `retry` becomes scheduled there, a due one with a group joins the group of that name.
   *
   * Until the original is removed, the copy is scheduled a minute ahead, so that no server runs both: if a server takes
   * the original first, the copy is removed and the call fails. If this process dies before the original is removed,
   * both run (any task may run twice); if it dies later, or the call fails with `RedisCommandError`, the copy starts
   * after the minute.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active, archived or completed, or not in `expectedState`
   * @throws {TaskIdConflictError} the target has a task of this id
   * @throws {DuplicateTaskError} in the target another task holds the unique lock
   */
  async moveToQueue(queue: string, taskId: string, target: string, options: TaskMoveOptions = {}): Promise<void> {
    refuse(queueNameProblem('target', target));
    if (target === queue) refuse({ option: 'target', value: target, allowed: 'another queue' });
    const name = await this.#located(queue, taskId);
    await this.#mover.moveToQueue(name, taskId, await this.#targetIn(target, name, taskId), options);
  }

  /**
   * Replaces the payload of a scheduled task: bytes unchanged, anything else through the codec. Its unique lock stays
   * that of the old payload, as in asynq.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is not scheduled
   */
  async updateTaskPayload(queue: string, taskId: string, payload: unknown): Promise<void> {
    const bytes = payload instanceof Uint8Array ? payload : encodeWith(this.#codec, payload);
    await this.#mover.updatePayload(await this.#located(queue, taskId), taskId, bytes);
  }

  /** Asks every server to abort the task with this id that runs or is held, in any queue. A signal only: it may be lost. */
  async cancelTask(taskId: string): Promise<void> {
    refuse(textProblem('taskId', taskId));
    await this.#open().publishCancel(taskId);
  }

  /**
   * Cancels a task in any state, with the given outcome. A running task is aborted by its server: at once if that
   * receives the signal, otherwise at its next heartbeat or the one after; the handler finds the outcome in
   * `signal.reason.outcome`. The handler's own result still has precedence: success, `SkipRetry`, `RevokeTask`.
   * Otherwise `outcome` decides: `retry` counts as a failure, `archive` archives the task, `delete` deletes it with its
   * unique lock. A Go server receives the signal and always retries.
   *
   * The outcome belongs to the attempt that is running when it is set. If its server dies, another of ours applies it
   * when the lease expires; `retry` then uses the default delay. A task that its server holds ahead of free slots, or is
   * about to return to the queue, gets the outcome without a call of its handler. If the attempt ends by itself before its server has received the outcome, the
   * outcome is dropped: it never affects a later attempt.
   *
   * A task that is not running is archived or deleted at once; `retry` leaves it unchanged. A completed task is always
   * left unchanged.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it started, and stopped, during each attempt to cancel it
   */
  async cancel(queue: string, taskId: string, options: { readonly outcome: CancelOutcome }): Promise<CancelReply> {
    refuse(queueNameProblem('queue', queue) ?? textProblem('taskId', taskId));
    const reader = new OptionReader(options);
    reader.onlyKnown(['outcome']);
    if (!CANCEL_OUTCOMES.includes(options.outcome)) reader.refuse('outcome', CANCEL_OUTCOMES.join(', '));
    reader.throwIfWrong();
    return this.#canceler.cancel(await this.#located(queue, taskId), taskId, options.outcome);
  }

  // ---- many tasks -----------------------------------------------------------------------------------------------

  /** Runs all scheduled, retry or archived tasks, or those of a group, now; returns how many. */
  async runAll(queue: string, state: TaskState, options: BulkOptions & GroupOption = {}): Promise<number> {
    return this.#moveAll(queue, state, RUN_ALL, 'pending', options);
  }

  /** Archives all pending, scheduled or retry tasks, or those of a group; returns how many. */
  async archiveAll(queue: string, state: TaskState, options: BulkOptions & GroupOption = {}): Promise<number> {
    return this.#moveAll(queue, state, ARCHIVE_ALL, 'archived', options);
  }

  /** Deletes all tasks of a state other than `active`, or those of a group, with their locks; returns how many. */
  async deleteAll(queue: string, state: TaskState, options: BulkOptions & GroupOption = {}): Promise<number> {
    return this.#moveAll(queue, state, DELETE_ALL, 'deleted', options);
  }

  /** Runs all matching tasks that are scheduled, in retry, archived or in a group, now; returns how many. */
  async runMatching(filter: TaskFilter, options: MatchingOptions = {}): Promise<number> {
    return this.#moveMatching(filter, RUN_ALL, 'pending', options);
  }

  /** Archives all matching tasks that are pending, scheduled, in retry or in a group; returns how many. */
  async archiveMatching(filter: TaskFilter, options: MatchingOptions = {}): Promise<number> {
    return this.#moveMatching(filter, ARCHIVE_ALL, 'archived', options);
  }

  /** Deletes all matching tasks of a state other than `active`, with their locks; returns how many. */
  async deleteMatching(filter: TaskFilter, options: MatchingOptions = {}): Promise<number> {
    return this.#moveMatching(filter, DELETE_ALL, 'deleted', options);
  }

  // ---- servers and schedulers -----------------------------------------------------------------------------------

  /**
   * The servers with a recent heartbeat, and the tasks they run.
   * @param options with `onUnanswered`, an unresponsive node of a cluster only omits its parts of the result; without
   * it the call fails
   */
  async servers(options: UnansweredOption = {}): Promise<ServerInfo[]> {
    return (await this.#open().shownServers(this.#unanswered(options))).map(toServerInfo);
  }

  /** The entries of all running schedulers. @param options as in {@link servers} */
  async schedulerEntries(options: UnansweredOption = {}): Promise<SchedulerEntry[]> {
    return (await this.#open().schedulerEntries(this.#unanswered(options))).map(toSchedulerEntry);
  }

  /** The enqueue events of an entry, newest first; about a thousand are kept. None for an unknown entry. */
  async schedulerEvents(entryId: string, paging: Paging = {}): Promise<SchedulerEvent[]> {
    refuse(textProblem('entryId', entryId));
    const { skip, size } = readPaging(paging);
    return (await this.#open().schedulerEvents(entryId, skip, size)).map(toSchedulerEvent);
  }

  // ---- stored schedules -----------------------------------------------------------------------------------------

  /**
   * The stored schedules, by queue and name, whether or not a running scheduler has them. Go schedulers store none.
   * None for an unknown queue.
   * @param queue default: all queues
   * @param options as of {@link servers}
   */
  async schedules(queue?: string, options: UnansweredOption = {}): Promise<ScheduleInfo[]> {
    if (queue !== undefined) refuse(queueNameProblem('queue', queue));
    this.#open();
    return this.#schedules.list(queue, this.#unanswered(options));
  }

  /**
   * Pauses a schedule in every process until {@link resumeSchedule}. Ticks during the pause are skipped. `false`: it
   * was paused already.
   * @throws {ScheduleNotFoundError} the queue has no schedule of this name
   */
  async pauseSchedule(queue: string, name: string): Promise<boolean> {
    return this.#schedulesFor(queue, name).setPaused({ queue, name }, true);
  }

  /**
   * Resumes a paused schedule; `false`: it was not paused.
   * @throws {ScheduleNotFoundError} the queue has no schedule of this name
   */
  async resumeSchedule(queue: string, name: string): Promise<boolean> {
    return this.#schedulesFor(queue, name).setPaused({ queue, name }, false);
  }

  /**
   * Deletes a schedule. If a running scheduler has it registered, it is created again at once, not paused: to stop such
   * a schedule, pause it or remove it from the code.
   * @throws {ScheduleNotFoundError} the queue has no schedule of this name
   */
  async removeSchedule(queue: string, name: string): Promise<void> {
    await this.#schedulesFor(queue, name).remove({ queue, name });
  }

  /**
   * Enqueues the task of a schedule now, in addition to its ticks, paused or not, with the payload and the options that
   * a scheduler stored last.
   * @throws {ScheduleNotFoundError} the queue has no schedule of this name
   * @throws {MessageDecodeError} its stored task cannot be read
   * @throws {TaskIdConflictError} it has a fixed task id, which exists in the queue
   * @throws {DuplicateTaskError} another task holds its unique lock
   */
  async runSchedule(queue: string, name: string): Promise<EnqueuedTask> {
    return this.#schedulesFor(queue, name).run({ queue, name });
  }

  // ---- storage --------------------------------------------------------------------------------------------------

  /** The Redis Cluster slot of the queue's keys, or of those of its own name if it is partitioned. The queue need not exist. */
  async clusterSlot(queue: string): Promise<number> {
    return this.#brokerFor(queue).clusterSlot(queue);
  }

  /** The nodes of a Redis Cluster that hold the queue's keys, the master first; none outside of a cluster. */
  async clusterNodes(queue: string): Promise<ClusterNode[]> {
    return this.#brokerFor(queue).clusterNodes(queue);
  }

  /**
   * The reply to `INFO`, or to `CLUSTER INFO` on a cluster, under Redis' own names. Empty for `'memory'`.
   */
  async redisInfo(): Promise<Readonly<Record<string, string>>> {
    return this.#open().storeInfo();
  }

  /**
   * Every Redis server with its reply to `INFO`: the only one, or the masters and the connected replicas of a cluster.
   * One that does not answer within a second has an `error` instead. None for `'memory'`.
   * @param options `commands: true` adds the counts and times of each command (`INFO all`)
   */
  async redisNodes(options: { readonly commands?: boolean | undefined } = {}): Promise<StoreNode[]> {
    const hasAll = readFlag(options, 'commands');
    return this.#open().storeNodes(hasAll);
  }

  /** Ends the waits for tasks, and closes the connections that this inspector opened. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new ClosedError('inspector'));
    if (this.#ownsBroker) await this.#broker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #unanswered(options: UnansweredOption): OnUnanswered | undefined {
    const reader = new OptionReader(options);
    reader.onlyKnown(['onUnanswered']);
    const listener = reader.callable<UnansweredOption['onUnanswered']>('onUnanswered', undefined);
    reader.throwIfWrong();
    if (!listener) return undefined;
    const report = (error: unknown): void => this.#logger.error('onUnanswered failed', { error });
    return (part, error) => callGuarded(() => listener(part, error), report);
  }

  async #moveAll(
    queue: string,
    state: TaskState,
    allowed: readonly TaskState[],
    to: MoveTarget,
    options: BulkOptions & GroupOption,
  ): Promise<number> {
    const bulk = readBulkOptions(options, this.#logger, { others: ['group'] });
    const list = toList(queue, state, options.group, allowed);
    return overNames(await this.#knownNames(queue), bulk, (name, own) => this.#bulk.moveAll(name, list, to, own));
  }

  async #moveMatching(
    filter: TaskFilter,
    allowed: readonly TaskState[],
    to: MoveTarget,
    options: MatchingOptions,
  ): Promise<number> {
    const bulk = readBulkOptions(options, this.#logger, { flags: ['dryRun'] });
    checkFilter(filter);
    const list = toList(filter.queue, filter.state, filter.group, allowed);
    return overNames(await this.#knownNames(filter.queue), bulk, async (name, own) => {
      const tasks = await this.#searcher.findAll({ ...filter, queue: name }, own);
      return options.dryRun ? tasks.length : this.#bulk.moveMatched(name, list, tasks, to, own);
    });
  }

  /** The ordinary queue that holds the task, or the queue itself, where the operation reports the missing task. */
  async #located(queue: string, taskId: string): Promise<string> {
    refuse(queueNameProblem('queue', queue) ?? textProblem('taskId', taskId));
    this.#open();
    return this.#lookup.locate(queue, taskId);
  }

  /** The ordinary queue of `target` for a task in `from`: where a client would have put it without `partitionKey`. */
  async #targetIn(target: string, from: string, taskId: string): Promise<string> {
    const names = await this.#lookup.namesOf(target);
    const count = Math.max(...names.map((name) => placeOf(name).index)) + 1;
    const message =
      count === 0 || placeOf(target).partition ? undefined : (await this.#broker.findTask(from, taskId))?.message;
    if (!message) return target;
    const lock = message.uniqueKey && lockIn(target, message);
    const chosen = new QueuePartitions({ [target]: count }).choose(target, message.groupKey || lock || taskId);
    if (chosen === from)
      refuse({ option: 'target', value: target, allowed: 'a queue in which the task is not already' });
    return chosen;
  }

  #schedulesFor(queue: string, name: string): ScheduleControl {
    refuse(queueNameProblem('queue', queue) ?? textProblem('name', name));
    this.#open();
    return this.#schedules;
  }

  /** @throws {QueueNotFoundError} neither the queue nor a partition of it is announced */
  async #knownNames(queue: string): Promise<readonly string[]> {
    const names = await this.#lookupFor(queue).namesOf(queue);
    const isOrdinary = names.length === 1 && names[0] === queue;
    if (isOrdinary && (await this.#broker.hasQueue(queue)) === false) throw new QueueNotFoundError(queue);
    return names;
  }

  async #checkNoneActive(queue: string, names: readonly string[]): Promise<void> {
    const active = await Promise.all(names.map((name) => this.#broker.listSize(name, { state: 'active' })));
    const count = active.reduce((sum, size) => sum + size, 0);
    if (count > 0) throw new QueueNotEmptyError(queue, count);
  }

  /** Checked first, so that either all partitions are removed or none. */
  async #checkEmpty(queue: string, names: readonly string[]): Promise<void> {
    const states: readonly TaskState[] = [...FORCED, 'active'];
    const sizes = await Promise.all(
      names.flatMap((name) => states.map((state) => this.#broker.listSize(name, { state }))),
    );
    if (sizes.some((size) => size > 0)) throw new QueueNotEmptyError(queue);
  }

  #lookupFor(queue: string): PartitionLookup {
    this.#brokerFor(queue);
    return this.#lookup;
  }

  #brokerFor(queue: string): Broker {
    refuse(queueNameProblem('queue', queue));
    return this.#open();
  }

  #open(): Broker {
    if (this.#closing.signal.aborted) throw new ClosedError('inspector');
    return this.#broker;
  }
}

/** Bulk work on one ordinary queue after the other, with the progress of all. */
async function overNames(
  names: readonly string[],
  options: BulkOptions,
  work: (name: string, options: BulkOptions) => Promise<number>,
): Promise<number> {
  const { onProgress, ...others } = options;
  let count = 0;
  let before: BulkProgress = { done: 0, total: 0 };
  for (const name of names) {
    let last = before;
    const report = ({ done, total }: BulkProgress): void => {
      last = { done: before.done + done, total: before.total + total };
      onProgress?.(last);
    };
    count += await work(name, { ...others, onProgress: report });
    before = last;
  }
  return count;
}

/** @throws {InvalidOptionsError} the queue, the state or the group is invalid, or the call does not allow the state */
function toList(queue: string, state: TaskState, group: string | undefined, allowed: readonly TaskState[]): TaskList {
  const reader = new OptionReader({ queue, state, group });
  reader.add(queueNameProblem('queue', queue));
  if (!allowed.includes(state)) reader.refuse('state', allowed.join(', '));
  checkGroup(reader, { state, group });
  reader.throwIfWrong();
  return { state, group };
}

function readPaging(paging: Paging, others: readonly string[] = []): { skip: number; size: number } {
  const reader = new OptionReader(paging);
  reader.onlyKnown(['page', 'size', ...others]);
  const page = reader.wholeNumber('page', 1, 1, 1_000_000_000);
  const size = reader.wholeNumber('size', 30, 1, 10_000);
  reader.throwIfWrong();
  return { skip: (page - 1) * size, size };
}

function readMemoryOption(options: QueueInfoOptions): boolean | 'exact' {
  const reader = new OptionReader(options);
  reader.onlyKnown(['memory']);
  const { memory = false } = options;
  if (typeof memory !== 'boolean' && memory !== 'exact') reader.refuse('memory', "true, false or 'exact'");
  reader.throwIfWrong();
  return memory;
}

/** The only option of a call. */
function readFlag(options: object, name: string): boolean {
  const reader = new OptionReader(options);
  reader.onlyKnown([name]);
  const flag = reader.boolean(name, false);
  reader.throwIfWrong();
  return flag;
}

function refuse(problem: OptionProblem | undefined): void {
  if (problem) throw new InvalidOptionsError([problem]);
}
