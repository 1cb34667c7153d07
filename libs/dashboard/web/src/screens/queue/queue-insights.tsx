import { Timer } from 'lucide-react';
import type { Charts } from '../../../../src/api/charts.js';
import type { QueueDetails } from '../../../../src/api/queues.js';
import { READS } from '../../../../src/api/routes.js';
import { useI18n } from '../../i18n/i18n.js';
import { Empty, Loaded } from '../../parts/states.js';
import { PageLink } from '../../routing/page-link.js';
import { useRead } from '../../server/reads.js';
import { Days } from '../overview/days.js';
import { OverviewCharts } from '../overview/overview-charts.js';

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
