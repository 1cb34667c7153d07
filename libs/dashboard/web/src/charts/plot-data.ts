import type { AlignedData } from 'uplot';

export interface ChartSeries {
  readonly label: string;
  /** One per point; `null`: not known. */
  readonly values: readonly (number | null)[];
  /** A custom property of the theme, such as `--state-active`. */
  readonly color: string;
}

/** `bars`: one a day, the series stacked. */
export type ChartKind = 'lines' | 'bars';

/** Times in seconds, and the values of each series. Bars are stacked by drawing sums, the largest first. */
export function plotData(atMs: readonly number[], series: readonly ChartSeries[], kind: ChartKind): AlignedData {
  const times = atMs.map((ms) => ms / 1_000);
  if (kind === 'lines') return [times, ...series.map(({ values }) => [...values])];
  const sums = series.map((_, nth) =>
    times.map((_time, at) => series.slice(nth).reduce((sum, { values }) => sum + (values[at] ?? 0), 0)),
  );
  return [times, ...sums];
}

/** Of days, oldest first, the last one and those before it in equal steps. */
export function everyNthDay(days: readonly number[], step: number): number[] {
  return days.filter((_, nth) => (days.length - 1 - nth) % step === 0);
}

/** Places of the values that no line reaches: those between two gaps. */
export function loneValues(values: ArrayLike<number | null | undefined>): number[] {
  const isKnown = (at: number): boolean => typeof values[at] === 'number';
  return Array.from(values, (_, at) => at).filter((at) => isKnown(at) && !isKnown(at - 1) && !isKnown(at + 1));
}
