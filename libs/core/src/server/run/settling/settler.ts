import type { Outcome, SettleOps, SettleReply } from '../../../broker/contract/settle.js';
import { KeyTypeError } from '../../../errors/key-type.error.js';
import { RedisCommandError } from '../../../errors/redis-command.error.js';
import { Backoff } from '../../../runtime/backoff.js';
import { type Clock, sleep, type TimerHandle } from '../../../runtime/clock.js';
import { LogLimit } from '../../../runtime/log-limit.js';
import type { Logger } from '../../../runtime/logger.js';
import { within } from '../../../runtime/within.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import { hasNewProof, type LeaseHandle } from '../../leases/lease-handle.js';
import { taskFields } from '../../../task/task-fields.js';
import type { CancelOutcome } from '../../../wire/cancel-record.js';

/** Maximum number of outcomes per call, and of tasks that return to their queue: Redis serves no other client while a script runs. */
const LARGEST_BATCH = 500;
/** How long outcomes hold slots while a call of their queue is not answered. */
const SLOW_AFTER_MS = 100;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** Maximum number of tasks that a log line names. */
const MOST_NAMED = 10;
/** Interval of the log line about outcomes that wait for a key to be fixed. */
const LOG_EVERY_MS = 30_000;

/** An attempt that ended, on its way to the broker. */
export interface Unsettled {
  readonly message: TaskMessage;
  readonly lease: LeaseHandle;
  readonly outcome: Outcome;
  /** Called once. `givenUp`: the outcome could not be stored while the lease lasted; the task will be recovered. */
  readonly onSettled: ((reply: SettleReply | 'givenUp') => void) | undefined;
}

/** One queue's outcomes. One call per lane is in flight at a time; outcomes that arrive during it go into the next. */
interface Lane {
  readonly waiting: Unsettled[];
  /** To be requeued, in the order in which they are to run: sent from the end, since each goes to the head. */
  readonly returning: Unsettled[];
  readonly backoff: Backoff;
  /** Outcomes in the pending call. */
  sent: number;
  /** The pending call is slow, or the last one failed. */
  isSlow: boolean;
  slowTimer: TimerHandle;
}

/**
 * Stores the outcomes of attempts, separately for each queue, in batches. A call that fails because Redis is
 * unavailable, or because a key has the wrong type, is repeated until the task's lease ends, so that a temporary fault
 * does not make a task run twice. So is a call that arrived so late that the heartbeat had given the lease a score that
 * its claim could not name.
 */
export class Settler {
  private readonly lanes = new Map<string, Lane>();
  /** Those with outcomes: few, however many queues have had some. */
  private readonly busy = new Set<Lane>();
  private readonly drains = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private answers = 0;
  /** In calls that failed, and that may have settled the task nevertheless. */
  private readonly sentBefore = new WeakSet<Unsettled>();
  private readonly blocked: LogLimit;
  /** Called when fewer outcomes are waiting, or the room of a queue has changed. */
  onRoom: () => void = () => undefined;
  /** Called for a task that was to be requeued, and has been canceled: it needs another outcome. */
  onCanceled: (unsettled: Unsettled, outcome: CancelOutcome) => void = () => undefined;

  /** @param slots of the server: maximum number of unstored outcomes of a queue while its calls are not answered */
  constructor(
    private readonly broker: Pick<SettleOps, 'settle'>,
    private readonly slots: number,
    private readonly deps: { readonly clock: Clock; readonly logger: Logger },
  ) {
    this.blocked = new LogLimit(deps.clock, LOG_EVERY_MS);
  }

  /** Outcomes that hold slots. A queue whose calls are not answered in time delays only itself. */
  get waiting(): number {
    let waiting = 0;
    for (const lane of this.busy) if (!lane.isSlow) waiting += lane.waiting.length;
    return waiting;
  }

