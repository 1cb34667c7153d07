import type { Outcome, SettleOps, SettleReply } from '../../broker/roles.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { Backoff } from '../../runtime/backoff.js';
import { type Clock, sleep } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import { within } from '../../runtime/within.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { hasNewProof, type LeaseHandle } from '../leases/lease-handle.js';
import { taskFields } from '../../task/task-fields.js';

/** Most outcomes of one call: Redis serves nobody else while a script runs. */
const LARGEST_BATCH = 500;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** An attempt that ended, on its way to the broker. */
export interface Unsettled {
  readonly message: TaskMessage;
  readonly lease: LeaseHandle;
  readonly outcome: Outcome;
  /** Called once. `givenUp`: Redis did not take the outcome while the lease lasted; the task will be recovered. */
  readonly onSettled: (reply: SettleReply | 'givenUp') => void;
}

interface Waiting extends Unsettled {
  /** A call that failed may have settled the task all the same. */
  wasSent: boolean;
}

/** One queue's outcomes. Only one call is in flight per lane; what arrives meanwhile leaves together in the next. */
interface Lane {
  readonly waiting: Waiting[];
  readonly backoff: Backoff;
  isBusy: boolean;
}

/**
 * Stores the outcomes of attempts. A call that fails because Redis is away is repeated until the task's lease ends, so
 * that a task that succeeded does not run twice for a short fault. So is one that came so late that the heartbeat had
 * extended the lease beyond what it could name.
 */
export class Settler {
  private readonly lanes = new Map<string, Lane>();
  private readonly drains = new Set<Promise<void>>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly broker: SettleOps,
    private readonly deps: { readonly clock: Clock; readonly logger: Logger },
  ) {}

  /** Takes over an outcome: it is stored with the next call of its queue, at once when none is in flight. */
  settle(unsettled: Unsettled): void {
    const { queue } = unsettled.message;
    const lane = this.lane(queue);
    lane.waiting.push({ ...unsettled, wasSent: false });
    if (lane.isBusy) return;
    lane.isBusy = true;
    const drain = this.drain(queue, lane).finally(() => this.drains.delete(drain));
    this.drains.add(drain);
  }

  /** Waits until everything is stored, at most `timeoutMs`; what is left then is given up. */
  async flush(timeoutMs: number): Promise<void> {
    await within(this.deps.clock, timeoutMs, this.untilEmpty());
    this.stopping.abort();
    for (const lane of this.lanes.values()) for (const item of lane.waiting.splice(0)) this.giveUp(item, 'shutdown');
  }

  private async untilEmpty(): Promise<void> {
    while (this.drains.size > 0) await Promise.all(this.drains);
  }

  private lane(queue: string): Lane {
    let lane = this.lanes.get(queue);
    if (!lane) {
      lane = { waiting: [], backoff: new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS), isBusy: false };
      this.lanes.set(queue, lane);
    }
    return lane;
  }

  private async drain(queue: string, lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const unsent = await this.send(queue, lane.waiting.splice(0, LARGEST_BATCH));
      if (unsent.length === 0) {
        lane.backoff.reset();
        continue;
      }
      lane.waiting.unshift(...unsent);
      await sleep(this.deps.clock, lane.backoff.nextMs(), this.stopping.signal);
      if (this.stopping.signal.aborted) break;
    }
    lane.isBusy = false;
  }

  /** Returns what has to be sent again. */
  private async send(queue: string, batch: readonly Waiting[]): Promise<Waiting[]> {
    const settlements = batch.map(({ message, lease, outcome }) => ({ message, claim: lease.claim(), outcome }));
    let replies: readonly SettleReply[];
    try {
      replies = await this.broker.settle(queue, settlements);
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

  /** Redis refuses the batch for good: one task that it cannot store must not cost the others their outcome. */
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

  /** `leaseLost` after a lost reply means that the first call did its work. */
  private finish(item: Waiting, reply: SettleReply): void {
    const isStored = reply === 'settled' || item.wasSent;
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
