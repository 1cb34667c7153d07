import type { PlanOps, ScheduleOps, TickReply } from '../broker/schedule-roles.js';
import { type ComposeSettings, composeTask, type EnqueueItem } from '../client/enqueue-options.js';
import { Loop, type LoopDeps } from '../runtime/loop.js';
import type { TaskEventListener } from '../task/task-event.js';
import type { PeriodicEntry } from './periodic-entry.js';

/** Ticks of one entry that are claimed in a round: one with many missed ticks must not hold up the others. */
const TICKS_PER_ROUND = 100;

export interface TickLoopDeps extends LoopDeps {
  readonly broker: ScheduleOps & Pick<PlanOps, 'recordEnqueueEvent'>;
  readonly composing: ComposeSettings;
  readonly entries: ReadonlyMap<string, PeriodicEntry>;
  readonly emit: TaskEventListener;
  readonly beforeEnqueue: ((task: EnqueueItem) => void) | undefined;
  /** Told when an entry has got its first tick. */
  readonly onPlanned: () => void;
}

/** Claims the ticks of all entries when they are due, and sleeps until the next. */
export class TickLoop extends Loop {
  constructor(private readonly deps: TickLoopDeps) {
    super('scheduler', deps);
  }

  async runOnce(): Promise<number | undefined> {
    const entries = [...this.deps.entries.values()];
    const ends = await Promise.allSettled(entries.map((entry) => this.advance(entry)));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
    const nextMs = Math.min(...entries.map((entry) => (entry.progress ? (entry.nextMs ?? Infinity) : 0)));
    return nextMs === Infinity ? undefined : Math.max(0, nextMs - this.clock.nowMs());
  }

  private async advance(entry: PeriodicEntry): Promise<void> {
    if (!entry.progress) {
      entry.resumeFrom(await this.deps.broker.saveSchedule(entry.definition), this.clock.nowMs());
      this.deps.onPlanned();
    }
    for (let ticks = 0; ticks < TICKS_PER_ROUND && !this.stopSignal.aborted; ticks++) {
      if (!entry.progress || entry.nextMs === undefined || entry.nextMs > this.clock.nowMs()) return;
      await this.fire(entry, entry.nextMs, entry.progress.claimedMs);
    }
  }

  /** Dies after the claim: the task is enqueued, only the history lacks it. */
  private async fire(entry: PeriodicEntry, tickMs: number, claimedMs: number): Promise<void> {
    const { broker, composing, emit } = this.deps;
    const nowMs = this.clock.nowMs();
    this.announce(entry);
    const task = composeTask(entry.item, composing, nowMs);
    const { id, queue, type } = task.message;
    const reply = await broker.fireTick({ ...entry.definition, claimedMs, tickMs, task });
    this.report(entry, reply);
    entry.accept(reply, this.clock.nowMs());
    if (reply.outcome.status !== 'enqueued') return;
    const { state } = reply.outcome;
    const nextProcessAt = new Date(state === 'scheduled' ? task.processAtMs! : nowMs);
    emit({ kind: 'enqueued', id, queue, type, state, nextProcessAt, at: new Date(nowMs) });
    await this.record(entry, id);
  }

  private announce({ name, item }: PeriodicEntry): void {
    try {
      this.deps.beforeEnqueue?.(item);
    } catch (error) {
      this.logger.error(`beforeEnqueue failed for periodic task "${name}"`, { error });
    }
  }

  private async record(entry: PeriodicEntry, taskId: string): Promise<void> {
    try {
      await this.deps.broker.recordEnqueueEvent(entry.id, { taskId, enqueuedAtNs: this.clock.nowNs() });
    } catch (error) {
      this.logger.warn(`could not note in the history of "${entry.name}" that task ${taskId} was enqueued`, { error });
    }
  }

  private report(entry: PeriodicEntry, { outcome }: TickReply): void {
    const { name, queue } = entry.definition;
    switch (outcome.status) {
      case 'idConflict':
      case 'duplicate':
        this.logger.debug(`periodic task "${name}" was not enqueued: the one before is still in queue "${queue}"`);
        break;
      case 'replaced':
        if (entry.isReplaced) break; // said before
        this.logger.warn(`periodic task "${name}" fires no more here: its spec in queue "${queue}" was replaced`);
        break;
      case 'missing':
        this.logger.info(`periodic task "${name}" begins anew: its schedule was removed from queue "${queue}"`);
        break;
      default: // enqueued, or another scheduler's to enqueue, or nobody's while it is paused
    }
  }
}
