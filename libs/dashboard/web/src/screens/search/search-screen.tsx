import { SearchX } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { commands } from '../../../../src/api/commands.js';
import type { SearchFilter } from '../../../../src/api/search.js';
import type { TaskRow } from '../../../../src/api/tasks.js';
import { useTaskActions } from '../../actions/task-action-items.js';
import { useI18n } from '../../i18n/i18n.js';
import { PageHead } from '../../layout/page-head.js';
import { useListKeys } from '../../keyboard/list-keys.js';
import { pageConfig } from '../../page-config.js';
import { Button } from '../../parts/button.js';
import { CommandLine, CopyButton } from '../../parts/copy.js';
import { Pager } from '../../parts/pager.js';
import { ProgressBar } from '../../parts/progress-bar.js';
import { stateKey } from '../../parts/state-marks.js';
import { Empty, Failure, Skeleton } from '../../parts/states.js';
import { go, hrefOf, usePlace } from '../../routing/place.js';
import { useSettings } from '../../settings.js';
import { keyOfTask, useSelection } from '../../tasks/selection.js';
import { MatchingButton, SelectionBar } from '../../tasks/selection-bar.js';
import { TaskTable } from '../../tasks/task-table.js';
import { filterOf, paramsOf } from './filter.js';
import { FilterForm } from './filter-form.js';
import { useSearchRun } from './search-run.js';

/** Searches the tasks of all queues and states; the filter is the address. */
export function SearchScreen() {
  const { t } = useI18n();
  const { params } = usePlace();
  const address = params.toString();
  const filter = useMemo(() => filterOf(new URLSearchParams(address)), [address]);
  const run = useSearchRun(filter);
  const size = Number(useSettings().rows);
  const [page, setPage] = useState(1);
  const shown = useMemo(() => run.tasks.slice((page - 1) * size, page * size), [run.tasks, page, size]);
  const selection = useSelection<TaskRow>(keyOfTask);
  const { clear } = selection;
  useEffect(() => {
    clear();
    setPage(1);
  }, [address, clear]);
  const list = useListKeys<HTMLTableElement>();
  const { actionsOfSome } = useTaskActions();
  const search = (next: SearchFilter): void => go(hrefOf('tasks', paramsOf(next)));
  const isRunning = run.status === 'running';
  const found = run.tasks.length;
  const where = run.at && t('search.at', { queue: run.at.queue, state: t(stateKey(run.at.state)) });
  return (
    <>
      <PageHead name={t('nav.tasks')} title={t('search.title')}>
        <CopyButton text={new URL(hrefOf('tasks', paramsOf(filter)), location.href).href} label={t('search.copy')} />
      </PageHead>
      <FilterForm key={address} filter={filter} onSearch={search} />
      {pageConfig.redacts && (filter.text ?? filter.payload ?? filter.error) !== undefined && (
        <p className="muted small">{t('search.redacted')}</p>
      )}
      <div className="search-progress">
        <div className="search-words" role="status">
          <b>{t(run.status === 'complete' ? 'search.found' : 'search.foundSoFar', { n: found })}</b>{' '}
          <span className="muted">
            {t('search.scanned', { scanned: run.scanned, total: Math.max(run.total, run.scanned) })}
            {isRunning && where !== undefined && ` · ${where}`}
          </span>
        </div>
        {isRunning && <Button onClick={run.stop}>{t('stop')}</Button>}
        {(run.status === 'stopped' || run.status === 'enough') && (
          <Button onClick={run.goOn}>{t('search.goOn')}</Button>
        )}
        {run.status === 'complete' && (
          <Button look="quiet" onClick={run.again}>
            {t('search.again')}
          </Button>
        )}
        <MatchingButton filter={filter} label={t('search.allThatMatch')} />
      </div>
      <ProgressBar
        share={run.status === 'complete' ? 1 : run.total > 0 ? run.scanned / run.total : 0}
        label={t('search.progress')}
      />
      {run.error && <Failure error={run.error} onRetry={run.goOn} />}
      {found > 0 && (
        <section aria-label={t('search.results')}>
          <div className="table-box">
            <TaskTable
              label={t('search.results')}
              tasks={shown}
              isMixed
              selection={selection}
              isSelectable={actionsOfSome(shown).length > 0}
              listRef={list}
            />
          </div>
          {found > size && <Pager page={page} size={size} total={found} onPage={setPage} />}
        </section>
      )}
      {found === 0 && isRunning && run.scanned === 0 && <Skeleton lines={6} />}
      {found === 0 && run.status === 'complete' && (
        <Empty icon={SearchX} title={t('search.none')}>
          {t('search.none.do')}
        </Empty>
      )}
      {run.status === 'enough' && (
        <div className="search-more">
          <Button onClick={run.goOn}>{t('search.goOn')}</Button>
        </div>
      )}
      <SelectionBar selection={selection} />
      <CommandLine command={commands.search(filter)} />
    </>
  );
}
