import type { LeasedTask } from '../../../broker/contract/lease.js';
import type { Outcome, SettleOps } from '../../../broker/contract/settle.js';
import {
  ServerShutdownError,
  type TaskCanceledError,
  TaskTimeoutError,
} from '../../../errors/attempt-aborted.error.js';
import { isInstance } from '../../../errors/as-error.js';
import { HandlerNotFoundError } from '../../../errors/handler-not-found.error.js';
import { LeaseLostError } from '../../../errors/lease-lost.error.js';
import { type Clock, monotonicMs, type TimerHandle } from '../../../runtime/clock.js';
import { LazySignal } from '../../../runtime/lazy-signal.js';
import type { Logger } from '../../../runtime/logger.js';
import { dropPromise } from '../../../runtime/user-callback.js';
import type { WaitedItem } from '../../../runtime/waited-set.js';
import { resultWithin, within } from '../../../runtime/within.js';
import { backoffDelayMs } from '../../../task/backoff.js';
import { decodeBackoff } from '../../../wire/backoff-record.js';
import { checkDecoded, decodeCopy, type PayloadCodec, undecodable } from '../../../task/payload-codec.js';
import { type CarriedFields, fieldsIn } from '../../../task/carried-fields.js';
import type { TaskContext } from '../../../task/task-context.js';
import { findSignal, SkipRetry } from '../../../task/signals.js';
import type { TaskEvent, TaskEventListener } from '../../../task/task-event.js';
import type { AttemptTrace, TaskTracer } from '../../../task/task-tracing.js';
import { clampInt64, fromS } from '../../../wire/unix-time.js';
import { type Abortable, AttemptContext } from './attempt-context.js';
import type { Deadline, Deadlines, Expiring } from '../../../runtime/deadlines.js';
import { failureOutcome, type FailurePolicy } from './attempt-outcome.js';
import { tracedOutcome } from './traced-outcome.js';
import type { LeaseHandle, TrackedTask } from '../../leases/lease-handle.js';
import type { Route, TaskRouter } from './serve-mux.js';
import { taskFields } from '../../../task/task-fields.js';

/** How long an aborted handler may take to settle; after that the abort decides the outcome. */
export const ABORT_GRACE_MS = 500;
/** How long the outcome of a failed attempt waits for `errorHandler`. */
const ERROR_HANDLER_MS = 10_000;
/** How long the outcome of a failed attempt waits for the task's own backoff. */
const READ_BACKOFF_MS = 1_000;

type AbortReason = TaskTimeoutError | TaskCanceledError | LeaseLostError | ServerShutdownError;

/** Called with every error of a handler, before the outcome is stored. */
export type ErrorHandler = (error: unknown, context: TaskContext) => void | Promise<void>;

export interface AttemptDeps {
  readonly router: TaskRouter;
  readonly results: Pick<SettleOps, 'writeResult' | 'writeProgress' | 'readBackoff'>;
  readonly codec: PayloadCodec;
  /** The server's; a route may have its own `retryDelay` and `isFailure`. */
  readonly failurePolicy: FailurePolicy;
  readonly errorHandler: ErrorHandler | undefined;
  readonly emit: TaskEventListener | undefined;
  /** `undefined`: nothing is traced. */
  readonly tracer?: TaskTracer | undefined;
  /** Fields to restore around handlers. */
  readonly carried?: CarriedFields | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What an attempt shares with all others of its server. */
export interface AttemptSurroundings extends AttemptDeps {
  readonly deadlines: Deadlines;
}

/** How an attempt ended. */
export interface Ending {
  /** `undefined`: the lease is lost, so there is nothing to store. */
  readonly outcome: Outcome | undefined;
  /** Absent after success. */
  readonly error?: unknown;
  readonly durationMs: number;
}

/** Receives the end of an attempt: one call of the two. */
export interface AttemptListener {
  /** May be called before {@link Attempt.run} returns. */
  onEnded(attempt: Attempt, ending: Ending): void;
  /** It cannot tell its outcome. */
  onBroken(attempt: Attempt, error: unknown): void;
}

type Answer =
  { readonly isSuccess: true; readonly returned: unknown } | { readonly isSuccess: false; readonly error: unknown };

/**
 * One attempt of one task.
 *
 * 1. Without a handler, with a payload that does not decode, or past its deadline, it fails without calling the handler.
 * 2. The handler runs. Timeout, cancellation, a lost lease and shutdown abort its signal.
 * 3. The handler's own outcome takes precedence, even after an abort: success remains success, `SkipRetry` and
 * `RevokeTask` apply. Any other error after an abort counts as the abort. If the handler does not settle within {@link
 * ABORT_GRACE_MS} of the abort, the abort is the outcome; the handler continues in the background until `handlerEnded`.
 * 4. `errorHandler` is called with a failure before its outcome is decided.
 *
 * Most attempts are short and succeed: what only others need is made when it is needed, and a handler that returns no promise
 * needs no turn of the event loop.
 */
export class Attempt implements Abortable, Expiring, WaitedItem {
  place: number | undefined;
  /** The handler ignored its signal; it may have ended since. */
  isDeaf = false;
  private handled: Promise<void> | undefined;
  private route: Route | undefined;
  private readonly startedAtMonotonicMs: number;
  private lazyAbortion: LazySignal | undefined;
  private lazyContext: AttemptContext | undefined;
  private deadline: Deadline | undefined;
  private trace: AttemptTrace | undefined;
  private graceTimer: TimerHandle | undefined;
  private isAnswered = false;

