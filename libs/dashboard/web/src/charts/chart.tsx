import { useState } from 'react';
import { useI18n } from '../i18n/i18n.js';
import type { ChartSeries } from './plot-data.js';
import { Plot, type PlotProps } from './plot.js';

interface ChartProps extends Pick<PlotProps, 'atMs' | 'series' | 'write' | 'kind' | 'least'> {
  readonly title: string;
  readonly writeTime?: (atMs: number) => string;
  readonly height?: number;
  readonly note?: string | undefined;
}

/** Lines or stacked bars over time, with the values under the pointer, or the last ones, in its legend. */
export function Chart({ title, atMs, series, write, writeTime, kind, least, height = 168, note }: ChartProps) {
  const { t, format } = useI18n();
  const [at, setAt] = useState<number>();

  const timeText = writeTime ?? ((ms: number) => format.clock(ms));
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
        <Plot
          {...{ atMs, series, write, kind, least, height }}
          writeTime={timeText}
          label={`${title}. ${summary}`}
          onPoint={setAt}
        />
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
