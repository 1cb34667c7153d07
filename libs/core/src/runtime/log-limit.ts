import { type Clock, monotonicMs } from './clock.js';

/** Keeps a trouble that repeats from flooding the log: one line per subject and period. */
export class LogLimit {
  private readonly quietUntilMs = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly periodMs: number,
  ) {}

  /** Whether to log about `subject` now. Subjects are few and fixed, such as queue names: they are never forgotten. */
  allows(subject: string): boolean {
    const nowMs = monotonicMs(this.clock);
    if (nowMs < (this.quietUntilMs.get(subject) ?? 0)) return false;
    this.quietUntilMs.set(subject, nowMs + this.periodMs);
    return true;
  }
}
