import type { CancelOutcome } from '../../../wire/cancel-record.js';
import type { LeasedTask, LeaseOps } from '../../../broker/contract/lease.js';
import type { WaitOps } from '../../../broker/contract/waiting.js';
import { ServerShutdownError, TaskCanceledError } from '../../../errors/attempt-aborted.error.js';
import { isInstance } from '../../../errors/as-error.js';
import { HandlerNotFoundError } from '../../../errors/handler-not-found.error.js';
import { Deadlines } from '../../../runtime/deadlines.js';
import { LogLimit } from '../../../runtime/log-limit.js';
import type { Logger } from '../../../runtime/logger.js';
import { WaitedCount } from '../../../runtime/waited-count.js';
import { WaitedSet } from '../../../runtime/waited-set.js';
import { within } from '../../../runtime/within.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import {
  ABORT_GRACE_MS,
  Attempt,
  type AttemptDeps,
  type AttemptListener,
  type AttemptSurroundings,
  type Ending,
} from './attempt.js';
import { attemptDeadlineMs } from './attempt-deadline.js';
import { Company, type Slots } from './company.js';
import type { LeaseHandle, TrackedTask } from '../../leases/lease-handle.js';
import { endingEvent } from './ending-event.js';
import { FailureLog } from './failure-log.js';
import type { TaskEventListener } from '../../../task/task-event.js';
import { taskFields } from '../../../task/task-fields.js';
import type { Settler, Unsettled } from '../settling/settler.js';
import { type RunLimit, RunLimits } from './run-limits.js';
import { UnknownTasks } from './unknown-tasks.js';

/** Time limit of `errorHandler` after the last abort; a slower attempt is left to the recoverer. */
const LAST_WORD_MS = 500;
const UNKNOWN_TYPE_LOG_MS = 10_000;
/** How long a handler may ignore its signal before {@link WorkerPool.onDeaf} is called. */
export const DEAF_PATIENCE_MS = 10_000;
/** Maximum number of tasks in the log line of a shutdown. */
const MOST_NAMED = 10;
/** How long a shutdown reads cancel requests that have not arrived. */
const LAST_LOOK_MS = 500;

interface WorkerPoolDeps extends AttemptDeps {
  readonly leases: Pick<LeaseOps, 'noteAlone'>;
  readonly cancelRequests: Pick<WaitOps, 'requestedOutcome'>;
  /** Default: of queues and handlers none has a limit of its own. */
  readonly limits?: RunLimits | undefined;
}

/** Outcomes of a shutdown that requeue tasks, by the order in which the tasks were started. */
type Unfinished = Map<number, Unsettled>;

/**
 * The slots of a server. Each runs one attempt at a time and is free again when the handler itself has ended and the
 * outcome has been sent, or few enough wait. A handler that ignores its timeout keeps its slot, so never more than `concurrency`
 * handlers run at once. It keeps its task too: if it were retried elsewhere, the
 * task would take a slot there as well, and so on. The task is retried when the handler has ended, or the server shuts
 * down. Tasks that were in hand at crashes limit how many slots are used; see {@link Company}.
 */
export class WorkerPool implements Slots, AttemptListener {
  private readonly running = new WaitedSet<Attempt>();
  /** Those whose outcome is not known yet. */
  private readonly undecided = new WaitedCount();
  private readonly surroundings: AttemptSurroundings;
  private readonly unknownTasks: UnknownTasks;
  private readonly company: Company;
  readonly limits: RunLimits;
  /** The limits that running tasks count in, of those that have some. */
  private readonly entered = new Map<Attempt, readonly RunLimit[]>();
  /** Collected until shutdown knows all tasks to requeue: they are sent together, in their order. */
  private unfinished: Unfinished | undefined = new Map();
  private begun = 0;
  private readonly unknownTypeLog: LogLimit;
  private readonly failureLog: FailureLog;
  private readonly logger: Logger;
  private isClosed = false;
  private close: () => void = () => undefined;
  /** Resolves at shutdown. */
  private readonly closing = new Promise<void>((resolve) => (this.close = resolve));
  /** Called when a handler has ignored its signal for {@link DEAF_PATIENCE_MS}. */
  onDeaf: () => void = () => undefined;
  /** Called when a slot may be free. */
  onFree: () => void = () => undefined;
  /** Called when tasks are canceled: those that are held are to be passed to {@link takeCanceled}. */
  onCancel: (isMeant: (message: TaskMessage) => boolean) => void = () => undefined;
  /** Called when the outcome of an attempt is known. */
  onEnd: (queue: string, durationMs: number) => void = () => undefined;
  /** How many outcomes may wait to be sent without holding slots: as many as tasks are read ahead. */
  mostWaiting = 0;

