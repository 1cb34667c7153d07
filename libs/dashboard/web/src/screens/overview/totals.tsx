import type { Totals } from '../../../../src/api/queues.js';
import { useI18n } from '../../i18n/i18n.js';
import { STATES, stateKey } from '../../parts/state-marks.js';
import { PageLink } from '../../routing/page-link.js';

/** The sums over all queues; each state leads to its tasks. */
export function TotalsStrip({ totals }: { readonly totals: Totals }) {
  const { t, format } = useI18n();
  const { counts, processedToday, failedToday, processedPerS, servers, busyWorkers, workerLimit } = totals;
  return (
    <section className="totals" aria-label={t('totals.label')}>
      <ul className="totals-states">
        {STATES.map((state) => (
          <li key={state}>
            <PageLink page="tasks" params={{ state }} className={`total total-${state}`}>
              <span className="total-name">{t(stateKey(state))}</span>
              <span className="total-value">{format.compact(counts[state])}</span>
            </PageLink>
          </li>
        ))}
      </ul>
      <dl className="totals-more">
        <div>
          <dt>{t('totals.now')}</dt>
          <dd>{processedPerS === undefined ? '–' : t('perSecond', { rate: format.rate(processedPerS) })}</dd>
        </div>
        <div>
          <dt>{t('totals.processed')}</dt>
          <dd>{format.compact(processedToday)}</dd>
        </div>
        <div>
          <dt>{t('totals.errorRate')}</dt>
          <dd>{processedToday === 0 ? '–' : format.percent(failedToday / processedToday)}</dd>
        </div>
        <div>
          <dt>{t('totals.oldest')}</dt>
          <dd>{totals.oldestWaitMs === 0 ? '–' : format.duration(totals.oldestWaitMs)}</dd>
        </div>
        <div>
          <dt>{t('totals.servers')}</dt>
          <dd>
            <PageLink page="servers">
              {t('totals.workers', { servers, busy: busyWorkers, limit: workerLimit })}
            </PageLink>
          </dd>
        </div>
      </dl>
      {totals.unreadQueues > 0 && (
        <p className="muted" role="status">
          {t('totals.unread', { n: totals.unreadQueues })}
        </p>
      )}
    </section>
  );
}
