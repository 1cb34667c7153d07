import type { LeasedTask } from '../../broker/contract/lease.js';
import type { Outcome, SettleOps } from '../../broker/contract/settle.js';
import { ServerShutdownError, type TaskCanceledError, TaskTimeoutError } from '../../errors/attempt-aborted.error.js';
import { isInstance } from '../../errors/as-error.js';
import { HandlerNotFoundError } from '../../errors/handler-not-found.error.js';
import { LeaseLostError } from '../../errors/lease-lost.error.js';
import { type Clock, monotonicMs, type TimerHandle } from '../../runtime/clock.js';
import { LazySignal } from '../../runtime/lazy-signal.js';
import { dropPromise } from '../../runtime/user-callback.js';
import { within } from '../../runtime/within.js';
import { type PayloadCodec, undecodable } from '../../task/payload-codec.js';
import type { TaskContext } from '../../task/task-context.js';
import { findSignal, SkipRetry } from '../../task/signals.js';
import type { TaskEventListener } from '../../task/task-event.js';
import { clampInt64, fromS } from '../../wire/unix-time.js';
import { AttemptContext } from './attempt-context.js';
import { failureOutcome, type FailurePolicy } from './attempt-outcome.js';
import type { LeaseHandle, TrackedTask } from '../leases/lease-handle.js';
import type { Route, TaskRouter } from './serve-mux.js';
import { taskFields } from '../../task/task-fields.js';

/** How long an aborted handler may take to settle; after that the abort decides the outcome. */
export const ABORT_GRACE_MS = 500;
/** How long the outcome of a failed attempt waits for `errorHandler`. */
export const ERROR_HANDLER_MS = 10_000;

export type AbortReason = TaskTimeoutError | TaskCanceledError | LeaseLostError | ServerShutdownError;

/** Called with every error of a handler, before the outcome is stored. */
export type ErrorHandler = (error: unknown, context: TaskContext) => void | Promise<void>;

export interface AttemptDeps {
  readonly router: TaskRouter;
  readonly results: Pick<SettleOps, 'writeResult' | 'writeProgress'>;
  readonly codec: PayloadCodec;
  /** The server's; a route may have its own `retryDelay` and `isFailure`. */
  readonly failurePolicy: FailurePolicy;
  readonly errorHandler: ErrorHandler | undefined;
  readonly emit: TaskEventListener | undefined;
  readonly clock: Clock;
}

/** How an attempt ended. */
export interface Ending {
  /** `undefined`: the lease is lost, so there is nothing to store. */
  readonly outcome: Outcome | undefined;
  /** Absent after success. */
  readonly error?: unknown;
  readonly durationMs: number;
}

type Answer =
  { readonly isSuccess: true; readonly returned: unknown } | { readonly isSuccess: false; readonly error: unknown };

/**
 * One attempt of one task.
 *
 * 1. Without a handler, with a payload that does not decode, or past its deadline it fails without a call.
 * 2. The handler runs. Timeout, cancellation, a lost lease and shutdown abort its signal.
 * 3. Its own outcome wins, also after an abort: success stays success, `SkipRetry` and `RevokeTask` apply. Any other error
 *    after an abort counts as the abort. Of a handler that does not settle within {@link ABORT_GRACE_MS} of the abort the
 *    abort is the outcome; the handler goes on in the background until `handlerEnded`.
 * 4. `errorHandler` is called with a failure before its outcome is decided.
 */
export class Attempt {
  /** Resolves when the handler has really ended. Never rejects. */
  handlerEnded: Promise<unknown> = Promise.resolve();
  private readonly abortion = new LazySignal((error) =>
    this.deps.failurePolicy.logger.error('an abort listener failed', { ...taskFields(this.message), error }),
  );
  private answerForHandler: (answer: Answer) => void = () => undefined;
  private readonly context: AttemptContext;
  private readonly task: LeasedTask;
  private readonly startedAtMs: number;
  private readonly deadlineMs: number;
  private readonly startedAtMonotonicMs: number;
  private deadlineTimer: TimerHandle | undefined;
  private graceTimer: TimerHandle | undefined;
  private isAnswered = false;

  constructor(
    { task, startedAtMs, deadlineMs }: TrackedTask,
    private readonly lease: LeaseHandle,
    private readonly deps: AttemptDeps,
  ) {
    this.task = task;
    this.startedAtMs = startedAtMs;
    this.deadlineMs = deadlineMs;
    this.startedAtMonotonicMs = monotonicMs(deps.clock);
    const { results, codec, emit, clock, failurePolicy } = deps;
    const contextDeps = { lease, results, codec, emit, clock, logger: failurePolicy.logger };
    this.context = new AttemptContext(task.message, deadlineMs, this.abortion, contextDeps);
  }

  get message(): LeasedTask['message'] {
    return this.task.message;
  }

  /** Aborts the handler's signal. The first reason counts; once the handler has settled, none does. */
  abort(reason: AbortReason): void {
    if (this.isAnswered || this.abortion.isAborted) return;
    this.abortion.abort(reason);
    this.graceTimer = this.deps.clock.setTimer(() => {
      this.deps.failurePolicy.logger.warn(
        'handler ignores its signal; its slot stays taken until it ends',
        taskFields(this.message),
      );
      this.answerForHandler(failure(reason));
    }, ABORT_GRACE_MS);
  }

  /** Runs the attempt to its end. Never rejects. */
  async run(): Promise<Ending> {
    const { route, answer } = await this.answer();
    const durationMs = Math.round(this.passedMs);
    await this.context.flush();
    if (answer.isSuccess)
      return { outcome: this.isLost ? undefined : this.successOutcome(answer.returned), durationMs };
    return this.judge(this.effectiveError(answer.error), route, durationMs);
  }

