import type { ListOps } from '../broker/contract/lists.js';
import type { TaskEnding, WaitOps } from '../broker/contract/waiting.js';
import { placeOf } from '../partitions/partition-name.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import { WaitTimeoutError } from '../errors/wait-timeout.error.js';
import { LinkedAbort, unlessAborted } from '../runtime/abort.js';
import { Backoff } from '../runtime/backoff.js';
import { Subscription } from '../runtime/subscription.js';
import { together } from '../runtime/together.js';
import { WakeSignal } from '../runtime/wake-signal.js';
import { type Clock, LONGEST_TIMER_MS, monotonicMs } from '../runtime/clock.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { TaskEnd, WaitOptions } from '../task/task-handle.js';
import type { TaskState } from '../wire/task-state.js';

const FIRST_POLL_MS = 400; // the jittered delay is at least half of its step
const LONGEST_POLL_MS = 5_000;
/** The last poll is this long before the timeout: without messages the task may have ended seconds before. */
const LAST_POLL_AHEAD_MS = 250;
/** How much earlier a poll may come to fall together with those of other waits: the broker looks at them in one call. */
const TOGETHER_MS = 500;
/** Maximum delay of a notification, which arrives on another connection. */
const NOTIFICATION_DELAY_MS = 1_000;

interface TaskWaiterDeps {
  readonly broker: Pick<WaitOps, 'awaitTask' | 'onTaskEnded'> & Pick<ListOps, 'findTask'>;
  readonly clock: Clock;
  /** Ends every wait with its reason. */
  readonly closed: AbortSignal;
}

/** Waits for tasks to end. */
export class TaskWaiter {
  constructor(private readonly deps: TaskWaiterDeps) {}

  async state(queue: string, taskId: string): Promise<TaskState | undefined> {
    this.deps.closed.throwIfAborted();
    return (await this.deps.broker.findTask(queue, taskId))?.state;
  }

  /** See `TaskHandle.wait`. */
  async wait(queue: string, taskId: string, options: WaitOptions = {}): Promise<TaskEnd> {
    const { clock, closed } = this.deps;
    const { timeoutMs, signal } = readWaitOptions(options);
    const endsAtMs = monotonicMs(clock) + (timeoutMs ?? Infinity);
    const abort = new LinkedAbort(signal ? [closed, signal] : [closed]);
    const expire = (): void => abort.abort(new WaitTimeoutError(placeOf(queue).queue, taskId, timeoutMs!));
    const timer = timeoutMs === undefined ? undefined : clock.setTimer(expire, timeoutMs);
    // Queues in memory have no connection that keeps the process alive until the wait has ended, and timers of clocks do not.
    const hold = setInterval(() => undefined, LONGEST_TIMER_MS);
    try {
      // A call without a reply must not prolong the wait beyond `timeout`.
      return await unlessAborted(abort.signal, new Wait(queue, taskId, abort.signal, endsAtMs, this.deps).untilEnd());
    } finally {
      clearInterval(hold);
      clock.clearTimer(timer);
      abort.release();
    }
  }
}

/** @throws {InvalidOptionsError} an option is wrong; all of them at once */
function readWaitOptions(options: WaitOptions): {
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
} {
  const reader = new OptionReader(options);
  reader.onlyKnown(['timeout', 'signal']);
  const timeoutMs = reader.duration('timeout', undefined, { maxMs: LONGEST_TIMER_MS });
  const signal = reader.callable<AbortSignal | undefined>('signal', undefined, ['throwIfAborted', 'addEventListener']);
  reader.throwIfWrong();
  return { timeoutMs, signal };
}

/** One wait for one task. */
class Wait {
  private readonly wakeSignal: WakeSignal;
  /** As received on the channel. */
  private ending: TaskEnding | undefined;
  private wasThere = false;

  constructor(
    private readonly queue: string,
    private readonly taskId: string,
    private readonly stop: AbortSignal,
    /** When the timeout is over, by the monotonic clock. */
    private readonly endsAtMs: number,
    private readonly deps: TaskWaiterDeps,
  ) {
    this.wakeSignal = new WakeSignal(deps.clock);
  }

  async untilEnd(): Promise<TaskEnd> {
    this.stop.throwIfAborted();
    const subscription = this.openSubscription();
    try {
      const subscribing = this.subscribe(subscription); // may have to connect, and the task may end during that
      subscribing.catch(() => undefined); // awaited after the first poll
      const pauses = new Backoff(FIRST_POLL_MS, LONGEST_POLL_MS);
      for (let isFirst = true; ; isFirst = false) {
        const end = await this.poll();
        if (end) return end;
        if (isFirst && (await subscribing)) continue; // it may have ended before the subscription
        await this.pause(together(this.deps.clock, pauses.nextMs(), TOGETHER_MS));
      }
    } finally {
      await subscription.end();
    }
  }

  private openSubscription(): Subscription {
    const { broker, clock } = this.deps;
    const onEnded = (taskId: string, ending: TaskEnding): void => {
      if (taskId !== this.taskId) return;
      this.ending = ending;
      this.wakeSignal.send();
    };
    return new Subscription(
      clock,
      () => broker.onTaskEnded(this.queue, onEnded),
      () => this.wakeSignal.send(),
    );
  }

  /** `false`: there is no subscription, and the wait polls. */
  private async subscribe(subscription: Subscription): Promise<boolean> {
    try {
      await subscription.begin();
      return true;
    } catch (error) {
      if (error instanceof RedisCommandError) return false;
      throw error;
    }
  }

  /** `undefined`: it has not ended, or Redis is unavailable. */
  private async poll(): Promise<TaskEnd | undefined> {
    if (this.ending === 'deleted') return { state: 'deleted' };
    try {
      const state = await this.deps.broker.awaitTask(this.queue, this.taskId);
      if (state === undefined) return await this.resolveMissing();
      if (state === 'deleted') return { state };
      this.wasThere = true;
      return state === 'completed' || state === 'archived' ? await this.readEnd() : undefined;
    } catch (error) {
      if (error instanceof RedisCommandError && error.isTransient) return undefined;
      throw error;
    }
  }

  private async readEnd(): Promise<TaskEnd | undefined> {
    const task = await this.deps.broker.findTask(this.queue, this.taskId);
    if (task?.state === 'completed') return { state: 'completed', result: task.result };
    if (task?.state === 'archived') return { state: 'archived', lastError: task.message.errorMsg };
    return undefined; // it has left that state since
  }

  /**
   * The task no longer exists.
   * @throws {TaskNotFoundError} how it ended is unknown
   */
  private async resolveMissing(): Promise<TaskEnd> {
    if (this.wasThere && this.ending !== 'removed') await this.pause(NOTIFICATION_DELAY_MS);
    if (this.ending === 'deleted') return { state: 'deleted' };
    throw new TaskNotFoundError(placeOf(this.queue).queue, this.taskId);
  }

  /**
   * Waits for a message, or for the next poll.
   * @throws the reason to stop
   */
  private async pause(pauseMs: number): Promise<void> {
    const untilLastPollMs = this.endsAtMs - LAST_POLL_AHEAD_MS - monotonicMs(this.deps.clock);
    await this.wakeSignal.wait(this.stop, untilLastPollMs > 0 ? Math.min(pauseMs, untilLastPollMs) : pauseMs);
    this.stop.throwIfAborted();
  }
}
