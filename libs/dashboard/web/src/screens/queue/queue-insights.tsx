import { Timer } from 'lucide-react';
import { useState } from 'react';
import type { Charts } from '../../../../src/api/charts.js';
import type { History, QueueDetails } from '../../../../src/api/queues.js';
import { READS } from '../../../../src/api/routes.js';
import { Chart } from '../../charts/chart.js';
import { useI18n } from '../../i18n/i18n.js';
import { Empty, Loaded } from '../../parts/states.js';
import { PageLink } from '../../routing/page-link.js';
import { useRead } from '../../server/reads.js';
import { OverviewCharts } from '../overview/overview-charts.js';

const DAYS = [10, 30, 90] as const;

/** How a queue has fared: charts, days, times by type, parts. */
export function QueueInsights({ details }: { readonly details: QueueDetails }) {
  const { queue } = details.queue;
  return (
    <div className="insights">
      <OverviewCharts queue={queue} />
      <Days queue={queue} />
      <Types queue={queue} />
      {details.partitions && <Partitions details={details} />}
    </div>
  );
}

function Days({ queue }: { readonly queue: string }) {
  const { t, format } = useI18n();
  const [days, setDays] = useState<(typeof DAYS)[number]>(30);
  const history = useRead<History>(READS.history, { queue, days }, { keepsPrevious: true });
  const oldestFirst = [...(history.data?.days ?? [])].reverse();
  const dayOf = (atMs: number): string => format.day(new Date(atMs).toISOString().slice(0, 10));
  return (
    <section aria-label={t('history')}>
      <div className="toolbar">
        <h2>{t('history')}</h2>
        <div className="segments" role="group" aria-label={t('history.range')}>
          {DAYS.map((one) => (
            <button key={one} type="button" aria-pressed={one === days} onClick={() => setDays(one)}>
              {t('history.days', { n: one })}
            </button>
          ))}
        </div>
      </div>
      <Loaded query={history} lines={4}>
        {() => (
          <Chart
            title={t('history.attempts')}
            kind="bars"
            height={190}
            atMs={oldestFirst.map(({ day }) => Date.parse(`${day}T00:00:00Z`))}
            write={(value) => format.compact(Math.round(value))}
            writeTime={dayOf}
            note={t('history.utc')}
            series={[
              {
                label: t('history.succeeded'),
                values: oldestFirst.map(({ processed, failed }) => processed - failed),
                color: '--state-completed',
              },
              { label: t('charts.failed'), values: oldestFirst.map(({ failed }) => failed), color: '--state-archived' },
            ]}
          />
        )}
      </Loaded>
    </section>
  );
}

/** Run and wait times of the types, as this process has seen them. */
function Types({ queue }: { readonly queue: string }) {
  const { t, format } = useI18n();
  const charts = useRead<Charts>(READS.charts, { range: '1h', queue });
  return (
    <section aria-label={t('types')}>
      <div className="toolbar">
        <h2>{t('types')}</h2>
        {charts.data && <span className="muted small">{t('types.by', { process: charts.data.process })}</span>}
      </div>
      <Loaded query={charts} lines={4}>
        {({ types }) =>
          types.length === 0 ? (
            <Empty icon={Timer} title={t('types.none')}>
              {t('types.none.do')}
            </Empty>
          ) : (
            <div className="table-box">
              <table className="table" aria-label={t('types')}>
                <thead>
                  <tr>
                    <th>{t('task.type')}</th>
                    <th className="number">{t('types.runs')}</th>
                    <th className="number">{t('types.failures')}</th>
                    <th className="number">{t('types.run')}</th>
                    <th className="number">p95</th>
                    <th className="number from-wide">{t('types.most')}</th>
                    <th className="number">{t('types.wait')}</th>
                    <th className="number">p95</th>
                    <th className="number from-wide">{t('types.most')}</th>
                  </tr>
                </thead>
                <tbody>
                  {types.map(({ type, runs, failures, run, wait }) => (
                    <tr key={type}>
                      <td>
                        <PageLink page="tasks" params={{ queue, type }}>
                          {type}
                        </PageLink>
                      </td>
                      <td className="number">{format.number(runs)}</td>
                      <td className={`number ${failures === 0 ? 'zero' : 'bad'}`}>{format.number(failures)}</td>
                      <td className="number">{format.duration(run.p50, 'narrow')}</td>
                      <td className="number">{format.duration(run.p95, 'narrow')}</td>
                      <td className="number from-wide">{format.duration(run.max, 'narrow')}</td>
                      <td className="number">{wait ? format.duration(wait.p50, 'narrow') : '–'}</td>
                      <td className="number">{wait ? format.duration(wait.p95, 'narrow') : '–'}</td>
                      <td className="number from-wide">{wait ? format.duration(wait.max, 'narrow') : '–'}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
    </section>
  );
}

function Partitions({ details: { partitions = [] } }: { readonly details: QueueDetails }) {
  const { t, format } = useI18n();
  return (
    <section aria-label={t('partitions')}>
      <h2>{t('partitions')}</h2>
      <div className="table-box">
        <table className="table" aria-label={t('partitions')}>
          <thead>
            <tr>
              <th>{t('queue')}</th>
              <th className="number">{t('queue.size')}</th>
              <th className="number">{t('state.pending')}</th>
              <th className="number">{t('state.active')}</th>
              <th className="number">{t('queue.latency')}</th>
              <th className="number">{t('queue.processed')}</th>
            </tr>
          </thead>
          <tbody>
            {partitions.map((part) => (
              <tr key={part.queue}>
                <td>
                  <code>{part.queue}</code>
                </td>
                <td className="number">{format.number(part.size)}</td>
                <td className="number">{format.number(part.counts.pending)}</td>
                <td className="number">{format.number(part.counts.active)}</td>
                <td className="number">{part.latencyMs === 0 ? '–' : format.duration(part.latencyMs, 'narrow')}</td>
                <td className="number">{format.number(part.processedToday)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
