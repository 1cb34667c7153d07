/** Upper bounds in seconds: those that OpenTelemetry advises for `messaging.process.duration`, and longer ones. */
export const DURATION_BUCKETS_S: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1_800,
];

/** Of a call to Redis, in seconds. */
export const CALL_BUCKETS_S: readonly number[] = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5,
];

/** Tasks in a reply; the first bound is for replies without any. */
export const BATCH_BUCKETS: readonly number[] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/** Counts observations by bucket: a comparison for each bound below the value, and two additions. */
export class HistogramCounts {
  sum = 0;
  /** By bucket, not added up; the last one is for values beyond all bounds. */
  private readonly counts: number[];

  /** @param bounds upper bounds of the buckets, ascending */
  constructor(private readonly bounds: readonly number[]) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at += 1;
    counts[at]! += 1;
    this.sum += value;
  }

  /** The number of observations up to each bound, and of all. */
  cumulative(): { readonly upTo: readonly (readonly [bound: number, count: number])[]; readonly count: number } {
    let count = 0;
    const upTo = this.bounds.map((bound, at) => [bound, (count += this.counts[at]!)] as const);
    return { upTo, count: count + this.counts.at(-1)! };
  }
}
