import { Inbox, Search } from 'lucide-react';
import { useDeferredValue, useEffect, useMemo, useState } from 'react';
import { commands } from '../../../../src/api/commands.js';
import type { Overview, QueueRow, QueueSort } from '../../../../src/api/queues.js';
import { READS } from '../../../../src/api/routes.js';
import { QueueSelectionBar } from '../../actions/pause-queues.js';
import { useI18n } from '../../i18n/i18n.js';
import { PageHead } from '../../layout/page-head.js';
import { Button } from '../../parts/button.js';
import { CommandLine } from '../../parts/copy.js';
import { Pager } from '../../parts/pager.js';
import { Empty, Loaded } from '../../parts/states.js';
import { go, hrefOf, usePlace } from '../../routing/place.js';
import { useLive } from '../../server/live.js';
import { useRead } from '../../server/reads.js';
import { useSettings } from '../../settings.js';
import { useHold } from '../../tasks/hold.js';
import { NewsButton } from '../../tasks/news-button.js';
import { useSelection } from '../../tasks/selection.js';
import { useStableRows } from '../../tasks/stable-rows.js';
import { Days } from './days.js';
import { OverviewCharts } from './overview-charts.js';
import { type QueueOrder, QueueTable } from './queue-table.js';
import { TotalsStrip } from './totals.js';
import { Warnings } from './warnings.js';

const keyOfQueue = ({ queue }: QueueRow): string => queue;
const NONE: readonly QueueRow[] = [];

/** The days of all queues, read only on request: they take a command for each queue. */
function AllDays() {
  const { t } = useI18n();
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="more" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('history.all')}</summary>
      {isOpen && <Days />}
    </details>
  );
}

/** All queues, those with troubles first. */
export function OverviewScreen() {
  const { t } = useI18n();
  const { params, page: ownPage } = usePlace();
  const { rows: size } = useSettings();
  const sort = (params.get('sort') ?? 'trouble') as QueueSort;
  const order = params.get('order') === 'asc' ? 'asc' : 'desc';
  const troubled = params.get('troubled') === '1';
  const page = Number(params.get('page') ?? 1);
  const [typed, setTyped] = useState(params.get('name') ?? '');
  const name = useDeferredValue(typed.trim());
  const query = {
    sort,
    order: sort === 'trouble' ? undefined : order,
    name,
    page,
    size,
    troubled: troubled ? 1 : undefined,
  };
  const overview = useRead<Overview>(READS.overview, query, { keepsPrevious: true });

  const hold = useHold();
  const selection = useSelection(keyOfQueue);
  const { clear } = selection;
  useEffect(() => clear(), [name, troubled, page, clear]);
  const latest = overview.data?.queues ?? NONE;
  const live = useLive({ queue: useMemo(() => latest.map(keyOfQueue), [latest]) });
  const stable = useStableRows(
    latest,
    keyOfQueue,
    JSON.stringify([query, overview.isPlaceholderData, overview.data === undefined]),
    hold.isHeld || selection.rows.length > 0,
  );
  // What is pushed is newer than what was read.
  const pushed = new Map(live.message?.queues.map((row) => [row.queue, row]));
  const queues = stable.rows.map((row) => {
    const newer = pushed.get(row.queue);
    return newer && newer.readAtMs >= row.readAtMs ? newer : row;
  });
  const shown = new Map(queues.map((row) => [row.queue, row]));
  const selected = selection.rows.map((row) => shown.get(row.queue) ?? row);
  const totals = live.message?.totals ?? overview.data?.totals;
  const warnings = live.message?.warnings ?? overview.data?.warnings ?? [];

  const address = (change: Record<string, string | number | undefined>): string =>
    hrefOf(ownPage ?? '', {
      sort: params.get('sort') ?? undefined,
      order: params.get('order') ?? undefined,
      name,
      troubled: troubled ? 1 : undefined,
      ...change,
    });
  const setOrder = (next: QueueOrder): void => go(address({ sort: next.sort, order: next.order }), { replace: true });
  const isFiltered = name !== '' || troubled;

  return (
    <>
      <PageHead name={t('nav.overview')} title={t('nav.overview')} />
      <Warnings warnings={warnings} />
      <div className="totals-box">{totals && <TotalsStrip totals={totals} />}</div>
      <OverviewCharts />
      <AllDays />
      <section aria-label={t('queues')}>
        <div className="toolbar">
          <h2>
            {t('queues')} {overview.data && <span className="count">{overview.data.total}</span>}
          </h2>
          <label className="filter-box">
            <Search size={15} aria-hidden />
            <input
              type="search"
              aria-label={t('queues.filter')}
              placeholder={t('queues.filter')}
              value={typed}
              onChange={(event) => {
                setTyped(event.target.value);
                go(address({ name: event.target.value.trim(), page: undefined }), { replace: true });
              }}
            />
          </label>
          <label className="check">
            <input
              type="checkbox"
              checked={troubled}
              onChange={() => go(address({ troubled: troubled ? undefined : 1 }), { replace: true })}
            />
            {t('queues.troubled')}
            {totals && totals.troubled > 0 && <span className="count count-bad">{totals.troubled}</span>}
          </label>
          {sort !== 'trouble' && (
            <Button look="quiet" onClick={() => go(address({ sort: undefined, order: undefined }), { replace: true })}>
              {t('queues.byTrouble')}
            </Button>
          )}
          <span className="gap" />
          <NewsButton rows={stable} hold={hold} />
        </div>
        <Loaded query={overview} lines={8}>
          {({ total }) =>
            total === 0 ? (
              <Empty icon={Inbox} title={t(isFiltered ? 'queues.noMatch' : 'queues.none')}>
                {isFiltered ? t('queues.noMatch.do') : t('queues.none.do')}
              </Empty>
            ) : (
              <>
                <div className="table-box">
                  <QueueTable
                    queues={queues}
                    gone={stable.gone}
                    selection={selection}
                    order={{ sort, order }}
                    onOrder={setOrder}
                    hold={hold.handlers}
                  />
                </div>
                {(total > queues.length || page > 1) && (
                  <Pager page={page} size={Number(size)} total={total} onPage={(next) => go(address({ page: next }))} />
                )}
              </>
            )
          }
        </Loaded>
      </section>
      <QueueSelectionBar selection={{ ...selection, rows: selected }} />
      <CommandLine command={commands.overview()} />
    </>
  );
}
