import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { useColorScheme } from '../color-scheme.js';
import { useI18n } from '../i18n/i18n.js';
import { type ChartKind, type ChartSeries, everyNthDay, loneValues, plotData } from './plot-data.js';

export interface PlotProps {
  /** Time of each point, oldest first. */
  readonly atMs: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly write: (value: number) => string;
  readonly writeTime: (atMs: number) => string;
  /** Default `lines`. */
  readonly kind?: ChartKind | undefined;
  /** The scale reaches at least to this value. Default 1. */
  readonly least?: number | undefined;
  readonly height: number;
  readonly label: string;
  /** Is told the place of the point under the pointer. */
  readonly onPoint: (at: number | undefined) => void;
}

/** The drawing of a chart: axes, values, and a mark at the point under the pointer. */
export function Plot(props: PlotProps) {
  const { atMs, series, kind = 'lines', least = 1, height, label } = props;
  const { format } = useI18n();
  const scheme = useColorScheme();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const looks = JSON.stringify(series.map(({ label: name, color }) => [name, color]));

  useEffect(() => {
    const element = place.current!;
    const made = new uPlot(
      optionsOf(element, () => latest.current, format.zone),
      plotData(atMs, series, kind),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
    // Other values are set without a new plot, below. Colors and texts are drawn: they need one.
  }, [kind, least, height, looks, scheme, format]);

  useEffect(() => plot.current!.setData(plotData(atMs, series, kind)), [atMs, series, kind]);

  return <div ref={place} className="chart-place" role="img" aria-label={label} />;
}

// In pixels.
const PER_LEVEL = 34;
const PER_TIME = 70;
const BETWEEN_TIMES = 20;
const PER_CHARACTER = 6.5;
const RIGHT = 18;

const MINUTES_BETWEEN_TIMES = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 720, 1_440];
const DAYS_BETWEEN_TIMES = [1, 2, 5, 7, 14, 30, 60];
const DAY_S = 86_400;

function optionsOf(element: HTMLElement, props: () => PlotProps, zone: 'local' | 'utc'): uPlot.Options {
  const { series, kind, least = 1, height, onPoint } = props();
  const isBars = kind === 'bars';
  const color = (name: string): string => colorOf(element, `var(${name})`);
  const faint = (name: string): string => colorOf(element, `color-mix(in srgb, var(${name}) 14%, transparent)`);
  const axis = {
    stroke: color('--text-muted'),
    font: `11px ${getComputedStyle(element).fontFamily}`,
    gap: 8,
    ticks: { show: false },
  };
  const timeWidth = (): number => {
    const last = props().atMs.at(-1);
    return last === undefined ? 0 : PER_CHARACTER * props().writeTime(last).length;
  };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    padding: [8, () => Math.max(RIGHT, timeWidth() / 2), 0, 0],
    cursor: { y: false, drag: { x: false }, points: isBars ? { show: false } : { size: 7 } },
    ...(zone === 'utc' && { tzDate: (s: number) => uPlot.tzDate(new Date(s * 1_000), 'Etc/UTC') }),
    scales: {
      // Room for the halves of the first and the last bar.
      x: isBars ? { range: (_, first, last) => [first - DAY_S / 2, last + DAY_S / 2] } : {},
      y: { range: (_, _from, most) => [0, Math.max(least, most * 1.1)] },
    },
    axes: [
      {
        ...axis,
        size: 26,
        grid: { show: false },
        space: () => Math.max(PER_TIME, timeWidth() + BETWEEN_TIMES),
        values: (_, times) => times.map((s) => props().writeTime(s * 1_000)),
        ...(isBars
          ? {
              incrs: DAYS_BETWEEN_TIMES.map((days) => days * DAY_S),
              splits: ({ data: [times] }, _axis, _from, _to, stepS) => everyNthDay(Array.from(times), stepS / DAY_S),
            }
          : { incrs: MINUTES_BETWEEN_TIMES.map((minutes) => minutes * 60) }),
      },
      {
        ...axis,
        size: (_, levels) => 16 + PER_CHARACTER * Math.max(2, ...(levels ?? []).map(({ length }) => length)),
        space: PER_LEVEL,
        grid: { stroke: color('--border'), width: 1 },
        values: (_, levels) => levels.map((value) => props().write(value)),
      },
    ],
    series: [
      {},
      ...series.map(({ label, color: name }): uPlot.Series =>
        isBars
          ? {
              label,
              width: 0,
              fill: color(name),
              points: { show: false },
              paths: uPlot.paths.bars!({ size: [0.7, 28], radius: 0.15 }),
            }
          : {
              label,
              width: 1.75,
              pxAlign: 0,
              stroke: color(name),
              fill: faint(name),
              points: {
                fill: color(name),
                // Before there is a line, its first values are seen as points.
                show: ({ data }, nth) => isSparse(data[nth]!),
                filter: ({ data }, nth, isShown) => (isShown ? null : loneValues(data[nth]!)),
              },
            },
      ),
    ],
    hooks: { setCursor: [({ cursor: { idx } }) => onPoint(idx ?? undefined)] },
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