  constructor(
    readonly concurrency: number,
    private readonly settler: Settler,
    private readonly deps: WorkerPoolDeps,
  ) {
    this.surroundings = { ...deps, deadlines: new Deadlines(deps.clock) };
    this.unknownTasks = new UnknownTasks(deps.clock);
    this.unknownTypeLog = new LogLimit(deps.clock, UNKNOWN_TYPE_LOG_MS);
    this.logger = deps.logger;
    this.limits = deps.limits ?? new RunLimits({}, deps.router);
    this.failureLog = new FailureLog(deps.clock, this.logger);
    this.company = new Company(this, { leases: deps.leases, clock: deps.clock, logger: this.logger });
    settler.onRoom = () => this.noteRoom();
    settler.onCanceled = (unsettled, outcome) => this.cancelReturn(unsettled, outcome);
  }

  get free(): number {
    return Math.min(this.concurrency, this.company.limit) - this.inHand;
  }

  get inHand(): number {
    return this.running.size + Math.max(0, this.settler.waiting - this.mostWaiting);
  }

  /** Slots in which a handler runs. */
  get busy(): number {
    return this.running.size;
  }

  /** A suspect limits how many tasks are in hand. */
  get isLimited(): boolean {
    return this.company.limit < Infinity;
  }

  isSuspect({ crashes = 0 }: LeasedTask): boolean {
    return crashes > 0 && this.company.isSuspect(crashes);
  }

  /** Slots of handlers that ignore their signals. */
  get lost(): number {
    return [...this.running].filter(({ isDeaf }) => isDeaf).length;
  }

  /**
   * Requeues a task of unknown type at the head of its queue, for a server that knows the type. `false`: run it,
   * perhaps to put it back after the offer has ended.
   * @param onBack called when the task is back in the queue
   */
  leaveToOthers({ task: { message } }: TrackedTask, lease: LeaseHandle, onBack: () => void): boolean {
    if (this.isClosed || this.knows(message.type)) return false;
    if (this.unknownTasks.offer(message.queue, message.id) === 'over') return false;
    this.settler.settle({ message, lease, outcome: { kind: 'requeue' }, onSettled: onBack });
    return true;
  }

  /** Ids of tasks of a queue that are left to others. */
  leftToOthers(queue: string): string[] {
    return this.unknownTasks.offered(queue);
  }

  /** Such tasks are in the queue: whether other servers should be woken for them. */
  isTellDue(queue: string): boolean {
    return this.unknownTasks.isTellDue(queue);
  }

  /** Whether it has a handler for a type. */
  knows(type: string): boolean {
    try {
      return this.deps.router.route(type) !== undefined;
    } catch {
      return true; // its attempt reports the reason
    }
  }

  /**
   * Runs a task in a free slot, unless a suspect keeps it from that: then it is run later, or given back. The caller never
   * starts more tasks than there are free slots.
   */
  run(tracked: TrackedTask, lease: LeaseHandle): void {
    // Shutdown did not wait for this fetch, or the process was frozen since.
    if (this.isClosed || lease.isOver()) return this.giveBack(tracked, lease);
    this.company.enter(tracked, lease);
  }

  begin(tracked: TrackedTask, lease: LeaseHandle): void {
    this.add(tracked, lease).run();
  }

  /** Takes a task that is being canceled and has not begun, beside those that run: its attempt ends with the abort. */
  takeCanceled(tracked: TrackedTask, lease: LeaseHandle): void {
    this.add(tracked, lease);
  }

  private add(tracked: TrackedTask, lease: LeaseHandle): Attempt {
    const attempt = new Attempt(tracked, lease, this.begun++, this.surroundings, this);
    if (this.limits.isUsed) this.entered.set(attempt, this.limits.enter(attempt.message));
    this.running.add(attempt);
    this.undecided.add();
    return attempt;
  }

