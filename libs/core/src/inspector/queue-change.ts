import type { EnqueueOps, NewTask } from '../broker/contract/enqueue.js';
import type { ForwardOps } from '../broker/contract/forward.js';
import type { ListOps, StoredTask, TaskList } from '../broker/contract/lists.js';
import type { MoveOps } from '../broker/contract/moves.js';
import type { QueueOps } from '../broker/contract/queues.js';
import { enqueueRefusal } from '../client/enqueue-refusal.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { type Clock, sleep, systemClock } from '../runtime/clock.js';
import { encodeBackoff } from '../wire/backoff-record.js';
import { keys } from '../wire/keys.js';
import type { TaskMessage } from '../wire/task-message.js';
import { ceilS } from '../wire/unix-time.js';

/** How long the copy is scheduled ahead: much longer than the steps take, even with failing connections. */
const PARKED_MS = 60_000;

/** Delays between attempts to remove the original. */
const REPEAT_DELAYS_MS = [50, 250, 1_000];

/** Tasks due before the copy, which may have to be forwarded with it. */
const FORWARD_LIMIT = 100;

export interface QueueChangeBroker extends ListOps, MoveOps, EnqueueOps, QueueOps, Pick<ForwardOps, 'forwardDue'> {
  readonly clock: Clock;
}

/**
 * Moves one task to another queue, which is another slot of a cluster, in three steps:
 *
 * 1. The copy is scheduled in the target a minute ahead: it holds its id and its lock, and no server takes it.
 *    Dies here: the original stays and runs; the copy starts after its minute, by any forwarder of the target.
 * 2. The original is removed, if it is still where it was found. If a server was faster, the copy is removed.
 *    Dies here: the copy starts after its minute.
 * 3. The copy is released: it is pending, in its group, or due when the original was.
 */
export class QueueChange {
  private readonly queue: string;
  private readonly id: string;

  constructor(
    private readonly broker: QueueChangeBroker,
    private readonly from: TaskList,
    private readonly task: StoredTask,
    private readonly target: string,
  ) {
    this.queue = task.message.queue;
    this.id = task.message.id;
  }

  /**
   * `false`: the task was moved or taken before, and there is no copy.
   * @throws the reason why the target refuses the copy; nothing has changed
   * @throws {RedisCommandError} Redis failed; without `isTransient` nothing has changed
   */
  async perform(): Promise<boolean> {
    const nowMs = this.broker.clock.nowMs();
    const dueAtMs = (isDelayed(this.task) && this.task.nextProcessAtMs) || nowMs;
    const parkedAtMs = Math.max(dueAtMs, nowMs + PARKED_MS);
    await this.park(parkedAtMs);
    if (!(await this.removeOriginal(parkedAtMs))) {
      await this.removeCopy(parkedAtMs);
      return false;
    }
    if (dueAtMs < parkedAtMs) await this.release(dueAtMs, nowMs);
    return true;
  }

  private async park(parkedAtMs: number): Promise<void> {
    const uniqueTtlS = await this.broker.lockTtlS(this.queue, this.id);
    const { message, backoff } = this.task;
    const copy: NewTask = {
      message: {
        ...message,
        queue: this.target,
        uniqueKey: uniqueTtlS === undefined ? '' : lockIn(this.target, message),
      },
      processAtMs: parkedAtMs,
      uniqueTtlS,
      backoff: backoff && encodeBackoff(backoff),
    };
    const [outcome] = await this.broker.enqueue([copy]);
    const refusal = enqueueRefusal(copy, outcome!);
    // A failed write may have taken effect. If this fails, too, the error of the write says more.
    if (outcome!.status === 'failed') await this.removeCopy(parkedAtMs).catch(() => undefined);
    if (refusal) throw refusal;
  }

  private async removeOriginal(parkedAtMs: number): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      try {
        // After a lost reply the previous call may have removed it.
        if (attempt > 0 && !(await this.broker.findTask(this.queue, this.id))) return true;
        const [isRemoved] = await this.broker.moveTasks(this.queue, this.from, [this.id], 'deleted');
        return isRemoved!;
      } catch (error) {
        const isUnknown = error instanceof RedisCommandError && error.isTransient;
        if (!isUnknown) await this.removeCopy(parkedAtMs);
        const delayMs = REPEAT_DELAYS_MS[attempt];
        if (!isUnknown || delayMs === undefined) throw error;
        await sleep(systemClock, delayMs);
      }
    }
  }

  private async removeCopy(parkedAtMs: number): Promise<void> {
    const stamps = [String(ceilS(parkedAtMs))];
    await this.broker.moveTasks(this.target, { state: 'scheduled' }, [this.id], 'deleted', { stamps });
  }

  private async release(dueAtMs: number, nowMs: number): Promise<void> {
    const { broker, target, id } = this;
    const isDue = dueAtMs <= nowMs;
    if (isDue && this.task.message.groupKey === '') {
      await broker.moveTasks(target, { state: 'scheduled' }, [id], 'pending');
      return;
    }
    await broker.reschedule(target, { state: 'scheduled' }, id, dueAtMs);
    if (isDue) await broker.forwardDue(target, FORWARD_LIMIT); // into its group
  }
}

const isDelayed = ({ state }: StoredTask): boolean => state === 'scheduled' || state === 'retry';

/** The same lock in another queue. */
export function lockIn(target: string, { uniqueKey, queue }: Pick<TaskMessage, 'uniqueKey' | 'queue'>): string {
  return keys.uniquePrefix(target) + uniqueKey.slice(keys.uniquePrefix(queue).length);
}
