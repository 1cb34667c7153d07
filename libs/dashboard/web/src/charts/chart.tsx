import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import { useI18n } from '../i18n/i18n.js';
import { useColorScheme } from '../color-scheme.js';

export interface ChartSeries {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** A custom property of the theme, such as `--state-active`. */
  readonly color: string;
}

interface ChartProps {
  readonly title: string;
  readonly atMs: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly write: (value: number) => string;
  readonly writeTime?: (atMs: number) => string;
  readonly kind?: 'lines' | 'bars';
  readonly height?: number;
  readonly note?: string | undefined;
  /** The scale reaches at least to this value. */
  readonly least?: number;
}

/** Lines or stacked bars over time, with the values under the pointer, or the last ones, in its legend. */
export function Chart({
  title,
  atMs,
  series,
  write,
  writeTime,
  kind = 'lines',
  height = 168,
  note,
  least = 1,
}: ChartProps) {
  const { t, format } = useI18n();
  const scheme = useColorScheme();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [at, setAt] = useState<number>();
  const timeText = writeTime ?? ((ms: number) => format.clock(ms));
  const writers = useRef({ write, timeText });
  writers.current = { write, timeText };

  const data = useMemo(() => dataOf(atMs, series, kind), [atMs, series, kind]);
  const shape = JSON.stringify([kind, height, scheme, least, series.map(({ label, color }) => [label, color])]);

  useEffect(() => {
    const element = place.current!;
    const options = optionsOf(element, series, kind, height, least, {
      write: (value) => writers.current.write(value),
      writeTime: (ms) => writers.current.timeText(ms),
      onCursor: setAt,
    });
    const made = new uPlot(options, data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
    // The values alone are set without drawing a new chart, below.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [shape]);

  useEffect(() => plot.current?.setData(data), [data]);

  const shownAt = at !== undefined && at < atMs.length ? at : lastKnown(series);
  const summary = series
    .map(({ label, values }) => {
      const known = values.filter((value) => value !== null);
      const last = known.at(-1);
      if (last === undefined) return `${label}: ${t('chart.none')}`;
      return t('chart.summary', { label, last: write(last), most: write(Math.max(...known)) });
    })
    .join('; ');
  const isEmpty = series.every(({ values }) => values.every((value) => value === null));
  return (
    <figure className="chart card">
      <figcaption className="chart-head">
        <span className="chart-title">{title}</span>
        <span className="legend">
          {series.map(({ label, color, values }) => {
            const value = shownAt === undefined ? undefined : values[shownAt];
            return (
              <span key={label} className="legend-item">
                <span className="legend-mark" style={{ backgroundColor: `var(${color})` }} />
                {label} <b>{value === undefined || value === null ? '–' : write(value)}</b>
              </span>
            );
          })}
          <span className="legend-time">{at !== undefined && atMs[at] !== undefined ? timeText(atMs[at]) : ''}</span>
        </span>
      </figcaption>
      <div className="chart-box" style={{ height }}>
        <div ref={place} className="chart-place" role="img" aria-label={`${title}. ${summary}`} />
        {isEmpty && <p className="chart-empty">{t('chart.empty')}</p>}
      </div>
      {note !== undefined && <p className="chart-note">{note}</p>}
    </figure>
  );
}

function lastKnown(series: readonly ChartSeries[]): number | undefined {
  const last = Math.max(...series.map(({ values }) => values.findLastIndex((value) => value !== null)));
  return last < 0 ? undefined : last;
}

/** Bars are stacked by drawing sums, the largest first. */
function dataOf(atMs: readonly number[], series: readonly ChartSeries[], kind: 'lines' | 'bars'): uPlot.AlignedData {
  const times = atMs.map((ms) => ms / 1_000);
  if (kind === 'lines') return [times, ...series.map(({ values }) => [...values])];
  const stacked = series.map((_, nth) =>
    times.map((_, at) => series.slice(nth).reduce((sum, { values }) => sum + (values[at] ?? 0), 0)),
  );
  return [times, ...stacked];
}

/** Room for the halves of the first and the last bar. */
const HALF_DAY_S = 43_200;

interface Writers {
  readonly write: (value: number) => string;
  readonly writeTime: (atMs: number) => string;
  readonly onCursor: (at: number | undefined) => void;
}

function optionsOf(
  element: HTMLElement,
  series: readonly ChartSeries[],
  kind: 'lines' | 'bars',
  height: number,
  least: number,
  { write, writeTime, onCursor }: Writers,
): uPlot.Options {
  const color = (name: string): string => colorOf(element, `var(${name})`);
  const faint = (name: string): string => colorOf(element, `color-mix(in srgb, var(${name}) 14%, transparent)`);
  const font = `11px ${getComputedStyle(element).fontFamily}`;
  const axis = { stroke: color('--text-muted'), font, ticks: { show: false } };
  const bars = kind === 'bars' ? uPlot.paths.bars?.({ size: [0.7, 28], radius: 0.15 }) : undefined;
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    padding: [8, 18, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: true, ...(kind === 'bars' && { range: (_, first, last) => [first - HALF_DAY_S, last + HALF_DAY_S] }) },
      y: { range: (_, _from, most) => [0, Math.max(least, most * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        grid: { show: false },
        space: 70,
        values: (_, splits) => splits.map((s) => writeTime(s * 1_000)),
        ...(kind === 'bars' && { incrs: [1, 2, 5, 7, 14, 30].map((days) => days * 86_400) }),
      },
      {
        ...axis,
        size: (_, values) => 16 + 6.5 * Math.max(2, ...(values ?? []).map((value) => value.length)),
        space: 34,
        grid: { stroke: color('--border'), width: 1 },
        values: (_, splits) => splits.map((value) => write(value)),
      },
    ],
    series: [
      {},
      ...series.map(({ label, color: name }) => ({
        label,
        stroke: color(name),
        width: kind === 'bars' ? 0 : 1.75,
        fill: kind === 'bars' ? color(name) : faint(name),
        // Before there is a line, its first values are seen as points.
        points: { show: (plot: uPlot, nth: number) => kind === 'lines' && isSparse(plot.data[nth]!) },
        ...(bars && { paths: bars }),
      })),
    ],
    hooks: { setCursor: [({ cursor: { idx } }) => onCursor(idx ?? undefined)] },
  };
}

function isSparse(values: ArrayLike<number | null | undefined>): boolean {
  return Array.from(values).filter((value) => typeof value === 'number').length < 4;
}

/** A canvas knows no custom properties. */
function colorOf(element: HTMLElement, value: string): string {
  const probe = document.createElement('span');
  probe.style.color = value;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
