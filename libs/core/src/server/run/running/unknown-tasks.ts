import { type Clock, monotonicMs } from '../../../runtime/clock.js';

/** How long a task is offered to other servers. An idle Go server polls every 0.5 to 1.5 s. */
export const OFFER_MS = 4_600;
/** An ended offer whose task was not fetched again is forgotten: another server took the task, or has put it back. */
const FORGET_AFTER_MS = 1_000;
/** How often servers are woken again: a woken server may have fetched while another one held the task. */
const TELL_EVERY_MS = 800;

interface Offer {
  /** By the monotonic clock. */
  readonly untilMs: number;
  /** When to wake another server again. */
  tellAtMs: number;
}

/**
 * Tasks whose type this server does not know. Such a task is offered first: it stays at the head of its queue, where
 * Go's next poll takes it, or a server of ours that knows the type. After a while the task is put back with a delay,
 * and offered again when it is due.
 */
export class UnknownTasks {
  /** By queue and task id, the oldest first. */
  private readonly offers = new Map<string, Offer>();

  constructor(private readonly clock: Clock) {}

  /** What to do with a fetched task: `tell`: requeue it, and wake another server; `over`: put it back with a delay. */
  offer(queue: string, taskId: string): 'tell' | 'leave' | 'over' {
    const nowMs = monotonicMs(this.clock);
    const name = `${queue} ${taskId}`;
    const known = this.offers.get(name);
    if (known && nowMs < known.untilMs) {
      if (nowMs < known.tellAtMs) return 'leave';
      known.tellAtMs = nowMs + TELL_EVERY_MS;
      return 'tell';
    }
    this.offers.delete(name);
    if (known && nowMs < known.untilMs + FORGET_AFTER_MS) return 'over';
    this.forget(nowMs);
    this.offers.set(name, { untilMs: nowMs + OFFER_MS, tellAtMs: nowMs + TELL_EVERY_MS });
    return 'tell';
  }

  private forget(nowMs: number): void {
    for (const [name, { untilMs }] of this.offers) {
      if (nowMs < untilMs + FORGET_AFTER_MS) return;
      this.offers.delete(name);
    }
  }
}
