import type { Metric, Registry } from 'prom-client';
import type { HistogramCounts } from './histogram.js';

/** Values of the labels by their names. */
export type Labels = Readonly<Record<string, string>>;

/** One line of a metric, as prom-client takes it. */
export interface Sample {
  readonly labels: Labels | Readonly<Record<string, string | number>>;
  readonly value: number;
  /** When it differs from the name of the metric: `…_bucket`. */
  readonly metricName?: string;
}

/** What is known about a metric before it is read. */
export interface FamilyHead {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  /** How prom-client's cluster mode joins the values of several workers of one machine. */
  readonly aggregator: 'sum' | 'max';
}

/** A metric whose values are read at each scrape from where they are kept. */
export interface MetricFamily extends FamilyHead {
  readonly collect: () => readonly Sample[] | Promise<readonly Sample[]>;
  /** `registry.resetMetrics()` was called. */
  readonly reset?: () => void;
}

/** The lines of a histogram, as Prometheus wants them. */
export function histogramSamples(name: string, labels: Labels, counts: HistogramCounts): Sample[] {
  const { upTo, count } = counts.cumulative();
  const bucket = `${name}_bucket`;
  return [
    ...upTo.map(([le, value]) => ({ metricName: bucket, labels: { le, ...labels }, value })),
    { metricName: bucket, labels: { le: '+Inf', ...labels }, value: count },
    { metricName: `${name}_sum`, labels, value: counts.sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/**
 * Adds metrics to a registry. prom-client's own classes would look up every set of labels for each observation and each
 * scrape; a registry takes anything with the methods of a metric.
 * @returns takes them out again
 * @throws {Error} the registry has another metric of this name
 */
export function registerFamilies(registry: Registry, families: readonly MetricFamily[]): () => void {
  for (const { name, help, type, aggregator, collect, reset } of families) {
    const metric = {
      name,
      help,
      type,
      aggregator,
      get: async () => ({ name, help, type, aggregator, values: await collect() }),
      reset: () => reset?.(),
    };
    registry.registerMetric(metric as unknown as Metric);
  }
  return () => families.forEach(({ name }) => registry.removeSingleMetric(name));
}