  /** No more tasks are run: one that still waits for its turn is given back. */
  async stop(): Promise<void> {
    await this.company.close();
  }

  onEnded(attempt: Attempt, ending: Ending): void {
    if (attempt.isDeaf && !this.isClosed) void this.outlast(attempt, ending);
    else this.decide(attempt, ending);
  }

  onBroken(attempt: Attempt, error: unknown): void {
    const fields = { ...taskFields(attempt.message), error };
    this.logger.error('an attempt failed to end; its task will be recovered', fields);
    attempt.lease.end();
    this.leaveSlot(attempt);
  }

  /** Waits for a handler that ignores its signal. A retry waits, too. Never rejects. */
  private async outlast(attempt: Attempt, ending: Ending): Promise<void> {
    const { handlerEnded, lease } = attempt;
    const timer = this.deps.clock.setTimer(() => this.onDeaf(), DEAF_PATIENCE_MS);
    void handlerEnded.then(() => this.deps.clock.clearTimer(timer));
    if (ending.outcome?.kind === 'retry') {
      lease.keep();
      await Promise.race([handlerEnded, this.closing]);
    }
    this.decide(attempt, ending);
  }

  /** Never throws: otherwise a failed attempt would keep its slot forever. */
  private decide(attempt: Attempt, ending: Ending): void {
    try {
      this.onEnd(attempt.message.queue, ending.durationMs);
      this.settle(attempt.message, attempt.lease, ending, attempt.nth);
    } catch (error) {
      return this.onBroken(attempt, error);
    }
    this.leaveSlot(attempt);
  }

  /** The slot is free when the handler has ended, which a deaf one has not. */
  private leaveSlot(attempt: Attempt): void {
    this.undecided.remove();
    if (attempt.isDeaf) void attempt.handlerEnded.then(() => this.freeSlot(attempt));
    else this.freeSlot(attempt);
  }

  private freeSlot(attempt: Attempt): void {
    this.running.delete(attempt);
    if (this.entered.size > 0) this.leaveLimits(attempt);
    this.company.leave(attempt.tracked);
    this.noteRoom();
  }

  private leaveLimits(attempt: Attempt): void {
    this.limits.leave(this.entered.get(attempt) ?? []);
    this.entered.delete(attempt);
  }

  /** Returns a task that was not started to the head of its queue. Of several, pass the next to run first. */
  giveBack({ task: { message } }: TrackedTask, lease: LeaseHandle): void {
    this.settle(message, lease, { outcome: { kind: 'requeue' }, durationMs: 0 });
  }

  /** Does the same for a task that was only held; no event tells of it. */
  putBack({ message }: LeasedTask, lease: LeaseHandle, onSettled: (() => void) | undefined): void {
    this.settler.settle({ message, lease, outcome: { kind: 'requeue' }, onSettled });
  }

  /** Aborts the task with this id that runs or is held, in any queue. A stored cancel request decides its outcome. */
  async cancel(taskId: string): Promise<void> {
    const attempts = this.attemptsAt(({ id }) => id === taskId);
    await Promise.all(
      attempts.map(async (attempt) =>
        attempt.abort(new TaskCanceledError(taskId, await this.requestedOutcome(attempt))),
      ),
    );
  }

  /** Aborts one task that runs or is held; `outcome` applies unless its handler decides. */
  cancelAs(queue: string, taskId: string, outcome: CancelOutcome): void {
    const attempts = this.attemptsAt((message) => message.id === taskId && message.queue === queue);
    for (const attempt of attempts) attempt.abort(new TaskCanceledError(taskId, outcome));
  }

  /** Also of tasks that are held: they take a slot until the abort. */
  private attemptsAt(isMeant: (message: TaskMessage) => boolean): Attempt[] {
    this.onCancel(isMeant);
    this.company.cancel(isMeant);
    return [...this.running].filter(({ message }) => isMeant(message));
  }

  /** A task was to return to its queue, and has been canceled. */
  private cancelReturn({ message, lease }: Unsettled, outcome: CancelOutcome): void {
    const startedAtMs = this.deps.clock.nowMs();
    const task = { message, leaseExpiresAtS: lease.claim().expiriesS[0]! };
    const times = { startedAtMs, deadlineMs: attemptDeadlineMs(message, startedAtMs) };
    this.add({ task, ...times }, lease).abort(new TaskCanceledError(message.id, outcome));
  }

