import type { CancelOutcome, WishOps } from '../../broker/wait-roles.js';
import { ServerShutdownError, TaskCanceledError } from '../../errors/attempt-aborted.error.js';
import { isInstance } from '../../errors/as-error.js';
import { errorText } from '../../errors/error-text.js';
import { HandlerNotFoundError } from '../../errors/handler-not-found.error.js';
import { Bell } from '../../runtime/bell.js';
import { LogLimit } from '../../runtime/log-limit.js';
import type { Logger } from '../../runtime/logger.js';
import { within } from '../../runtime/within.js';
import { ABORT_GRACE_MS, Attempt, type AttemptDeps, type Ending } from './attempt.js';
import type { LeaseHandle, TrackedTask } from '../leases/lease-handle.js';
import { endingEvent } from './ending-event.js';
import { taskFields } from '../../task/task-fields.js';
import type { Settler } from './settler.js';
import { UnknownTasks } from './unknown-tasks.js';

/** Room for `errorHandler` after the last abort; an attempt that takes longer is left to the recoverer. */
const LAST_WORD_MS = 500;
const UNKNOWN_TYPE_LOG_MS = 10_000;
/** How long a shutdown looks for wishes that were not heard. */
const LAST_LOOK_MS = 500;

export interface WorkerPoolDeps extends AttemptDeps {
  readonly wishes: Pick<WishOps, 'cancelWish'>;
}

/**
 * The slots of a server. Each runs one attempt at a time and is free again when the handler has really ended: a handler
 * that ignores its timeout keeps its slot, so there are never more than `concurrency` at once. The outcome is stored
 * meanwhile.
 */
export class WorkerPool {
  private readonly running = new Map<Attempt, Promise<void>>();
  /** Attempts whose outcome is not known yet. */
  private readonly undecided = new Set<Promise<void>>();
  private readonly unknownTasks: UnknownTasks;
  private readonly slotFreed: Bell;
  private readonly unknownTypeLog: LogLimit;
  private readonly logger: Logger;
  private isClosed = false;

  constructor(
    readonly concurrency: number,
    private readonly settler: Settler,
    private readonly deps: WorkerPoolDeps,
  ) {
    this.slotFreed = new Bell(deps.clock);
    this.unknownTasks = new UnknownTasks(deps.clock);
    this.unknownTypeLog = new LogLimit(deps.clock, UNKNOWN_TYPE_LOG_MS);
    this.logger = deps.failurePolicy.logger;
  }

  get free(): number {
    return this.concurrency - this.running.size;
  }

  /** Whether tasks of unknown type that were put back may turn up in the queue now. */
  expectsUnknownTypes(queue: string): boolean {
    return this.unknownTasks.areDue(queue);
  }

  /** Runs a task in a free slot. The caller asks for no more tasks than there are free slots. */
  run(tracked: TrackedTask, lease: LeaseHandle): void {
    const attempt = new Attempt(tracked, lease, this.deps);
    if (this.isClosed) {
      // A fetch was answered after shutdown gave up waiting for it.
      this.settle(attempt, lease, { outcome: { kind: 'requeue' }, durationMs: 0 });
      return;
    }
    const decided = this.runToEnd(attempt, lease);
    this.undecided.add(decided);
    void decided.then(() => this.undecided.delete(decided));
    this.running.set(
      attempt,
      decided.then(() => this.freeSlot(attempt)),
    );
  }

  /** Never rejects: a slot whose attempt went wrong would never be free again. */
  private async runToEnd(attempt: Attempt, lease: LeaseHandle): Promise<void> {
    try {
      this.settle(attempt, lease, await attempt.run());
    } catch (error) {
      this.logger.error('an attempt failed to end; its task will be recovered', {
        ...taskFields(attempt.message),
        error,
      });
      lease.end();
    }
  }