  /** @param nth position in the order in which the attempts of the server were begun */
  constructor(
    readonly tracked: TrackedTask,
    readonly lease: LeaseHandle,
    readonly nth: number,
    private readonly deps: AttemptSurroundings,
    private readonly listener: AttemptListener,
  ) {
    this.startedAtMonotonicMs = monotonicMs(deps.clock);
  }

  get message(): LeasedTask['message'] {
    return this.tracked.task.message;
  }

  /** Resolves when the handler itself has ended. Never rejects. */
  get handlerEnded(): Promise<void> {
    return this.handled ?? Promise.resolve();
  }

  /**
   * Aborts the handler's signal. The first reason counts; once the handler has settled, none does. An attempt that was not run ends
   * without calling the handler.
   */
  abort(reason: AbortReason): void {
    if (this.isAnswered || this.abortion.isAborted) return;
    this.abortion.abort(reason);
    if (!this.lazyContext) return this.refuse(reason);
    this.graceTimer = this.deps.clock.setTimer(() => {
      this.noteDeaf(reason);
      this.answer(failure(reason));
    }, ABORT_GRACE_MS);
  }

  /** Whatever fails here, the abort counts. */
  private refuse(reason: AbortReason): void {
    try {
      this.route = this.deps.router.route(this.message.type);
      this.beginTrace();
    } catch (error) {
      return this.answer(failure(error));
    }
    this.answer(failure(reason));
  }

  private noteDeaf(reason: AbortReason): void {
    const { clock, emit, logger } = this.deps;
    const { id, type, queue } = this.message;
    this.isDeaf = true;
    if (isInstance(reason, ServerShutdownError)) return; // the process is about to end
    logger.warn('handler ignores its signal; its slot is lost until it ends', taskFields(this.message));
    emit?.({ kind: 'slotLost', id, type, queue, at: new Date(clock.nowMs()) });
  }

  /** Runs the attempt to its end, of which the listener is told. */
  run(): void {
    const { id, type } = this.message;
    const { clock, router, emit } = this.deps;
    if (this.leftMs(this.startedAtMonotonicMs) <= 0) {
      this.beginTrace();
      return this.answer(failure(new TaskTimeoutError(id)));
    }
    let payload: unknown;
    try {
      this.route = router.route(type);
      if (!this.route) return this.answer(failure(new HandlerNotFoundError(type, router.patterns())));
      this.beginTrace();
      payload = this.decode();
    } catch (error) {
      return this.answer(failure(error));
    }
    if (emit && !emit.isIdle) emit(this.started(clock.nowMs()));
    this.callHandler(this.route, payload);
  }

  private started(nowMs: number): TaskEvent {
    const { id, type, queue, retried } = this.message;
    const { pendingSinceMs } = this.tracked.task;
    const waitedMs = pendingSinceMs === undefined ? undefined : toMicroseconds(Math.max(0, nowMs - pendingSinceMs));
    return { kind: 'started', id, type, queue, retried, waitedMs, at: new Date(nowMs) };
  }

  /**
   * @throws {SkipRetry} the payload does not decode, which no retry can fix
   * @throws {TypeError} the codec is at fault, not the task
   */
  private decode(): unknown {
    let payload: unknown;
    try {
      payload = decodeCopy(this.deps.codec, this.message.payload);
    } catch (error) {
      throw new SkipRetry(undecodable(error)); // without the error: it may quote the payload
    }
    return checkDecoded(payload);
  }

