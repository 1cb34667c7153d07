import { useState } from 'react';
import type { ChartRange, Charts } from '../../../../src/api/charts.js';
import { READS } from '../../../../src/api/routes.js';
import { Chart } from '../../charts/chart.js';
import { useI18n } from '../../i18n/i18n.js';
import { Failure } from '../../parts/states.js';
import { useRead } from '../../server/reads.js';

const RANGES: readonly ChartRange[] = ['15m', '1h', '6h', '24h'];

/** Throughput, waiting and latency, of all queues or of one. */
export function OverviewCharts({ queue }: { readonly queue?: string | undefined }) {
  const { t, format } = useI18n();
  const [range, setRange] = useState<ChartRange>('1h');
  const charts = useRead<Charts>(READS.charts, { range, queue }, { keepsPrevious: true });
  const { data } = charts;
  const atMs = data?.atMs ?? [];
  const series = data?.series;
  const note = data && (data.isKept ? t('charts.since', { process: data.process }) : t('charts.notKept'));
  return (
    <section aria-label={t('charts.label')}>
      <div className="toolbar">
        <h2>{t('charts.label')}</h2>
        <div className="segments" role="group" aria-label={t('charts.range')}>
          {RANGES.map((one) => (
            <button key={one} type="button" aria-pressed={one === range} onClick={() => setRange(one)}>
              {t(`range.${one}`)}
            </button>
          ))}
        </div>
        <span className="gap" />
        {note !== undefined && <span className="muted small">{note}</span>}
      </div>
      {charts.error && <Failure error={charts.error} onRetry={() => void charts.refetch()} />}
      <div className="charts">
        <Chart
          title={t('charts.throughput')}
          atMs={atMs}
          write={(value) => format.compact(Number(value.toPrecision(3)))}
          series={[
            { label: t('charts.processed'), values: series?.processedPerS ?? [], color: '--state-completed' },
            { label: t('charts.failed'), values: series?.failedPerS ?? [], color: '--state-archived' },
          ]}
        />
        <Chart
          title={t('charts.backlog')}
          least={4}
          atMs={atMs}
          write={(value) => format.compact(Math.round(value))}
          series={[
            { label: t('state.pending'), values: series?.pending ?? [], color: '--state-pending' },
            { label: t('state.active'), values: series?.active ?? [], color: '--state-active' },
          ]}
        />
        <Chart
          title={t('charts.latency')}
          least={1_000}
          atMs={atMs}
          write={(value) => format.duration(value, 'narrow')}
          series={[{ label: t('charts.oldest'), values: series?.latencyMs ?? [], color: '--state-scheduled' }]}
        />
      </div>
    </section>
  );
}
