import { MOST_PER_FETCH } from '../../broker/contract/lease.js';
import type { SettleOps } from '../../broker/contract/settle.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { monotonicMs } from '../../runtime/clock.js';
import { LogLimit } from '../../runtime/log-limit.js';
import { Loop, type LoopDeps } from '../../runtime/loop.js';
import type { LeaseTable, TaskInHand } from './lease-table.js';
import type { Pulse } from './pulse.js';

/** How often held tasks are looked at. */
const LOOK_EVERY_MS = 200;
/** How late the main thread may be: it then stands still, and another server should have the tasks. */
const LATE_MS = 200;
/** A continuing failure is logged once per interval. */
const LOG_EVERY_MS = 30_000;

/**
 * Returns held tasks to the head of their queues when the main thread, which should have begun them or given them back
 * itself, stands still: a handler blocks its event loop. Runs in the heartbeat's thread, and sleeps while no task is held.
 */
export class HeldWatch extends Loop {
  private readonly returning = new Set<Promise<void>>();
  private readonly logLimit: LogLimit;

  constructor(
    private readonly broker: Pick<SettleOps, 'requeue'>,
    private readonly table: LeaseTable,
    private readonly pulse: Pick<Pulse, 'restWatch' | 'resumeWatch'>,
    deps: LoopDeps,
  ) {
    super('watch of held tasks', deps);
    this.logLimit = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  async runOnce(): Promise<number | undefined> {
    const held = this.heldTasks();
    if (held.length === 0) return this.rest();
    const dueAtMs = monotonicMs(this.clock) - LATE_MS;
    const due = new Map<string, TaskInHand[]>();
    for (const task of held) {
      if (task.returnAtMs > dueAtMs) continue;
      const tasks = due.get(task.queue);
      if (tasks) tasks.push(task);
      else due.set(task.queue, [task]);
    }
    for (const [queue, tasks] of due) {
      const returned = this.return(queue, tasks).finally(() => this.returning.delete(returned));
      this.returning.add(returned); // a node that is silent does not delay the others
    }
    return LOOK_EVERY_MS;
  }

  override async stop(): Promise<void> {
    await super.stop();
    await Promise.all(this.returning);
  }

  private rest(): number | undefined {
    this.pulse.restWatch();
    if (this.heldTasks().length === 0) return undefined;
    this.pulse.resumeWatch();
    return LOOK_EVERY_MS;
  }

  private heldTasks(): TaskInHand[] {
    return this.table.tasksInHand().filter(({ isHeld, returnAtMs }) => isHeld && returnAtMs < Infinity);
  }

  /** Never rejects. */
  private async return(queue: string, tasks: readonly TaskInHand[]): Promise<void> {
    const taken = tasks.filter((task) => take(task)).toSorted((a, b) => (a.key - b.key) | 0); // keys wrap around
    for (let end = taken.length; end > 0; end -= MOST_PER_FETCH) {
      await this.send(queue, taken.slice(Math.max(0, end - MOST_PER_FETCH), end)); // the last ones first
    }
  }

  private async send(queue: string, tasks: readonly TaskInHand[]): Promise<void> {
    try {
      const replies = await this.broker.requeue(
        queue,
        tasks.map(({ id, record }) => ({ id, expiriesS: record.scoresS })),
      );
      // Those that are canceled are still ours: the main thread ends them.
      const left = tasks.filter((_, nth) => replies[nth] !== 'settled' && replies[nth] !== 'leaseLost');
      for (const { record } of left) record.holdAgain();
      const count = tasks.length - left.length;
      if (count > 0) this.logger.info('the event loop is blocked: returned tasks that wait to begin', { queue, count });
    } catch (error) {
      // If they may be back in their queue, another server may have them; otherwise they are recovered.
      const isUnknown = error instanceof RedisCommandError && error.isOutcomeUnknown;
      if (!isUnknown) for (const { record } of tasks) record.holdAgain();
      if (this.logLimit.allows(queue)) this.logger.warn('cannot return held tasks', { queue, error });
    } finally {
      for (const { record } of tasks) record.release();
    }
  }
}

/** From now on the main thread cannot begin the task. */
function take({ record, key }: TaskInHand): boolean {
  if (!record.seize(key)) return false;
  if (record.takeBack()) return true;
  record.release();
  return false;
}