  private async answer(): Promise<{ readonly answer: Answer; readonly route?: Route }> {
    const { id, type, queue, retried } = this.message;
    const { clock, router, emit } = this.deps;
    if (this.leftMs() <= 0) return { answer: failure(new TaskTimeoutError(id)) };
    let route: Route | undefined;
    let payload: unknown;
    try {
      route = router.route(type);
      if (!route) return { answer: failure(new HandlerNotFoundError(type, router.patterns())) };
      payload = this.decode();
    } catch (error) {
      return { answer: failure(error), ...(route && { route }) };
    }
    emit?.({ kind: 'started', id, type, queue, retried, at: new Date(clock.nowMs()) });
    return { answer: await this.callHandler(route, payload), route };
  }

  /**
   * @throws {SkipRetry} the payload does not decode, which no retry can fix
   * @throws {TypeError} the codec is at fault, not the task
   */
  private decode(): unknown {
    let payload: unknown;
    try {
      payload = this.deps.codec.decode(this.message.payload);
    } catch (error) {
      throw new SkipRetry(undecodable(error)); // without the error: it may quote the payload
    }
    if (dropPromise(payload)) throw new TypeError('codec.decode returned a promise, not a payload');
    return payload;
  }

  private async callHandler(route: Route, payload: unknown): Promise<Answer> {
    const handled = settled(() => route.handler(payload, this.context));
    this.handlerEnded = handled;
    this.lease.onLost = () => this.abort(new LeaseLostError(this.message.queue, this.message.id));
    if (this.isLost) this.lease.onLost();
    this.watchDeadline();
    const answer = await new Promise<Answer>((resolve) => {
      this.answerForHandler = resolve;
      void handled.then(resolve);
    });
    this.isAnswered = true;
    this.lease.onLost = undefined;
    this.deps.clock.clearTimer(this.deadlineTimer);
    this.deps.clock.clearTimer(this.graceTimer);
    return answer;
  }

  private get passedMs(): number {
    return monotonicMs(this.deps.clock) - this.startedAtMonotonicMs;
  }

  /** A timeout is a length of time, even if the clock is set meanwhile; a deadline is a point in time. */
  private leftMs(): number {
    const leftMs = this.deadlineMs - this.startedAtMs - this.passedMs;
    const { deadlineS } = this.message;
    return deadlineS === 0n ? leftMs : Math.min(leftMs, fromS(clampInt64(deadlineS)) - this.deps.clock.nowMs());
  }

  /** A timer may fire early, or be cut short when the deadline is weeks away: check again. */
  private watchDeadline(): void {
    const leftMs = this.leftMs();
    if (leftMs <= 0) this.abort(new TaskTimeoutError(this.message.id));
    else this.deadlineTimer = this.deps.clock.setTimer(() => this.watchDeadline(), leftMs);
  }

  private async judge(error: unknown, route: Route | undefined, durationMs: number): Promise<Ending> {
    if (isInstance(error, ServerShutdownError)) return { outcome: { kind: 'requeue' }, error, durationMs };
    const { id, type, queue } = this.message;
    const { clock, emit, failurePolicy } = this.deps;
    emit?.({ kind: 'failed', id, type, queue, error, durationMs, at: new Date(clock.nowMs()) });
    await this.tellErrorHandler(error);
    if (this.isLost) return { outcome: undefined, error, durationMs };
    const retryDelay = route?.retryDelay ?? failurePolicy.retryDelay;
    const isFailure = route?.isFailure ?? failurePolicy.isFailure;
    const outcome = failureOutcome(this.task, error, { ...failurePolicy, retryDelay, isFailure }, clock.nowMs());
    return { outcome, error, durationMs };
  }

  /** Waits for `errorHandler`, {@link ERROR_HANDLER_MS} at most. Never rejects. */
  private async tellErrorHandler(error: unknown): Promise<void> {
    const { errorHandler, clock, failurePolicy } = this.deps;
    if (!errorHandler) return;
    const fields = taskFields(this.message);
    const tell = async (): Promise<void> => {
      const answer = await settled(() => errorHandler(error, this.context));
      if (!answer.isSuccess) failurePolicy.logger.error('errorHandler failed', { ...fields, error: answer.error });
    };
    if (await within(clock, ERROR_HANDLER_MS, tell())) return;
    failurePolicy.logger.error(`errorHandler did not end within ${ERROR_HANDLER_MS} ms; the attempt ends now`, fields);
  }

  private successOutcome(returned: unknown): Outcome {
    return this.message.retentionS > 0n
      ? { kind: 'complete', result: this.context.resultOf(returned) }
      : { kind: 'done' };
  }

  /** After an abort, only `SkipRetry` and `RevokeTask` count as the handler's own error. */
  private effectiveError(error: unknown): unknown {
    const { isAborted, reason } = this.abortion;
    return isAborted && !findSignal(error) ? reason : error;
  }

  private get isLost(): boolean {
    return this.lease.isLost;
  }
}

function failure(error: unknown): Answer {
  return { isSuccess: false, error };
}

/** Calls a handler, which may throw before it returns a promise. Never rejects. */
async function settled(handle: () => unknown): Promise<Answer> {
  try {
    return { isSuccess: true, returned: await handle() };
  } catch (error) {
    dropPromise(error); // a promise was thrown, and nobody waits for it
    return failure(error);
  }
}
