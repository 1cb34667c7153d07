import { type PointerEvent, type RefObject, useLayoutEffect, useRef, useState } from 'react';
import { useI18n } from '../i18n/i18n.js';
import { barsPath, dayTicks, linePaths, nearest, scaleOf, timeTicks, valueTicks, type Values } from './geometry.js';

export interface ChartSeries {
  readonly label: string;
  readonly values: Values;
  /** A custom property of the theme, such as `--state-active`. */
  readonly color: string;
}

export interface PlotProps {
  /** Time of each point, oldest first. */
  readonly atMs: readonly number[];
  readonly series: readonly ChartSeries[];
  readonly write: (value: number) => string;
  readonly writeTime: (atMs: number) => string;
  /** `bars`: one a day, the series stacked. Default `lines`. */
  readonly kind?: 'lines' | 'bars' | undefined;
  /** The scale reaches at least to this value. Default 1. */
  readonly least?: number | undefined;
  readonly height: number;
  readonly label: string;
  /** The point under the pointer. */
  readonly at: number | undefined;
  readonly onPoint: (at: number | undefined) => void;
}

// All in pixels.
const TOP = 8;
const RIGHT = 18;
const BOTTOM = 26;
const PER_LEVEL = 34;
const PER_TIME = 70;
const BETWEEN_TIMES = 20;
const PER_CHARACTER = 6.5;
const WIDEST_BAR = 28;

/** The drawing of a chart: axes, values, and a mark at the point under the pointer. */
export function Plot(props: PlotProps) {
  const { atMs, series, write, writeTime, kind = 'lines', least = 1, height, label, at, onPoint } = props;
  const { format } = useI18n();
  const place = useRef<HTMLDivElement>(null);
  const width = useWidth(place);

  const drawn = kind === 'bars' ? stacked(series) : series;
  const most = drawn.reduce(
    (sum, { values }) => values.reduce<number>((a, b) => Math.max(a, (b ?? 0) * 1.1), sum),
    least,
  );
  const base = height - BOTTOM;
  const y = scaleOf(0, most, base, TOP);
  const levels = valueTicks(most, (base - TOP) / PER_LEVEL).map((value) => ({ y: y(value), text: write(value) }));

  const left = 16 + PER_CHARACTER * Math.max(2, ...levels.map(({ text }) => text.length));
  const right = width - RIGHT;
  const [firstMs = 0, lastMs = firstMs] = [atMs[0], atMs.at(-1)];
  const barMs = kind === 'bars' ? (lastMs - firstMs) / Math.max(1, atMs.length - 1) : 0;
  const x = scaleOf(firstMs - barMs / 2, lastMs + barMs / 2, left, right);
  const xs = atMs.map(x);
  const perTime = Math.max(PER_TIME, PER_CHARACTER * writeTime(lastMs).length + BETWEEN_TIMES);
  const mostTimes = (right - left) / perTime;
  const times =
    kind === 'bars' ? dayTicks(atMs, mostTimes) : timeTicks(firstMs, lastMs, mostTimes, format.aheadMs(firstMs));

  const point = ({ clientX, currentTarget }: PointerEvent): void => {
    onPoint(nearest(xs, clientX - currentTarget.getBoundingClientRect().left));
  };
  const cursor = at === undefined ? undefined : xs[at];
  return (
    <div
      ref={place}
      className="chart-place"
      role="img"
      aria-label={label}
      onPointerMove={point}
      onPointerLeave={() => onPoint(undefined)}
    >
      {width > 0 && (
        <svg width={width} height={height}>
          {levels.map((level) => (
            <g key={level.y}>
              <line className="chart-grid" x1={left} x2={right} y1={level.y} y2={level.y} />
              <text className="chart-level" x={left - 8} y={level.y}>
                {level.text}
              </text>
            </g>
          ))}
          {times.map((ms) => (
            <text key={ms} className="chart-time" x={x(ms)} y={height - 8}>
              {writeTime(ms)}
            </text>
          ))}
          {cursor !== undefined && <line className="chart-cursor" x1={cursor} x2={cursor} y1={TOP} y2={base} />}
          {drawn.map(({ label: name, color, values }) => (
            <g key={name} style={{ color: `var(${color})` }}>
              {kind === 'bars' ? (
                <path
                  className="chart-bars"
                  d={barsPath(xs, values, y, Math.min(WIDEST_BAR, (0.7 * (right - left)) / xs.length))}
                />
              ) : (
                <Line xs={xs} values={values} y={y} at={at} />
              )}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

interface LineProps {
  readonly xs: readonly number[];
  readonly values: Values;
  readonly y: (value: number) => number;
  readonly at: number | undefined;
}

function Line({ xs, values, y, at }: LineProps) {
  const { line, area } = linePaths(xs, values, y);
  // Before there is a line, its first values are seen as points.
  const isSparse = values.filter((value) => value !== null).length < 4;
  return (
    <>
      <path className="chart-area" d={area} />
      <path className="chart-line" d={line} />
      {values.map((value, nth) =>
        value !== null && (isSparse || nth === at) ? <circle key={xs[nth]} cx={xs[nth]} cy={y(value)} r={3.5} /> : null,
      )}
    </>
  );
}

/** Bars are stacked by drawing sums, the largest first. */
function stacked(series: readonly ChartSeries[]): ChartSeries[] {
  return series.map((one, nth) => ({
    ...one,
    values: one.values.map((_, at) => series.slice(nth).reduce((sum, { values }) => sum + (values[at] ?? 0), 0)),
  }));
}

/** Of an element, in pixels; 0 before it is known. */
function useWidth(place: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = (): void => setWidth(place.current!.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(place.current!);
    return () => observer.disconnect();
  }, [place]);
  return width;
}