  private callHandler(route: Route, payload: unknown): void {
    let returned: unknown;
    try {
      const { context } = this;
      AttemptContext.setPayload(context, payload);
      const isAlone = !this.trace && !this.deps.carried;
      returned = isAlone ? route.handler(payload, context) : this.callSurrounded(route, payload, context);
    } catch (error) {
      dropPromise(error); // a promise was thrown, and nothing awaits it
      return this.answer(failure(error));
    }
    if (!isObject(returned)) return this.answer({ isSuccess: true, returned });
    this.awaitHandler(returned);
  }

  private awaitHandler(returned: object): void {
    this.handled = Promise.resolve(returned).then(
      (value) => this.answer({ isSuccess: true, returned: value }),
      (error: unknown) => {
        dropPromise(error);
        this.answer(failure(error));
      },
    );
    this.lease.onLost = () => this.abort(new LeaseLostError(this.message.queue, this.message.id));
    if (this.lease.isLost) this.lease.onLost();
    this.onPassed();
  }

  /** Only the first answer counts: that of the handler, or of an abort that it ignores. */
  private answer(answer: Answer): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    if (this.handled) {
      this.lease.onLost = undefined;
      if (this.deadline) this.deps.deadlines.remove(this.deadline);
      if (this.graceTimer !== undefined) this.deps.clock.clearTimer(this.graceTimer);
    }
    const durationMs = toMicroseconds(monotonicMs(this.deps.clock) - this.startedAtMonotonicMs);
    const flushed = this.lazyContext && AttemptContext.flush(this.lazyContext);
    if (answer.isSuccess && !flushed) this.tell(this.success(answer.returned, durationMs));
    else if (flushed) this.tellLater(this.endAfter(flushed, answer, durationMs));
    else this.tellFailure(answer, durationMs);
  }

  /** At once, where nothing has to be awaited. */
  private tellFailure(answer: Answer, durationMs: number): void {
    let ending: Ending | Promise<Ending>;
    try {
      ending = this.end(answer, durationMs);
    } catch (error) {
      return this.break(error);
    }
    if ('then' in ending) this.tellLater(ending);
    else this.tell(ending);
  }

  private tellLater(ending: Promise<Ending>): void {
    ending.then(
      (known) => this.tell(known),
      (error: unknown) => this.break(error),
    );
  }

  /** The task will be recovered. */
  private break(error: unknown): void {
    this.trace?.end('lease_lost', error);
    this.listener.onBroken(this, error);
  }

  private tell(ending: Ending): void {
    this.trace?.end(tracedOutcome(ending.outcome, ending.error), ending.error);
    this.listener.onEnded(this, ending);
  }

  /** Not for a task without a handler: putting it back is no attempt. */
  private beginTrace(): void {
    this.trace = this.deps.tracer?.attempting(this.message, this.deps.clock.nowMs());
  }

  /** On its own, so that an attempt without surroundings makes no function. */
  private callSurrounded(route: Route, payload: unknown, context: TaskContext): unknown {
    return this.surrounded(() => route.handler(payload, context));
  }

  /** Calls the user's code in the trace, and with the fields that came with the task. */
  private surrounded<Result>(call: () => Result): Result {
    const { trace } = this;
    const { carried } = this.deps;
    const traced = trace ? () => trace.run(call) : call;
    return carried ? carried.run(fieldsIn(carried, this.message.headers), traced) : traced();
  }

  private async endAfter(flushed: Promise<void>, answer: Answer, durationMs: number): Promise<Ending> {
    await flushed;
    return this.end(answer, durationMs);
  }

  private end(answer: Answer, durationMs: number): Ending | Promise<Ending> {
    if (answer.isSuccess) return this.success(answer.returned, durationMs);
    return this.judge(this.effectiveError(answer.error), durationMs);
  }

  /** A timeout is a duration, unaffected by setting the clock; a deadline is a point in time. */
  private leftMs(nowMonotonicMs: number): number {
    const { deadlineMs, startedAtMs } = this.tracked;
    const leftMs = deadlineMs - startedAtMs - (nowMonotonicMs - this.startedAtMonotonicMs);
    const { deadlineS } = this.message;
    return deadlineS === 0n ? leftMs : Math.min(leftMs, fromS(clampInt64(deadlineS)) - this.deps.clock.nowMs());
  }

  /** A timer may fire early, or be clamped when the deadline is weeks away: checks again. */
  onPassed(): void {
    const nowMonotonicMs = monotonicMs(this.deps.clock);
    const leftMs = this.leftMs(nowMonotonicMs);
    if (leftMs <= 0) this.abort(new TaskTimeoutError(this.message.id));
    else this.deadline = this.deps.deadlines.add(nowMonotonicMs + leftMs, this);
  }