  /** Resolves when a slot is free, or `signal` aborts. For one waiter. */
  async whenFree(signal: AbortSignal): Promise<void> {
    while (this.free <= 0 && !signal.aborted) await this.slotFreed.wait(signal);
  }

  /** Aborts the running task with this id, in whatever queue. What then becomes of it may be written beside it. */
  async cancel(taskId: string): Promise<void> {
    const attempts = [...this.running.keys()].filter(({ message }) => message.id === taskId);
    await Promise.all(
      attempts.map(async (attempt) => attempt.abort(new TaskCanceledError(taskId, await this.wishFor(attempt)))),
    );
  }

  /** Aborts one running task; unless its handler decides, the wish does. */
  cancelAs(queue: string, taskId: string, wish: CancelOutcome): void {
    for (const attempt of this.running.keys()) {
      const { message } = attempt;
      if (message.id === taskId && message.queue === queue) attempt.abort(new TaskCanceledError(taskId, wish));
    }
  }

  /** Waits until every handler has ended, at most `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    const count = this.running.size;
    if (count > 0) this.logger.info(`shutting down: waiting up to ${timeoutMs} ms for ${count} running task(s)`);
    await within(this.deps.clock, timeoutMs, Promise.all(this.running.values()));
  }

  /** Aborts what still runs, and waits until the settler has its outcomes. Handlers that go on are left behind. */
  async abortAll(): Promise<void> {
    this.isClosed = true;
    this.logAborted();
    await Promise.all([...this.running.keys()].map((attempt) => this.abortAtShutdown(attempt)));
    await within(this.deps.clock, ABORT_GRACE_MS + LAST_WORD_MS, Promise.all(this.undecided));
  }

  /** Most often a `shutdownTimeout` that is too short, or a handler that does not heed its signal. */
  private logAborted(): void {
    if (this.running.size === 0) return;
    const tasks = [...this.running.keys()].map(({ message: { queue, type, id } }) => ({ queue, type, taskId: id }));
    this.logger.warn('shutting down: aborting tasks that take longer than shutdownTimeout', { tasks });
  }

  /** A task that somebody wished to cancel is not given back: the wish is for this attempt. */
  private async abortAtShutdown(attempt: Attempt): Promise<void> {
    const { queue, id } = attempt.message;
    let wish: CancelOutcome | undefined;
    const look = this.deps.wishes.cancelWish(queue, id).then(
      (found) => (wish = found),
      () => undefined, // Redis is away: the settler will tell
    );
    await within(this.deps.clock, LAST_LOOK_MS, look);
    attempt.abort(wish === undefined ? new ServerShutdownError(id) : new TaskCanceledError(id, wish));
  }

  private async wishFor({ message: { queue, id } }: Attempt): Promise<CancelOutcome | undefined> {
    try {
      return await this.deps.wishes.cancelWish(queue, id);
    } catch (error) {
      this.logger.warn('cannot read what shall become of a canceled task; it is retried', {
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
    this.slotFreed.ring();
  }

  private settle({ message }: Attempt, lease: LeaseHandle, ending: Ending): void {
    this.log(message, ending);
    const { clock, emit } = this.deps;
    if (!ending.outcome) {
      lease.end();
      emit?.(endingEvent(message, ending, clock.nowMs()));
      return;
    }
    if (ending.outcome.kind === 'retry' && ending.outcome.unknownTypeSinceMs !== undefined) {
      this.unknownTasks.putBack(message.queue, message.id, ending.outcome.retryAtMs);
    }
    this.settler.settle({
      message,
      lease,
      outcome: ending.outcome,
      onSettled: (reply) => {
        if (reply === 'givenUp') return; // the settler has logged it, and the recoverer will tell
        const stored = reply === 'settled' ? ending : { ...ending, outcome: undefined };
        emit?.(endingEvent(message, stored, clock.nowMs()));
      },
    });
  }

  private log({ id, type, queue, retried, maxRetry }: Attempt['message'], { outcome, error }: Ending): void {
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