  /** How many tasks of the queue may start, so that its unstored outcomes stay bounded. */
  room(queue: string): number {
    const lane = this.lanes.get(queue);
    return lane?.isSlow ? this.slots - lane.waiting.length - lane.sent : Infinity;
  }

  /**
   * Accepts an outcome, to be stored with the next call of its queue, at once when none is in flight. Tasks to be
   * requeued must be passed in the order in which they are to run.
   */
  settle(unsettled: Unsettled): void {
    const { message } = unsettled;
    const lane = this.lane(message.queue);
    (isReturned(unsettled) ? lane.returning : lane.waiting).push(unsettled);
    if (this.busy.has(lane)) {
      lane.slowTimer ??= this.deps.clock.setTimer(() => this.noteSlow(lane), SLOW_AFTER_MS);
      return;
    }
    this.busy.add(lane);
    this.beginDrain(message.queue, lane);
  }

  private beginDrain(queue: string, lane: Lane): void {
    const drain = this.drain(queue, lane).then(() => void this.drains.delete(drain));
    this.drains.add(drain);
  }

  /** Waits until everything is stored, as long as calls are answered within `patienceMs`; then gives up the rest. */
  async flush(patienceMs: number): Promise<void> {
    let answersBefore: number;
    let isEmpty: boolean;
    do {
      answersBefore = this.answers;
      isEmpty = await within(this.deps.clock, patienceMs, this.untilEmpty());
    } while (!isEmpty && this.answers > answersBefore);
    this.stopping.abort();
    for (const { waiting, returning } of this.lanes.values()) {
      this.giveUp([...waiting.splice(0), ...returning.splice(0)], 'shutdown');
    }
  }

  private async untilEmpty(): Promise<void> {
    while (this.drains.size > 0) await Promise.all(this.drains);
  }

  private lane(queue: string): Lane {
    let lane = this.lanes.get(queue);
    if (!lane) {
      const backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
      lane = { waiting: [], returning: [], backoff, sent: 0, isSlow: false, slowTimer: undefined };
      this.lanes.set(queue, lane);
    }
    return lane;
  }

  private async drain(queue: string, lane: Lane): Promise<void> {
    await Promise.resolve(); // outcomes of one turn share a call
    while (lane.waiting.length + lane.returning.length > 0) {
      const batch = lane.waiting.splice(0, LARGEST_BATCH);
      if (lane.returning.length > 0) batch.push(...lane.returning.splice(-LARGEST_BATCH));
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
      lane.waiting.unshift(...unsent.filter((item) => !isReturned(item)));
      lane.returning.push(...unsent.filter(isReturned));
      await sleep(this.deps.clock, lane.backoff.nextMs(), this.stopping.signal);
      if (this.stopping.signal.aborted) break;
    }
    this.busy.delete(lane);
  }

  private noteSlow(lane: Lane): void {
    lane.isSlow = true;
    this.onRoom();
  }