  private judge(error: unknown, durationMs: number): Ending | Promise<Ending> {
    if (isInstance(error, ServerShutdownError)) return { outcome: { kind: 'requeue' }, error, durationMs };
    const { id, type, queue } = this.message;
    const { clock, emit, errorHandler } = this.deps;
    emit?.({ kind: 'failed', id, type, queue, error, durationMs, at: new Date(clock.nowMs()) });
    if (!errorHandler) return this.failed(error, durationMs);
    return this.tellErrorHandler(errorHandler, error).then(() => this.failed(error, durationMs));
  }

  private failed(error: unknown, durationMs: number): Ending | Promise<Ending> {
    if (this.lease.isLost) return { outcome: undefined, error, durationMs };
    const record = this.readBackoff(error);
    if (!isObject(record)) return this.failedWith(record, error, durationMs);
    return this.recordWithin(record).then((read) => this.failedWith(read, error, durationMs));
  }

  /** @param record the delays that the task itself was enqueued with */
  private failedWith(record: string | undefined, error: unknown, durationMs: number): Ending {
    const { clock, failurePolicy, logger } = this.deps;
    const backoff = decodeBackoff(record);
    const own = backoff && ((count: number) => backoffDelayMs(backoff, count));
    const policy = {
      unknownTypeDelayMs: failurePolicy.unknownTypeDelayMs,
      unknownTypeTimeoutMs: failurePolicy.unknownTypeTimeoutMs,
      retryDelay: own ?? this.route?.retryDelay ?? failurePolicy.retryDelay,
      isFailure: this.route?.isFailure ?? failurePolicy.isFailure,
      logger,
    };
    return { outcome: failureOutcome(this.tracked.task, error, policy, clock.nowMs()), error, durationMs };
  }

  /** Not where no retry follows. */
  private readBackoff(error: unknown): ReturnType<SettleOps['readBackoff']> {
    const { queue, id, retried, maxRetry } = this.message;
    if (retried >= maxRetry || findSignal(error) || isInstance(error, HandlerNotFoundError)) return undefined;
    return this.deps.results.readBackoff(queue, id);
  }

  /** Never rejects. */
  private async recordWithin(record: Promise<string | undefined>): Promise<string | undefined> {
    const { clock, logger } = this.deps;
    try {
      return await resultWithin(clock, READ_BACKOFF_MS, record);
    } catch (error) {
      const fields = { ...taskFields(this.message), error };
      logger.debug('cannot read the backoff of a task; retryDelay applies', fields);
      return undefined;
    }
  }

  /** Waits for `errorHandler`, for at most {@link ERROR_HANDLER_MS}. Never rejects. */
  private async tellErrorHandler(errorHandler: ErrorHandler, error: unknown): Promise<void> {
    const { clock, logger } = this.deps;
    const fields = taskFields(this.message);
    const tell = async (): Promise<void> => {
      try {
        await this.surrounded(() => errorHandler(error, this.context));
      } catch (cause) {
        dropPromise(cause);
        logger.error('errorHandler failed', { ...fields, error: cause });
      }
    };
    if (await within(clock, ERROR_HANDLER_MS, tell())) return;
    logger.error(`errorHandler did not end within ${ERROR_HANDLER_MS} ms; the attempt ends now`, fields);
  }

  private success(returned: unknown, durationMs: number): Ending {
    if (this.lease.isLost) return { outcome: undefined, durationMs };
    if (this.message.retentionS <= 0n) return { outcome: DONE, durationMs };
    return { outcome: { kind: 'complete', result: AttemptContext.resultOf(this.context, returned) }, durationMs };
  }

  /** After an abort, only `SkipRetry` and `RevokeTask` count as the handler's own error. */
  private effectiveError(error: unknown): unknown {
    return this.lazyAbortion?.isAborted && !findSignal(error) ? this.lazyAbortion.reason : error;
  }

  get abortion(): LazySignal {
    return (this.lazyAbortion ??= new LazySignal((error) =>
      this.deps.logger.error('an abort listener failed', { ...taskFields(this.message), error }),
    ));
  }

  private get context(): AttemptContext {
    return (this.lazyContext ??= new AttemptContext(this.tracked, this.lease, this, this.deps));
  }
}

const DONE: Outcome = { kind: 'done' };

/** Milliseconds without the digits that a clock makes up: most handlers take less than one. */
const toMicroseconds = (ms: number): number => Math.round(1_000 * ms) / 1_000;

function failure(error: unknown): Answer {
  return { isSuccess: false, error };
}

/** Whether it may be a promise. */
const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';
