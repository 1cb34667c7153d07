import { useState } from 'react';
import type { History } from '../../../../src/api/queues.js';
import { READS } from '../../../../src/api/routes.js';
import { Chart } from '../../charts/chart.js';
import { useI18n } from '../../i18n/i18n.js';
import { Loaded } from '../../parts/states.js';
import { useRead } from '../../server/reads.js';

const DAYS = [10, 30, 90] as const;

/** Attempts by day, of one queue or of all. */
export function Days({ queue }: { readonly queue?: string | undefined }) {
  const { t, format } = useI18n();
  const [days, setDays] = useState<(typeof DAYS)[number]>(30);
  const history = useRead<History>(
    READS.history,
    { queue, days },
    { keepsPrevious: true, repeats: queue !== undefined },
  );
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
        {({ leftOut }) => (
          <Chart
            title={t('history.attempts')}
            kind="bars"
            height={190}
            atMs={oldestFirst.map(({ day }) => Date.parse(`${day}T00:00:00Z`))}
            write={(value) => format.compact(Math.round(value))}
            writeTime={dayOf}
            note={leftOut > 0 ? `${t('history.utc')} ${t('history.leftOut', { n: leftOut })}` : t('history.utc')}
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
