import { type Clock, monotonicMs } from '../../runtime/clock.js';

/** How long a task is left to others at a time. An idle server of Go looks for work every 0.5 to 1.5 s. */
export const OFFER_MS = 3_200;
/** An offer that was not looked at since it ended is forgotten: another server took the task, or has put it back. */
const FORGET_AFTER_MS = 1_000;
/** A server that was woken may have looked while the task was in another one's hands. */
const TELL_EVERY_MS = 800;

interface Offer {
  /** By the monotonic clock. */
  readonly untilMs: number;
  /** When another server is to be woken again. */
  tellAtMs: number;
}

/**
 * Tasks whose type this server does not know. Such a task is offered at first: it stays at the head of its queue, where a
 * server of Go takes it with its next look, and so does one of ours that knows the type. When that has lasted for a while,
 * the task is put back with a delay, and offered anew when it is due.
 */
export class UnknownTasks {
  /** By queue and task id, the oldest first. */
  private readonly offers = new Map<string, Offer>();

  constructor(private readonly clock: Clock) {}

  /** What to do with a task that was fetched: `tell`: leave it, and wake another server; `over`: put it back. */
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
