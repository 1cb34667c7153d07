import type { Connection } from '../broker/connection.js';
import type { Broker } from '../broker/contract/broker.js';
import type { ClusterNode } from '../broker/contract/health.js';
import type { TaskList } from '../broker/contract/lists.js';
import type { MoveTarget } from '../broker/contract/moves.js';
import { CANCEL_OUTCOMES, type CancelOutcome } from '../wire/cancel-record.js';
import { openConnection } from '../broker/open-broker.js';
import { ClientTaskHandle } from '../client/client-task-handle.js';
import { TaskWaiter } from '../client/task-waiter.js';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError, type OptionProblem } from '../errors/invalid-options.error.js';
import { QueueNotEmptyError } from '../errors/queue-not-empty.error.js';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { type Clock, CLOCK_METHODS } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import { textProblem } from '../runtime/unicode-text.js';
import { encodeWith, jsonCodec, type PayloadCodec } from '../task/payload-codec.js';
import type { EnqueuedTask, TaskHandle } from '../task/task-handle.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { TASK_STATES, type TaskState } from '../wire/task-state.js';
import { BulkMover } from './bulk-mover.js';
import { type BulkOptions, readBulkOptions } from './bulk-options.js';
import {
  type SchedulerEntry,
  type SchedulerEvent,
  type ServerInfo,
  toSchedulerEntry,
  toSchedulerEvent,
  toServerInfo,
} from './fleet-info.js';
import { type DailyStats, type GroupInfo, type QueueInfo, toQueueInfo } from './queue-info.js';
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

/** Options of an inspector. Only `connection` is needed. */
export interface InspectorOptions {
  /** Where the queues live. A broker that is handed in stays open at `close()`. */
  readonly connection: Connection;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** Default: the broker's. For tests. */
  readonly clock?: Clock | undefined;
  /** Encodes the payloads given to `updateTaskPayload`, and decodes results. Default JSON, as the client. */
  readonly codec?: PayloadCodec | undefined;
}

/** One page of a list. */
export interface Paging {
  /** From 1, which is the default. */
  readonly page?: number | undefined;
  /** Entries of a page, 1 to 10,000. Default 30. */
  readonly size?: number | undefined;
}

/** Which of the tasks that wait in groups; for the state `aggregating` needed, for others not allowed. */
export interface GroupOption {
  readonly group?: string | undefined;
}

/** Bulk work on the tasks that match a filter. */
export interface MatchingOptions extends BulkOptions {
  /** Only counts them. Default `false`. */
  readonly dryRun?: boolean | undefined;
}

/** States of which all tasks may be moved at once. Only `deleteAll` may take completed ones, as in asynq. */
const RUN_ALL: readonly TaskState[] = ['scheduled', 'retry', 'archived', 'aggregating'];
const ARCHIVE_ALL: readonly TaskState[] = ['pending', 'scheduled', 'retry', 'aggregating'];
const DELETE_ALL: readonly TaskState[] = ['pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'];

/** Whose tasks `deleteQueue` deletes by force; completed and aggregating ones stay, as in asynq. */
const FORCED: readonly TaskState[] = ['pending', 'scheduled', 'retry', 'archived'];

