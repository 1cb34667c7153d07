import { type Clock, monotonicMs } from './clock.js';

/** Lines about one subject that may come at once, and per second from then on. */
const BURST = 100;
const PER_SECOND = 10;
/** Subjects that are told apart; all further ones share one budget. */
const MOST_SUBJECTS = 1_000;

interface Budget {
  left: number;
  asOfMs: number;
  leftOut: number;
}

/** Bounds the rate of log lines about a subject, and counts those that are left out. */
export class LogBudget {
  private readonly budgets = new Map<string, Budget>();

  constructor(private readonly clock: Clock) {}

  /**
   * Takes a line about `subject` from its budget. The number of lines that were left out since the last one that was not;
   * `undefined`: this one is left out, too.
   */
  take(subject: string): number | undefined {
    const nowMs = monotonicMs(this.clock);
    const budget = this.budgetOf(subject, nowMs);
    budget.left = Math.min(BURST, budget.left + (Math.max(0, nowMs - budget.asOfMs) / 1_000) * PER_SECOND);
    budget.asOfMs = nowMs;
    if (budget.left < 1) {
      budget.leftOut++;
      return undefined;
    }
    budget.left--;
    const { leftOut } = budget;
    budget.leftOut = 0;
    return leftOut;
  }

  private budgetOf(subject: string, nowMs: number): Budget {
    const key = this.budgets.has(subject) || this.budgets.size < MOST_SUBJECTS ? subject : '';
    let budget = this.budgets.get(key);
    if (!budget) this.budgets.set(key, (budget = { left: BURST, asOfMs: nowMs, leftOut: 0 }));
    return budget;
  }
}
