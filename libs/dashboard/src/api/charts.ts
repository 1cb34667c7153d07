/** How far a chart looks back. */
export type ChartRange = '15m' | '1h' | '6h' | '24h';

/** `GET api/charts?range=&queue=`: without `queue` over all queues. */
export interface ChartsQuery {
  readonly range?: ChartRange | undefined;
  readonly queue?: string | undefined;
}

/** Values of one figure, one per point; `null`: not read then. */
export type Series = readonly (number | null)[];

/**
 * Figures that this process of the app has kept in memory since its start. Throughput counts the work of all servers,
 * in every language; run and wait times are those of the tasks that this process ran.
 */
export interface Charts {
  readonly range: ChartRange;
  readonly stepMs: number;
  /** Time of each point, oldest first. */
  readonly atMs: readonly number[];
  /** When this process began to keep figures. */
  readonly sinceMs: number;
  /** `host:pid` of the process that kept them. */
  readonly process: string;
  readonly series: {
    readonly processedPerS: Series;
    readonly failedPerS: Series;
    readonly pending: Series;
    readonly active: Series;
    /** Longest wait of a pending task. */
    readonly latencyMs: Series;
  };
  /** `false`: this queue has no chart, as others are busier; only the last figures are known. */
  readonly isKept: boolean;
  /** By task type, of the last hour, busiest first; at most 200, the rest as `other`. */
  readonly types: readonly TypeTimes[];
}

/** Times of the tasks of one type, as run by this process. */
export interface TypeTimes {
  readonly type: string;
  readonly queue: string;
  readonly runs: number;
  readonly failures: number;
  readonly run: Quantiles;
  /** Of those whose enqueueing this process saw, too; `undefined`: of none. */
  readonly wait: Quantiles | undefined;
}

/** In milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}
