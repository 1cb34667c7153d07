import { type Clock, monotonicMs } from './clock.js';

/** Limits repeated log lines to one per subject and period. */
export class LogLimit {
  private readonly quietUntilMs = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly periodMs: number,
  ) {}

  /** Whether to log about `subject` now. Subjects, such as queue names, are few, and are never removed. */
  allows(subject: string): boolean {
    const nowMs = monotonicMs(this.clock);
    if (nowMs < (this.quietUntilMs.get(subject) ?? 0)) return false;
    this.quietUntilMs.set(subject, nowMs + this.periodMs);
    return true;
  }
}
