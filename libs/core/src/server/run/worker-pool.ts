import type { CancelOutcome } from '../../wire/cancel-record.js';
import type { WaitOps } from '../../broker/contract/waiting.js';
import { ServerShutdownError, TaskCanceledError } from '../../errors/attempt-aborted.error.js';
import { isInstance } from '../../errors/as-error.js';
import { errorText } from '../../errors/error-text.js';
import { HandlerNotFoundError } from '../../errors/handler-not-found.error.js';
import { LogLimit } from '../../runtime/log-limit.js';
import type { Logger } from '../../runtime/logger.js';
import { within } from '../../runtime/within.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { ABORT_GRACE_MS, Attempt, type AttemptDeps, type Ending } from './attempt.js';
import type { LeaseHandle, TrackedTask } from '../leases/lease-handle.js';
import { endingEvent } from './ending-event.js';
import { taskFields } from '../../task/task-fields.js';
import type { Settler, Unsettled } from './settler.js';
import { UnknownTasks } from './unknown-tasks.js';

/** Time for `errorHandler` after the last abort; a slower attempt is left to the recoverer. */
const LAST_WORD_MS = 500;
const UNKNOWN_TYPE_LOG_MS = 10_000;
/** Most tasks listed in the log of a shutdown. */
const MOST_NAMED = 10;
/** How long a shutdown looks for cancel requests that have not arrived. */
const LAST_LOOK_MS = 500;

export interface WorkerPoolDeps extends AttemptDeps {
  readonly cancelRequests: Pick<WaitOps, 'requestedOutcome'>;
}

/** Outcomes of a shutdown that give tasks back, by the order in which the tasks were begun. */
type Unfinished = Map<number, Unsettled>;

/**
 * The slots of a server. Each runs one attempt at a time and is free again when the handler has really ended and the
 * outcome is on its way. A handler that ignores its timeout keeps its slot, so never more than `concurrency` handlers run
 * at once, and no more outcomes wait than there are slots.
 */
export class WorkerPool {
  private readonly running = new Map<Attempt, Promise<void>>();
  /** Attempts whose outcome is not known yet. */
  private readonly undecided = new Set<Promise<void>>();
  private readonly unknownTasks: UnknownTasks;
  /** Collected until shutdown knows all tasks to give back: they go together, in their order. */
  private unfinished: Unfinished | undefined = new Map();
  private begun = 0;
  private readonly unknownTypeLog: LogLimit;
  private readonly logger: Logger;
  private isClosed = false;
  /** Called when a slot may be free. */
  onFree: () => void = () => undefined;

  constructor(
    readonly concurrency: number,
    private readonly settler: Settler,
    private readonly deps: WorkerPoolDeps,
  ) {
    settler.onRoom = () => this.onFree();
    this.unknownTasks = new UnknownTasks(deps.clock);
    this.unknownTypeLog = new LogLimit(deps.clock, UNKNOWN_TYPE_LOG_MS);
    this.logger = deps.failurePolicy.logger;
  }

  get free(): number {
    return this.concurrency - this.running.size - this.settler.waiting;
  }

  /**
   * Leaves a task whose type nobody here knows at the head of its queue, for a server that knows it. `false`: it is to be
   * run, be it to put it back after it was left for a while.
   * @param tell called when the task lies there and another server should be woken to look at it
   */
  leaveToOthers({ task: { message } }: TrackedTask, lease: LeaseHandle, tell: () => void): boolean {
    if (this.isClosed || !this.isUnknown(message.type)) return false;
    const offer = this.unknownTasks.offer(message.queue, message.id);
    if (offer === 'over') return false;
    const onSettled = offer === 'tell' ? tell : (): void => undefined;
    this.settler.settle({ message, lease, outcome: { kind: 'requeue' }, onSettled });
    return true;
  }

  private isUnknown(type: string): boolean {
    try {
      return this.deps.router.route(type) === undefined;
    } catch {
      return false; // its attempt will say why
    }
  }

  /** Runs a task in a free slot. The caller never starts more tasks than there are free slots. */
  run(tracked: TrackedTask, lease: LeaseHandle): void {
    if (this.isClosed) return this.giveBack(tracked, lease); // shutdown did not wait for this fetch
    const attempt = new Attempt(tracked, lease, this.deps);
    const decided = this.runToEnd(attempt, lease, this.begun++);
    this.undecided.add(decided);
    void decided.then(() => this.undecided.delete(decided));
    this.running.set(
      attempt,
      decided.then(() => this.freeSlot(attempt)),
    );
  }

  /** Never rejects: otherwise a failed attempt would keep its slot for ever. */
  private async runToEnd(attempt: Attempt, lease: LeaseHandle, nth: number): Promise<void> {
    try {
      this.settle(attempt.message, lease, await attempt.run(), nth);
    } catch (error) {
      this.logger.error('an attempt failed to end; its task will be recovered', {
        ...taskFields(attempt.message),
        error,
      });
      lease.end();
    }
  }