  /** Returns the items to send again. */
  private async send(queue: string, batch: readonly Unsettled[]): Promise<Unsettled[]> {
    const nowMs = this.deps.clock.nowMs();
    const settlements = batch.map(({ message, lease, outcome }) => ({ message, claim: lease.claim(nowMs), outcome }));
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

  private async sortFailed(queue: string, batch: readonly Unsettled[], error: unknown): Promise<Unsettled[]> {
    const kinds = new Set(batch.map(({ outcome }) => outcome.kind));
    if (error instanceof KeyTypeError && kinds.size === 1) return this.keepBlocked(queue, batch, error); // nothing was written
    for (const item of batch) this.sentBefore.add(item);
    if (error instanceof RedisCommandError && (error.isTransient || error.isRepairable)) {
      return this.keepLeased(error.isOutcomeUnknown ? this.withoutReturned(batch, error) : batch, error);
    }
    if (error instanceof KeyTypeError) return this.sendKinds(queue, batch, kinds);
    if (batch.length > 1) return this.sendEach(queue, batch);
    this.giveUp(batch, error);
    return [];
  }

  /** Each kind of outcome needs different keys, so those of other kinds are still stored. */
  private async sendKinds(
    queue: string,
    batch: readonly Unsettled[],
    kinds: ReadonlySet<Outcome['kind']>,
  ): Promise<Unsettled[]> {
    const unsent: Unsettled[] = [];
    for (const kind of kinds) {
      unsent.push(
        ...(await this.send(
          queue,
          batch.filter(({ outcome }) => outcome.kind === kind),
        )),
      );
    }
    return unsent;
  }

  private keepBlocked(queue: string, batch: readonly Unsettled[], error: KeyTypeError): Unsettled[] {
    if (this.blocked.allows(queue)) {
      const fields = { queue, outcome: batch[0]!.outcome.kind, outcomes: batch.length, error };
      this.deps.logger.error('cannot store outcomes; retrying while the leases of their tasks last', fields);
    }
    return this.keepLeased(batch, error);
  }

  /** Redis refuses the batch permanently: one task that cannot be stored must not cost the others their outcomes. */
  private async sendEach(queue: string, batch: readonly Unsettled[]): Promise<Unsettled[]> {
    const unsent: Unsettled[] = [];
    for (const item of batch) unsent.push(...(await this.send(queue, [item])));
    return unsent;
  }

  /**
   * Tasks that may be back in their queue are given up. Another server may run one by now, and lease scores are whole seconds: a
   * repeated claim could match its lease. If the call had no effect, the lease ends and the task is recovered.
   */
  private withoutReturned(batch: readonly Unsettled[], error: RedisCommandError): Unsettled[] {
    this.giveUp(batch.filter(isReturned), error);
    return batch.filter((item) => !isReturned(item));
  }

  private keepLeased(batch: readonly Unsettled[], error: unknown): Unsettled[] {
    if (this.stopping.signal.aborted) {
      this.giveUp(batch, error);
      return [];
    }
    const nowMs = this.deps.clock.nowMs();
    const isLeased = ({ lease }: Unsettled): boolean => nowMs < lease.expiresAtMs() && !lease.isLost;
    this.giveUp(
      batch.filter((item) => !isLeased(item)),
      error,
    );
    return batch.filter(isLeased);
  }

  /**
   * While the lease lasts no other server can have settled the task: `leaseLost` after a lost reply then means that the
   * first call took effect. Later, that call may have had no effect, and the task may have been recovered.
   */
  private finish(item: Unsettled, reply: SettleReply): void {
    if (reply !== 'settled' && reply !== 'leaseLost') {
      this.onCanceled(item, reply);
      item.onSettled?.(reply);
      return;
    }
    const isStored =
      reply === 'settled' || (this.sentBefore.has(item) && this.deps.clock.nowMs() < item.lease.expiresAtMs());
    if (!isStored) this.deps.logger.warn('lost the lease on a task before its outcome was stored', fieldsOf(item));
    item.lease.end();
    item.onSettled?.(isStored ? 'settled' : 'leaseLost');
  }

  /** One cause, one line: a lost connection may cost the outcomes of all slots. */
  private giveUp(items: readonly Unsettled[], error: unknown): void {
    if (items.length === 0) return;
    this.deps.logger.error('could not store outcomes of tasks; they will be recovered', {
      queue: items[0]!.message.queue,
      tasks: items.length,
      taskIds: items.slice(0, MOST_NAMED).map(({ message }) => message.id),
      outcomes: [...new Set(items.map(({ outcome }) => outcome.kind))],
      error,
    });
    for (const item of items) {
      item.lease.end();
      item.onSettled?.('givenUp');
    }
  }
}

const isReturned = ({ outcome }: Unsettled): boolean => outcome.kind === 'requeue';

function fieldsOf({ message, outcome }: Unsettled): object {
  return { ...taskFields(message), outcome: outcome.kind };
}
