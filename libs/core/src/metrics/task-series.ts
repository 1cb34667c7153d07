import type { TaskEvent } from '../task/task-event.js';
import type { TracedOutcome } from '../task/task-tracing.js';
import { DURATION_BUCKETS_S, HistogramCounts } from './histogram.js';
import type { Labels } from './metric-family.js';

/** How an attempt ended, as a label. */
type Outcome = Exclude<TracedOutcome, 'requeued'>;

/** Events that are counted. */
export const MEASURED: ReadonlySet<TaskEvent['kind']> = new Set([
  'started',
  'succeeded',
  'retried',
  'archived',
  'revoked',
  'leaseLost',
  'recovered',
]);

/** Reasons for which tasks are archived, as labels; `crashes`: too many workers were lost with the task. */
const REASONS = {
  exhausted: 'retries_exhausted',
  skipRetry: 'skip_retry',
  deadline: 'deadline',
  unknownType: 'unknown_type',
  canceled: 'canceled',
} as const;

/** What is counted about the tasks of one type in one queue. */
export class TaskSeries {
  readonly wait = new HistogramCounts(DURATION_BUCKETS_S);
  readonly runs = new Map<Outcome, HistogramCounts>();
  /** By reason. The usual ones are there from the start: Prometheus sees an increase only from a value that it knows. */
  readonly archived = new Map<string, number>([[REASONS.exhausted, 0]]);
  /** By outcome. */
  readonly recovered = new Map<string, number>([['requeued', 0]]);
  retried = 0;
  leasesLost = 0;

  constructor(readonly labels: Labels) {}

  note(event: TaskEvent): void {
    switch (event.kind) {
      case 'started':
        if (event.waitedMs !== undefined) this.wait.observe(event.waitedMs / 1_000);
        return;
      case 'succeeded':
        return this.ran('success', event.durationMs);
      case 'retried':
        this.retried += 1;
        return this.ran('retry', event.durationMs);
      case 'archived':
        increment(this.archived, REASONS[event.reason]);
        return this.ran('archived', event.durationMs);
      case 'revoked':
        return this.ran('revoked', event.durationMs);
      case 'leaseLost':
        this.leasesLost += 1;
        return this.ran('lease_lost', event.durationMs);
      case 'recovered':
        increment(this.recovered, event.outcome);
        if (event.outcome === 'archived') increment(this.archived, 'crashes');
        return;
      default:
    }
  }

  private ran(outcome: Outcome, durationMs: number): void {
    let run = this.runs.get(outcome);
    if (!run) this.runs.set(outcome, (run = new HistogramCounts(DURATION_BUCKETS_S)));
    run.observe(durationMs / 1_000);
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
