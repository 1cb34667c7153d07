import { type Clock, monotonicMs } from '../../../runtime/clock.js';

/** How long a task is offered to other servers. An idle Go server polls every 0.5 to 1.5 s. */
export const OFFER_MS = 4_600;
/** The same where time leaps: Go does not poll there, and servers of this process take a task at once. */
const OFFER_LEAPING_MS = 200;
/** An ended offer whose task was not fetched again is forgotten: another server took the task, or has put it back. */
const FORGET_AFTER_MS = 1_000;
/** How often servers are woken again: a woken server may have been busy. */
const TELL_EVERY_MS = 800;

/** By the monotonic clock. */
interface Offers {
  /** By task id, the oldest first: until when it is offered. */
  readonly untilMs: Map<string, number>;
  /** When to wake other servers again. */
  tellAtMs: number;
}

/**
 * Tasks whose type this server does not know. Such a task is offered first: it returns to the head of its queue, and this
 * server's fetches pass over it, so that Go's next poll takes it, or a server of ours that knows the type. After a while the
 * task is put back with a delay, and offered again when it is due.
 */
export class UnknownTasks {
  private readonly queues = new Map<string, Offers>();

  constructor(private readonly clock: Clock) {}

  /** What to do with a fetched task: `offer`: requeue it; `over`: its offer has ended, put it back with a delay. */
  offer(queue: string, taskId: string): 'offer' | 'over' {
    const nowMs = monotonicMs(this.clock);
    const offers = this.offersOf(queue, nowMs);
    const { untilMs } = offers;
    const offeredUntilMs = untilMs.get(taskId);
    if (offeredUntilMs !== undefined && nowMs < offeredUntilMs) return 'offer'; // fetched before it could be passed over
    untilMs.delete(taskId);
    if (offeredUntilMs !== undefined && nowMs < offeredUntilMs + FORGET_AFTER_MS) return 'over';
    untilMs.set(taskId, nowMs + (this.clock.leaps ? OFFER_LEAPING_MS : OFFER_MS));
    offers.tellAtMs = -Infinity;
    return 'offer';
  }

  /** Ids of tasks that are offered, and that fetches from the queue should leave in their places. */
  offered(queue: string): string[] {
    if (this.queues.size === 0) return [];
    const nowMs = monotonicMs(this.clock);
    const offers = this.queues.get(queue);
    if (!offers) return [];
    this.forget(queue, offers, nowMs);
    return [...offers.untilMs].filter(([, untilMs]) => nowMs < untilMs).map(([id]) => id);
  }

  /** Offered tasks are in the queue: whether other servers should be woken for them, as again every so often. */
  isTellDue(queue: string): boolean {
    const nowMs = monotonicMs(this.clock);
    const offers = this.queues.get(queue);
    if (!offers || nowMs < offers.tellAtMs) return false;
    offers.tellAtMs = nowMs + TELL_EVERY_MS;
    return true;
  }

  private offersOf(queue: string, nowMs: number): Offers {
    const offers = this.queues.get(queue) ?? { untilMs: new Map<string, number>(), tellAtMs: -Infinity };
    this.forget(queue, offers, nowMs);
    this.queues.set(queue, offers);
    return offers;
  }

  private forget(queue: string, { untilMs }: Offers, nowMs: number): void {
    for (const [id, offeredUntilMs] of untilMs) {
      if (nowMs < offeredUntilMs + FORGET_AFTER_MS) return;
      untilMs.delete(id);
    }
    this.queues.delete(queue);
  }
}
