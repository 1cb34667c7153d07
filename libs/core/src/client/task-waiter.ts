import type { ListOps } from '../broker/contract/lists.js';
import type { TaskEnding, WaitOps } from '../broker/contract/waiting.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import { WaitTimeoutError } from '../errors/wait-timeout.error.js';
import { LinkedAbort, unlessAborted } from '../runtime/abort.js';
import { Backoff } from '../runtime/backoff.js';
import { WakeSignal } from '../runtime/wake-signal.js';
import { type Clock, LONGEST_TIMER_MS } from '../runtime/clock.js';
import { toMs } from '../runtime/duration.js';
import type { TaskEnd, WaitOptions } from '../task/task-handle.js';
import type { TaskState } from '../wire/task-state.js';

const FIRST_LOOK_MS = 400; // a pause is half of its step at least
const LAST_LOOK_MS = 5_000;
/** Longest delay of the message about an end, which comes on another connection. */
const NEWS_DELAY_MS = 1_000;

export interface TaskWaiterDeps {
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
  async wait(queue: string, taskId: string, { timeout, signal }: WaitOptions = {}): Promise<TaskEnd> {
    const { clock, closed } = this.deps;
    const timeoutMs = timeout === undefined ? undefined : toMs('timeout', timeout, { maxMs: LONGEST_TIMER_MS });
    const abort = new LinkedAbort(signal ? [closed, signal] : [closed]);
    const expire = (): void => abort.abort(new WaitTimeoutError(queue, taskId, timeoutMs!));
    const timer = timeoutMs === undefined ? undefined : clock.setTimer(expire, timeoutMs);
    try {
      // A call without a reply must not make the wait longer than `timeout`.
      return await unlessAborted(abort.signal, new Wait(queue, taskId, abort.signal, this.deps).untilEnd());
    } finally {
      clock.clearTimer(timer);
      abort.release();
    }
  }
}

/** One wait for one task. */
class Wait {
  private readonly news: WakeSignal;
  /** As the channel said. */
  private ending: TaskEnding | undefined;
  private wasThere = false;

  constructor(
    private readonly queue: string,
    private readonly taskId: string,
    private readonly stop: AbortSignal,
    private readonly deps: TaskWaiterDeps,
  ) {
    this.news = new WakeSignal(deps.clock);
  }

  async untilEnd(): Promise<TaskEnd> {
    const unsubscribe = await this.subscribe();
    try {
      const pauses = new Backoff(FIRST_LOOK_MS, LAST_LOOK_MS);
      for (;;) {
        const end = await this.look();
        if (end) return end;
        await this.pause(pauses.nextMs());
      }
    } finally {
      await unsubscribe?.();
    }
  }

  /** Without the channel, polling must do. */
  private async subscribe(): Promise<(() => Promise<void>) | undefined> {
    this.stop.throwIfAborted();
    try {
      return await this.deps.broker.onTaskEnded(this.queue, (taskId, ending) => {
        if (taskId !== this.taskId) return;
        this.ending = ending;
        this.news.send();
      });
    } catch (error) {
      if (error instanceof RedisCommandError) return undefined;
      throw error;
    }
  }

  /** `undefined`: it has not ended, or Redis is away. */
  private async look(): Promise<TaskEnd | undefined> {
    if (this.ending === 'deleted') return { state: 'deleted' };
    try {
      const state = await this.deps.broker.awaitTask(this.queue, this.taskId);
      if (state === undefined) return await this.lookForNews();
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
    return undefined; // it has moved on meanwhile
  }

  /**
   * The task is gone.
   * @throws {TaskNotFoundError} how it ended is unknown
   */
  private async lookForNews(): Promise<TaskEnd> {
    if (this.wasThere && this.ending !== 'removed') await this.pause(NEWS_DELAY_MS);
    if (this.ending === 'deleted') return { state: 'deleted' };
    throw new TaskNotFoundError(this.queue, this.taskId);
  }

  /**
   * Waits for a message, or for the next poll.
   * @throws the reason to stop
   */
  private async pause(pauseMs: number): Promise<void> {
    await this.news.wait(this.stop, pauseMs);
    this.stop.throwIfAborted();
  }
}
