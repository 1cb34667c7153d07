import type { Outcome, SettleOps, SettleReply } from '../../broker/contract/settle.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { Backoff } from '../../runtime/backoff.js';
import { type Clock, sleep, type TimerHandle } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import { within } from '../../runtime/within.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { hasNewProof, type LeaseHandle } from '../leases/lease-handle.js';
import { taskFields } from '../../task/task-fields.js';

/** Most outcomes of one call: Redis serves nobody else while a script runs. */
const LARGEST_BATCH = 500;
/** Outcomes hold slots for this long while a call of their queue is not answered. */
const SLOW_AFTER_MS = 100;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** An attempt that ended, on its way to the broker. */
export interface Unsettled {
  readonly message: TaskMessage;
  readonly lease: LeaseHandle;
  readonly outcome: Outcome;
  /** Called once. `givenUp`: the outcome could not be stored while the lease lasted; the task will be recovered. */
  readonly onSettled: (reply: SettleReply | 'givenUp') => void;
}

interface Waiting extends Unsettled {
  /** A failed call may have settled the task all the same. */
  wasSent: boolean;
}

/** One queue's outcomes. Only one call is in flight per lane; what arrives meanwhile leaves together in the next. */
interface Lane {
  readonly waiting: Waiting[];
  /** To be given back, in the order in which they are to run: sent from the end, since each goes to the head. */
  readonly returning: Waiting[];
  readonly backoff: Backoff;
  isBusy: boolean;
  /** Outcomes in the call under way. */
  sent: number;
  /** The call under way takes long, or the last one failed. */
  isSlow: boolean;
  slowTimer: TimerHandle;
}

/**
 * Stores the outcomes of attempts, separately for each queue, in batches. A call that fails because Redis is away is
 * repeated until the task's lease ends, so that a short fault does not make a task run twice. So is a call that arrived so
 * late that the heartbeat had extended the lease beyond what its claim could name.
 */
export class Settler {
  private readonly lanes = new Map<string, Lane>();
  private readonly drains = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private answers = 0;
  /** Called when fewer outcomes are waiting, or the room of a queue has changed. */
  onRoom: () => void = () => undefined;

  /** @param slots of the server: how many outcomes of a queue may be unstored while its calls are not answered */
  constructor(
    private readonly broker: Pick<SettleOps, 'settle'>,
    private readonly slots: number,
    private readonly deps: { readonly clock: Clock; readonly logger: Logger },
  ) {}

  /** Outcomes that hold slots. A queue whose calls are not answered in time holds up only itself. */
  get waiting(): number {
    let waiting = 0;
    for (const lane of this.lanes.values()) if (!lane.isSlow) waiting += lane.waiting.length;
    return waiting;
  }

  /** How many tasks of the queue may be started, so that its unstored outcomes stay bounded. */
  room(queue: string): number {
    const lane = this.lanes.get(queue);
    return lane?.isSlow ? this.slots - lane.waiting.length - lane.sent : Infinity;
  }

  /**
   * Accepts an outcome, to be stored with the next call of its queue, at once when none is in flight. Tasks to be given
   * back must come in the order in which they are to run.
   */
  settle(unsettled: Unsettled): void {
    const { message, outcome } = unsettled;
    const lane = this.lane(message.queue);
    (outcome.kind === 'requeue' ? lane.returning : lane.waiting).push({ ...unsettled, wasSent: false });
    if (lane.isBusy) {
      lane.slowTimer ??= this.deps.clock.setTimer(() => this.noteSlow(lane), SLOW_AFTER_MS);
      return;
    }
    lane.isBusy = true;
    const drain = this.drain(message.queue, lane).finally(() => this.drains.delete(drain));
    this.drains.add(drain);
  }

  /** Waits until everything is stored, as long as calls are answered within `patienceMs`; then gives up what is left. */
  async flush(patienceMs: number): Promise<void> {
    let answersBefore: number;
    let isEmpty: boolean;
    do {
      answersBefore = this.answers;
      isEmpty = await within(this.deps.clock, patienceMs, this.untilEmpty());
    } while (!isEmpty && this.answers > answersBefore);
    this.stopping.abort();
    for (const { waiting, returning } of this.lanes.values()) {
      for (const item of [...waiting.splice(0), ...returning.splice(0)]) this.giveUp(item, 'shutdown');
    }
  }

  private async untilEmpty(): Promise<void> {
    while (this.drains.size > 0) await Promise.all(this.drains);
  }