  /** Puts a task that was not started back to the head of its queue. Of several, the next to run comes first. */
  giveBack({ task: { message } }: TrackedTask, lease: LeaseHandle): void {
    this.settle(message, lease, { outcome: { kind: 'requeue' }, durationMs: 0 });
  }

  /** Aborts the running task with this id, in whatever queue. What then becomes of it may be written beside it. */
  async cancel(taskId: string): Promise<void> {
    const attempts = [...this.running.keys()].filter(({ message }) => message.id === taskId);
    await Promise.all(
      attempts.map(async (attempt) =>
        attempt.abort(new TaskCanceledError(taskId, await this.requestedOutcome(attempt))),
      ),
    );
  }

  /** Aborts one running task; `outcome` applies unless its handler decides. */
  cancelAs(queue: string, taskId: string, outcome: CancelOutcome): void {
    for (const attempt of this.running.keys()) {
      const { message } = attempt;
      if (message.id === taskId && message.queue === queue) attempt.abort(new TaskCanceledError(taskId, outcome));
    }
  }

  /** Waits for all handlers to end, `timeoutMs` at most. */
  async drain(timeoutMs: number): Promise<void> {
    const count = this.running.size;
    if (count > 0) this.logger.info(`shutting down: waiting up to ${timeoutMs} ms for ${count} running task(s)`);
    await within(this.deps.clock, timeoutMs, Promise.all(this.running.values()));
  }

  /** Aborts the attempts still running, and waits until the settler has their outcomes. Handlers that go on are left behind. */
  async abortAll(): Promise<void> {
    this.isClosed = true;
    this.logAborted();
    await Promise.all([...this.running.keys()].map((attempt) => this.abortAtShutdown(attempt)));
    await within(this.deps.clock, ABORT_GRACE_MS + LAST_WORD_MS, Promise.all(this.undecided));
    const unfinished = [...this.unfinished!].toSorted(([a], [b]) => a - b);
    this.unfinished = undefined;
    for (const [, unsettled] of unfinished) this.settler.settle(unsettled);
  }

  /** The usual causes: `shutdownTimeout` is too short, or a handler ignores its signal. */
  private logAborted(): void {
    if (this.running.size === 0) return;
    const named = [...this.running.keys()].slice(0, MOST_NAMED);
    const tasks = named.map(({ message: { queue, type, id } }) => ({ queue, type, taskId: id }));
    const fields = { tasks, count: this.running.size };
    this.logger.warn('shutting down: aborting tasks that take longer than shutdownTimeout', fields);
  }

  /** A task with a cancel request is not given back: the request is for this attempt. */
  private async abortAtShutdown(attempt: Attempt): Promise<void> {
    const { queue, id } = attempt.message;
    let outcome: CancelOutcome | undefined;
    const look = this.deps.cancelRequests.requestedOutcome(queue, id).then(
      (found) => (outcome = found),
      () => undefined, // Redis is away: the settler will log it
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

  private async freeSlot(attempt: Attempt): Promise<void> {
    await attempt.handlerEnded;
    this.running.delete(attempt);
    this.onFree();
  }

  /** @param nth when the attempt was begun; absent when the task was not */
  private settle(message: TaskMessage, lease: LeaseHandle, ending: Ending, nth?: number): void {
    this.log(message, ending);
    const { clock, emit } = this.deps;
    if (!ending.outcome) {
      lease.end();
      emit?.(endingEvent(message, ending, clock.nowMs()));
      return;
    }
    const unsettled: Unsettled = {
      message,
      lease,
      outcome: ending.outcome,
      onSettled: (reply) => {
        if (reply === 'givenUp') return; // the settler has logged it, and the recoverer will emit the event
        const stored = reply === 'settled' ? ending : { ...ending, outcome: undefined };
        emit?.(endingEvent(message, stored, clock.nowMs()));
      },
    };
    if (ending.outcome.kind === 'requeue' && nth !== undefined && this.unfinished) this.unfinished.set(nth, unsettled);
    else this.settler.settle(unsettled);
  }

  private log({ id, type, queue, retried, maxRetry }: TaskMessage, { outcome, error }: Ending): void {
    const fields = { queue, taskId: id, type, retried, maxRetry };
    if (!outcome) this.logger.warn('lost the lease on a running task; its outcome is dropped', fields);
    else if (outcome.kind === 'archive') this.logger.error(`task archived: ${outcome.error}`, { ...fields, error });
    else if (outcome.kind === 'retry' && isInstance(error, HandlerNotFoundError)) {
      if (this.unknownTypeLog.allows(queue)) this.logger.warn(`task put back: ${errorText(error)}`, fields);
    } else if (outcome.kind === 'retry') {
      const level = outcome.isFailure ? 'warn' : 'debug';
      this.logger[level](`task failed, will be retried: ${outcome.error}`, { ...fields, error });
    }
  }
}