  /** Waits for all handlers to end, for at most `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const count = this.running.size;
    if (count > 0) this.logger.info(`shutting down: waiting up to ${timeoutMs} ms for ${count} running task(s)`);
    await within(this.deps.clock, timeoutMs, this.running.whenEmpty());
  }

  /**
   * Aborts the attempts still running, and waits until the settler has their outcomes. Handlers that continue are not
   * awaited.
   */
  async abortAll(): Promise<void> {
    this.isClosed = true;
    this.close();
    this.logAborted();
    await Promise.all([...this.running].map((attempt) => this.abortAtShutdown(attempt)));
    await within(this.deps.clock, ABORT_GRACE_MS + LAST_WORD_MS, this.undecided.whenZero());
    const unfinished = [...this.unfinished!].toSorted(([a], [b]) => a - b);
    this.unfinished = undefined;
    for (const [, unsettled] of unfinished) this.settler.settle(unsettled);
  }

  /** The usual causes: `shutdownTimeout` is too short, or a handler ignores its signal. */
  private logAborted(): void {
    if (this.running.size === 0) return;
    const named = [...this.running].slice(0, MOST_NAMED);
    const tasks = named.map(({ message: { queue, type, id } }) => ({ queue, type, taskId: id }));
    const fields = { tasks, count: this.running.size };
    this.logger.warn('shutting down: aborting tasks that take longer than shutdownTimeout', fields);
  }

  /** A task with a cancel request is not requeued: the request is for this attempt. */
  private async abortAtShutdown(attempt: Attempt): Promise<void> {
    const { queue, id } = attempt.message;
    let outcome: CancelOutcome | undefined;
    const look = this.deps.cancelRequests.requestedOutcome(queue, id).then(
      (found) => (outcome = found),
      () => undefined, // Redis is unavailable: the settler will log it
    );
    await within(this.deps.clock, LAST_LOOK_MS, look);
    attempt.abort(outcome === undefined ? new ServerShutdownError(id) : new TaskCanceledError(id, outcome));
  }

  private async requestedOutcome({ message: { queue, id } }: Attempt): Promise<CancelOutcome | undefined> {
    try {
      return await this.deps.cancelRequests.requestedOutcome(queue, id);
    } catch (error) {
      this.logger.warn('cannot read the requested outcome of a canceled task; it is retried', {
        queue,
        taskId: id,
        error,
      });
      return undefined;
    }
  }

  private noteRoom(): void {
    this.company.step();
    this.onFree();
  }

  /** @param nth position of the attempt in the start order; absent when the task was not started */
  private settle(message: TaskMessage, lease: LeaseHandle, ending: Ending, nth?: number): void {
    this.log(message, ending);
    const { clock, emit } = this.deps;
    if (!ending.outcome) {
      lease.end();
      emit?.(endingEvent(message, ending, clock.nowMs()));
      return;
    }
    const onSettled = emit && this.teller(emit, message, ending);
    const unsettled: Unsettled = { message, lease, outcome: ending.outcome, onSettled };
    if (ending.outcome.kind === 'requeue' && nth !== undefined && this.unfinished) this.unfinished.set(nth, unsettled);
    else this.settler.settle(unsettled);
  }

  /** Tells of the end of an attempt when its outcome is stored. */
  private teller(emit: TaskEventListener, message: TaskMessage, ending: Ending): Unsettled['onSettled'] {
    return (reply) => {
      // Given up: the recoverer will emit the event. Canceled: it has another end.
      if ((reply !== 'settled' && reply !== 'leaseLost') || emit.isIdle) return;
      const stored = reply === 'settled' ? ending : { ...ending, outcome: undefined };
      emit(endingEvent(message, stored, this.deps.clock.nowMs()));
    };
  }

  /** One line for each attempt that did not succeed, within the limits of {@link FailureLog}. */
  private log(message: TaskMessage, ending: Ending): void {
    const { outcome, error } = ending;
    if (outcome?.kind === 'complete' || (outcome?.kind === 'done' && error === undefined)) return;
    if (outcome?.kind === 'retry' && isInstance(error, HandlerNotFoundError)) {
      if (!this.unknownTypeLog.allows(message.queue)) return;
    }
    this.failureLog.write(message, ending);
  }
}