  private lane(queue: string): Lane {
    let lane = this.lanes.get(queue);
    if (!lane) {
      const backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
      lane = { waiting: [], returning: [], backoff, isBusy: false, sent: 0, isSlow: false, slowTimer: undefined };
      this.lanes.set(queue, lane);
    }
    return lane;
  }

  private async drain(queue: string, lane: Lane): Promise<void> {
    await Promise.resolve(); // outcomes of one turn go in one call
    while (lane.waiting.length + lane.returning.length > 0) {
      const source = lane.waiting.length > 0 ? lane.waiting : lane.returning;
      const batch = source === lane.waiting ? source.splice(0, LARGEST_BATCH) : source.splice(-LARGEST_BATCH);
      lane.sent = batch.length;
      this.onRoom();
      const unsent = await this.send(queue, batch);
      lane.sent = 0;
      this.deps.clock.clearTimer(lane.slowTimer);
      lane.slowTimer = undefined;
      const wasSlow = lane.isSlow;
      lane.isSlow = unsent.length > 0;
      if (wasSlow) this.onRoom();
      if (!lane.isSlow) {
        lane.backoff.reset();
        continue;
      }
      if (source === lane.waiting) source.unshift(...unsent);
      else source.push(...unsent);
      await sleep(this.deps.clock, lane.backoff.nextMs(), this.stopping.signal);
      if (this.stopping.signal.aborted) break;
    }
    lane.isBusy = false;
  }

  private noteSlow(lane: Lane): void {
    lane.isSlow = true;
    this.onRoom();
  }

  /** Returns the items to send again. */
  private async send(queue: string, batch: readonly Waiting[]): Promise<Waiting[]> {
    const settlements = batch.map(({ message, lease, outcome }) => ({ message, claim: lease.claim(), outcome }));
    let replies: readonly SettleReply[];
    try {
      replies = await this.broker.settle(queue, settlements);
      this.answers += 1;
    } catch (error) {
      return this.sortFailed(queue, batch, error);
    }
    return batch.filter((item, index) => {
      const isOpen = replies[index] === 'leaseLost' && hasNewProof(item.lease, settlements[index]!.claim);
      if (!isOpen) this.finish(item, replies[index]!);
      return isOpen;
    });
  }

  private async sortFailed(queue: string, batch: readonly Waiting[], error: unknown): Promise<Waiting[]> {
    for (const item of batch) item.wasSent = true;
    if (error instanceof RedisCommandError && error.isTransient) return this.keepLeased(batch, error);
    if (batch.length > 1) return this.sendEach(queue, batch);
    this.giveUp(batch[0]!, error);
    return [];
  }

  /** Redis refuses the batch for good: one task that cannot be stored must not cost the others their outcome. */
  private async sendEach(queue: string, batch: readonly Waiting[]): Promise<Waiting[]> {
    const unsent: Waiting[] = [];
    for (const item of batch) unsent.push(...(await this.send(queue, [item])));
    return unsent;
  }

  private keepLeased(batch: readonly Waiting[], error: unknown): Waiting[] {
    if (this.stopping.signal.aborted) {
      for (const item of batch) this.giveUp(item, error);
      return [];
    }
    const nowMs = this.deps.clock.nowMs();
    const isLeased = ({ lease }: Waiting): boolean => nowMs < lease.expiresAtMs() && !lease.isLost;
    for (const item of batch) if (!isLeased(item)) this.giveUp(item, error);
    return batch.filter(isLeased);
  }

  /**
   * While the lease lasts no other server can have ended it: `leaseLost` after a lost reply then means that the first call
   * took effect. Later, that call may have had no effect, and the task may have been recovered.
   */
  private finish(item: Waiting, reply: SettleReply): void {
    const isStored = reply === 'settled' || (item.wasSent && this.deps.clock.nowMs() < item.lease.expiresAtMs());
    if (!isStored) this.deps.logger.warn('lost the lease on a task before its outcome was stored', fieldsOf(item));
    item.lease.end();
    item.onSettled(isStored ? 'settled' : 'leaseLost');
  }

  private giveUp(item: Waiting, error: unknown): void {
    this.deps.logger.error('could not store the outcome of a task; it will be recovered', { ...fieldsOf(item), error });
    item.lease.end();
    item.onSettled('givenUp');
  }
}

function fieldsOf({ message, outcome }: Unsettled): object {
  return { ...taskFields(message), outcome: outcome.kind };
}