/**
 * Reads queues and tasks and controls them, those of Go programs too. Every method may also throw
 * `InvalidOptionsError` for a name or an option that cannot be one, `RedisCommandError`, and `ClosedError` after
 * `close()`; and, where nothing else is said, `QueueNotFoundError` for a queue that nobody has put a
 * task into and no server serves.
 *
 * Bulk work goes in small steps, reports each of them, and can be stopped between two: see {@link BulkOptions}. It first
 * notes which tasks there are, and then takes each of them once: none that comes later, and none that has left
 * the list meanwhile, even if it is back. The ids that it notes take about 200 bytes of memory each.
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
  readonly #schedules: ScheduleControl;
  readonly #logger: Logger;
  readonly #closing = new AbortController();

  /**
   * Connects when it is first used.
   * @throws {InvalidOptionsError} an option is wrong; all of them at once
   */
  constructor(options: InspectorOptions) {
    const reader = new OptionReader(options);
    reader.onlyKnown(['connection', 'logger', 'clock', 'codec']);
    if (options.connection === undefined) reader.refuse('connection', "a Redis connection or 'memory'");
    reader.callable('logger', undefined, ['debug', 'info', 'warn', 'error']);
    reader.callable('clock', undefined, CLOCK_METHODS);
    this.#codec = reader.callable('codec', jsonCodec, ['encode', 'decode']);
    reader.throwIfWrong();
    const { connection } = options;
    const logger = (this.#logger = guardLogger(options.logger ?? consoleLogger));
    this.#broker = openConnection(connection, { clock: options.clock, logger });
    const clock = options.clock ?? this.#broker.clock;
    this.#ownsBroker = this.#broker !== connection;
    this.#waiter = new TaskWaiter({ broker: this.#broker, clock, closed: this.#closing.signal });
    this.#mover = new TaskMover(this.#broker);
    this.#canceler = new TaskCanceler(this.#broker, this.#mover);
    this.#bulk = new BulkMover(this.#broker);
    this.#searcher = new TaskSearcher(this.#broker);
    const handles = { waiter: this.#waiter, codec: this.#codec };
    this.#schedules = new ScheduleControl({ broker: this.#broker, handles, clock, logger });
  }

  // ---- queues ---------------------------------------------------------------------------------------------------

  /** Names of all queues that a task was put into or a server serves, sorted. */
  async queues(): Promise<string[]> {
    return (await this.#open().queueNames()).toSorted();
  }

  /**
   * Counts of a queue by state, and what was processed and failed today and ever.
   * @param options `memory: true` estimates the memory, too: from samples, so it costs some commands more
   * @throws {QueueNotFoundError} no task was put into it, and no server serves it
   */
  async queueInfo(queue: string, options: { readonly memory?: boolean | undefined } = {}): Promise<QueueInfo> {
    const memory = readFlag(options, 'memory');
    const stats = await this.#brokerFor(queue).queueStats(queue);
    if (!stats) throw new QueueNotFoundError(queue);
    return toQueueInfo(queue, stats, memory ? await this.#broker.memoryBytes(queue) : undefined);
  }

  /** What became of attempts today, yesterday, … `days` days (UTC), 1 to 90: older counters are gone. */
  async dailyStats(queue: string, days: number): Promise<DailyStats[]> {
    const reader = new OptionReader({ queue, days });
    reader.add(queueNameProblem('queue', queue));
    const count = reader.wholeNumber('days', 1, 1, 90);
    reader.throwIfWrong();
    await this.#checkKnown(queue);
    return (await this.#broker.dailyCounts(queue, count)).map((counts) => ({ queue, ...counts }));
  }

  /** The groups with waiting tasks, by name. None for an unknown queue. */
  async groups(queue: string): Promise<GroupInfo[]> {
    return this.#brokerFor(queue).groupSizes(queue);
  }

  /**
   * Stops all servers from starting tasks of the queue; running ones go on. `false` when it was paused already. The
   * queue need not exist.
   */
  async pauseQueue(queue: string): Promise<boolean> {
    return this.#brokerFor(queue).pause(queue);
  }

  /** `false` when the queue was not paused. The queue need not exist. */
  async unpauseQueue(queue: string): Promise<boolean> {
    return this.#brokerFor(queue).unpause(queue);
  }

  /**
   * Removes an empty queue; with `force` also one that has tasks, but none that runs: those that are pending, scheduled,
   * in retry or archived are deleted with their locks. As in asynq, completed and aggregating tasks do not count and
   * stay behind, as do counters and a pause; `purgeQueue` leaves nothing. A server that serves the queue announces it
   * again, empty.
   * @throws {QueueNotEmptyError} it has tasks; or, by force, active ones, or new ones that came meanwhile
   */
  async deleteQueue(
    queue: string,
    options: BulkOptions & { readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    const bulk = readBulkOptions(options, this.#logger, { flags: ['force'] });
    await this.#checkKnown(queue);
    if (options.force) {
      await this.#checkNoneActive(queue);
      for (const state of FORCED) await this.#bulk.moveAll(queue, { state }, 'deleted', bulk);
    }
    if (!(await this.#broker.removeQueue(queue))) throw new QueueNotEmptyError(queue);
  }

  /**
   * Deletes a queue with every key of it, in small steps: all tasks, groups, locks, counters, schedules, a pause. A
   * scheduler that runs stores its schedules of the queue anew. The queue need not be announced any more. Costs a walk
   * over all keys of the database.
   * @param options `force: true` does not mind active tasks: they run on, and their outcomes are dropped
   * @throws {QueueNotEmptyError} it has active tasks
   */
  async purgeQueue(queue: string, options: { readonly force?: boolean | undefined } = {}): Promise<void> {
    const force = readFlag(options, 'force');
    const isKnown = await this.#brokerFor(queue).hasQueue(queue);
    if (!force) await this.#checkNoneActive(queue);
    const removed = await this.#broker.purgeQueue(queue);
    if (removed === 0 && !isKnown) throw new QueueNotFoundError(queue);
  }

  // ---- looking for tasks ----------------------------------------------------------------------------------------

  /**
   * All that is stored of one task, in whatever state.
   * @throws {TaskNotFoundError} the queue holds no such task: it ended and was not retained, or never was
   */
  async taskInfo(queue: string, taskId: string): Promise<TaskInfo> {
    refuse(queueNameProblem('queue', queue) ?? textProblem('taskId', taskId));
    const task = await this.#open().findTask(queue, taskId);
    if (!task) throw await this.#mover.notFound(queue, taskId);
    return toTaskInfo(task);
  }

  /**
   * One page of a state's tasks, in asynq's order: `pending` next to run first, `active` longest running first,
   * `scheduled` and `retry` soonest first, `archived` and the tasks of a group oldest first, `completed` next to be
   * deleted first.
   */
  async listTasks(queue: string, state: TaskState, options: Paging & GroupOption = {}): Promise<TaskInfo[]> {
    const { group, ...paging } = options;
    const list = toList(queue, state, group, TASK_STATES);
    const { skip, size } = readPaging(paging);
    await this.#checkKnown(queue);
    return (await this.#broker.listTasks(queue, list, skip, size)).map(toTaskInfo);
  }

  /** Searches the tasks of one state, in a bounded number of steps: the answer's `cursor` says where to go on. */
  async findTasks(search: TaskSearch): Promise<FoundTasks> {
    await this.#checkKnown(search.queue);
    return this.#searcher.find(search);
  }

  /** A task to wait for. It need not exist: the handle's methods tell. */
  task(queue: string, taskId: string): TaskHandle {
    refuse(queueNameProblem('queue', queue) ?? textProblem('taskId', taskId));
    return new ClientTaskHandle({ queue, id: taskId }, { waiter: this.#waiter, codec: this.#codec });
  }

  // ---- one task -------------------------------------------------------------------------------------------------

  /**
   * Lets a task that waits for its time, or has ended, run now: after the pending ones.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is pending or active, or not in `expectedState`
   */
  async runTask(queue: string, taskId: string, options: TaskMoveOptions = {}): Promise<void> {
    await this.#moverFor(queue, taskId).move(queue, taskId, 'run', options);
  }

  /**
   * Puts a task aside: it runs only when somebody says so. It keeps its unique lock.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active or archived, or not in `expectedState`
   */
  async archiveTask(queue: string, taskId: string, options: TaskMoveOptions = {}): Promise<void> {
    await this.#moverFor(queue, taskId).move(queue, taskId, 'archive', options);
  }

  /**
   * Deletes a task and releases its unique lock.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active, or not in `expectedState`
   */
  async deleteTask(queue: string, taskId: string, options: TaskMoveOptions = {}): Promise<void> {
    await this.#moverFor(queue, taskId).move(queue, taskId, 'delete', options);
  }

  /**
   * Lets a task run next, before all that are pending.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active, or not in `expectedState`
   */
  async runNext(queue: string, taskId: string, options: TaskMoveOptions = {}): Promise<void> {
    await this.#moverFor(queue, taskId).move(queue, taskId, 'runNext', options);
  }

  /**
   * Lets a task run at another time, to the millisecond; a past one means at once. A task in `retry` stays there, all
   * others become scheduled.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active, or not in `expectedState`
   */
  async reschedule(queue: string, taskId: string, at: Date, options: TaskMoveOptions = {}): Promise<void> {
    const mover = this.#moverFor(queue, taskId);
    const reader = new OptionReader({ at });
    const atMs = reader.date('at');
    if (atMs === undefined) reader.refuse('at', 'a Date');
    reader.throwIfWrong();
    await mover.reschedule(queue, taskId, atMs!, options);
  }

  /**
   * Moves a task that has not ended to another queue, with its id, its failures so far, its time and the rest of its
   * unique lock; one in `retry` is scheduled there, one of a group that is due waits in the group of that name.
   *
   * The copy is scheduled a minute ahead until the original is removed, so no server runs both: if one takes the
   * original first, the copy is removed and the call fails. If this process dies before the original is removed, both stay
   * and run, as any task may run twice; if it dies after that, or the call fails with `RedisCommandError`, the copy starts
   * when the minute is over.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is active, archived or completed, or not in `expectedState`
   * @throws {TaskIdConflictError} the target has a task of this id
   * @throws {DuplicateTaskError} in the target another task holds the unique lock
   */
  async moveToQueue(queue: string, taskId: string, target: string, options: TaskMoveOptions = {}): Promise<void> {
    refuse(queueNameProblem('target', target));
    if (target === queue) refuse({ option: 'target', value: target, allowed: 'another queue' });
    await this.#moverFor(queue, taskId).moveToQueue(queue, taskId, target, options);
  }

  /**
   * Gives a scheduled task another payload: bytes as they are, all else through the codec. A unique lock stays the one
   * of the old payload, as in asynq.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it is not scheduled
   */
  async updateTaskPayload(queue: string, taskId: string, payload: unknown): Promise<void> {
    const bytes = payload instanceof Uint8Array ? payload : encodeWith(this.#codec, payload);
    await this.#moverFor(queue, taskId).updatePayload(queue, taskId, bytes);
  }

  /** Asks every server to abort the running task with this id, in any queue. A signal: nobody may hear it. */
  async cancelTask(taskId: string): Promise<void> {
    refuse(textProblem('taskId', taskId));
    await this.#open().publishCancel(taskId);
  }

  /**
   * Cancels a task in any state and says what becomes of it. One that runs is aborted by its server: at once if that
   * hears the signal, else at its next heartbeat or the one after; `signal.reason.outcome` tells the handler. What the
   * handler answers then still wins: success, `SkipRetry`, `RevokeTask`. Otherwise `outcome` decides: `retry` counts as a
   * failure, `archive` puts the task aside, `delete` drops it with its unique lock. A Go server hears the signal and
   * always retries.
   *
   * The outcome belongs to the attempt that runs when it is set. If its server dies, another of ours applies it when the
   * lease is over; `retry` then waits as long as by default. A server that shuts down looks for such outcomes before it
   * gives tasks back. If the attempt fails or ends by itself before its server has heard of the outcome, that is dropped:
   * it never hits a later attempt.
   *
   * A task that does not run is archived or deleted at once; `retry` leaves it as it is. A completed task is always left
   * as it is.
   * @throws {TaskNotFoundError} no such task
   * @throws {TaskStateError} it began to run, and stopped, each time it was looked for
   */
  async cancel(queue: string, taskId: string, { outcome }: { readonly outcome: CancelOutcome }): Promise<CancelReply> {
    refuse(queueNameProblem('queue', queue) ?? textProblem('taskId', taskId));
    if (!CANCEL_OUTCOMES.includes(outcome)) {
      refuse({ option: 'outcome', value: outcome, allowed: CANCEL_OUTCOMES.join(', ') });
    }
    this.#open();
    return this.#canceler.cancel(queue, taskId, outcome);
  }

  // ---- many tasks -----------------------------------------------------------------------------------------------

  /** Lets all scheduled, retrying or archived tasks, or those of a group, run now; returns how many. */
  async runAll(queue: string, state: TaskState, options: BulkOptions & GroupOption = {}): Promise<number> {
    return this.#moveAll(queue, toList(queue, state, options.group, RUN_ALL), 'pending', options);
  }

  /** Archives all pending, scheduled or retrying tasks, or those of a group; returns how many. */
  async archiveAll(queue: string, state: TaskState, options: BulkOptions & GroupOption = {}): Promise<number> {
    return this.#moveAll(queue, toList(queue, state, options.group, ARCHIVE_ALL), 'archived', options);
  }

  /** Deletes all tasks of a state other than `active`, or those of a group, with their locks; returns how many. */
  async deleteAll(queue: string, state: TaskState, options: BulkOptions & GroupOption = {}): Promise<number> {
    return this.#moveAll(queue, toList(queue, state, options.group, DELETE_ALL), 'deleted', options);
  }

  /** Lets all matching tasks run now that are scheduled, retrying, archived or in a group; returns how many. */
  async runMatching(filter: TaskFilter, options: MatchingOptions = {}): Promise<number> {
    return this.#moveMatching(filter, RUN_ALL, 'pending', options);
  }

  /** Archives all matching tasks that are pending, scheduled, retrying or in a group; returns how many. */
  async archiveMatching(filter: TaskFilter, options: MatchingOptions = {}): Promise<number> {
    return this.#moveMatching(filter, ARCHIVE_ALL, 'archived', options);
  }

  /** Deletes all matching tasks of a state other than `active`, with their locks; returns how many. */
  async deleteMatching(filter: TaskFilter, options: MatchingOptions = {}): Promise<number> {
    return this.#moveMatching(filter, DELETE_ALL, 'deleted', options);
  }

  // ---- servers and schedulers -----------------------------------------------------------------------------------

  /** The servers with a recent heartbeat, and the tasks they run. */
  async servers(): Promise<ServerInfo[]> {
    return (await this.#open().shownServers()).map(toServerInfo);
  }

  /** The plans of all schedulers that are alive. */
  async schedulerEntries(): Promise<SchedulerEntry[]> {
    return (await this.#open().schedulerEntries()).map(toSchedulerEntry);
  }

  /** The firings of an entry, newest first; about a thousand are kept. None for an unknown entry. */
  async schedulerEvents(entryId: string, paging: Paging = {}): Promise<SchedulerEvent[]> {
    refuse(textProblem('entryId', entryId));
    const { skip, size } = readPaging(paging);
    return (await this.#open().schedulerEvents(entryId, skip, size)).map(toSchedulerEvent);
  }

  // ---- stored schedules -----------------------------------------------------------------------------------------

  /**
   * The schedules that Redis keeps, by queue and name, whether a scheduler runs that has them or not. Schedulers of Go
   * keep none. None for an unknown queue.
   * @param queue default: all queues
   */
  async schedules(queue?: string): Promise<ScheduleInfo[]> {
    if (queue !== undefined) refuse(queueNameProblem('queue', queue));
    this.#open();
    return this.#schedules.list(queue);
  }

  /**
   * Lets a schedule fire no more, in every process, until {@link resumeSchedule}. Ticks that pass meanwhile are given up.
   * `false`: it was paused already.
   * @throws {ScheduleNotFoundError} the queue has none of this name
   */
  async pauseSchedule(queue: string, name: string): Promise<boolean> {
    return this.#schedulesFor(queue, name).setPaused({ queue, name }, true);
  }

  /**
   * Lets a paused schedule fire again; `false`: it was not paused.
   * @throws {ScheduleNotFoundError} the queue has none of this name
   */
  async resumeSchedule(queue: string, name: string): Promise<boolean> {
    return this.#schedulesFor(queue, name).setPaused({ queue, name }, false);
  }

  /**
   * Forgets a schedule. Where a scheduler still has it registered it begins anew at once, not paused: to stop one that is
   * in use, pause it or take it out of the code.
   * @throws {ScheduleNotFoundError} the queue has none of this name
   */
  async removeSchedule(queue: string, name: string): Promise<void> {
    await this.#schedulesFor(queue, name).remove({ queue, name });
  }

  /**
   * Enqueues the task of a schedule now, beside its ticks, paused or not: with the payload and the options that a
   * scheduler stored last.
   * @throws {ScheduleNotFoundError} the queue has none of this name
   * @throws {MessageDecodeError} what it enqueues cannot be read
   * @throws {TaskIdConflictError} it has a task id of its own, which the queue holds
   * @throws {DuplicateTaskError} another task holds its unique lock
   */
  async runSchedule(queue: string, name: string): Promise<EnqueuedTask> {
    return this.#schedulesFor(queue, name).run({ queue, name });
  }

  // ---- where it all lies ----------------------------------------------------------------------------------------

  /** The Redis Cluster slot of the queue's keys. The queue need not exist. */
  async clusterSlot(queue: string): Promise<number> {
    return this.#brokerFor(queue).clusterSlot(queue);
  }

  /** The nodes of a Redis Cluster that hold the queue's keys, the master first; none outside of a cluster. */
  async clusterNodes(queue: string): Promise<ClusterNode[]> {
    return this.#brokerFor(queue).clusterNodes(queue);
  }

  /**
   * What Redis tells about itself, by its own names: `INFO`, or `CLUSTER INFO` of a cluster. Nothing for `'memory'`.
   */
  async redisInfo(): Promise<Readonly<Record<string, string>>> {
    return this.#open().storeInfo();
  }

  /** Ends the waits for tasks, and closes the connections that this inspector opened. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new ClosedError('inspector'));
    if (this.#ownsBroker) await this.#broker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #moveAll(queue: string, list: TaskList, to: MoveTarget, options: BulkOptions): Promise<number> {
    const bulk = readBulkOptions(options, this.#logger, { others: ['group'] });
    await this.#checkKnown(queue);
    return this.#bulk.moveAll(queue, list, to, bulk);
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
    await this.#checkKnown(filter.queue);
    const tasks = await this.#searcher.findAll(filter, bulk);
    return options.dryRun ? tasks.length : this.#bulk.moveMatched(filter.queue, list, tasks, to, bulk);
  }

  #moverFor(queue: string, taskId: string): TaskMover {
    refuse(queueNameProblem('queue', queue) ?? textProblem('taskId', taskId));
    this.#open();
    return this.#mover;
  }

  #schedulesFor(queue: string, name: string): ScheduleControl {
    refuse(queueNameProblem('queue', queue) ?? textProblem('name', name));
    this.#open();
    return this.#schedules;
  }

  async #checkKnown(queue: string): Promise<void> {
    if (!(await this.#brokerFor(queue).hasQueue(queue))) throw new QueueNotFoundError(queue);
  }

  async #checkNoneActive(queue: string): Promise<void> {
    const active = await this.#broker.listSize(queue, { state: 'active' });
    if (active > 0) throw new QueueNotEmptyError(queue, active);
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

/** @throws {InvalidOptionsError} the queue, the state or the group cannot be one, or the state not in this call */
function toList(queue: string, state: TaskState, group: string | undefined, allowed: readonly TaskState[]): TaskList {
  const reader = new OptionReader({ queue, state, group });
  reader.add(queueNameProblem('queue', queue));
  if (!allowed.includes(state)) reader.refuse('state', allowed.join(', '));
  checkGroup(reader, { state, group });
  reader.throwIfWrong();
  return { state, group };
}

function readPaging(paging: Paging): { skip: number; size: number } {
  const reader = new OptionReader(paging);
  reader.onlyKnown(['page', 'size']);
  const page = reader.wholeNumber('page', 1, 1, 1_000_000_000);
  const size = reader.wholeNumber('size', 30, 1, 10_000);
  reader.throwIfWrong();
  return { skip: (page - 1) * size, size };
}

/** The one option of a call that has no other. */
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
