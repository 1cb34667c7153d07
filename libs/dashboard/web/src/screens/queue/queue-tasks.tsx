import { Inbox, Search } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import type { GroupPage, QueueRow, TaskState } from '../../../../src/api/queues.js';
import { READS } from '../../../../src/api/routes.js';
import type { TaskPage, TaskRow } from '../../../../src/api/tasks.js';
import { useI18n } from '../../i18n/i18n.js';
import { useListKeys } from '../../keyboard/list-keys.js';
import { Field, Select } from '../../parts/field.js';
import { Pager } from '../../parts/pager.js';
import { stateKey } from '../../parts/state-marks.js';
import { Empty, Loaded } from '../../parts/states.js';
import { PageLink } from '../../routing/page-link.js';
import { go, hrefOf, usePlace } from '../../routing/place.js';
import { useRead } from '../../server/reads.js';
import { useSettings } from '../../settings.js';
import { useHold } from '../../tasks/hold.js';
import { NewsButton } from '../../tasks/news-button.js';
import { keyOfTask, useSelection } from '../../tasks/selection.js';
import { MatchingButton, SelectionBar } from '../../tasks/selection-bar.js';
import { useStableRows } from '../../tasks/stable-rows.js';
import { TaskTable } from '../../tasks/task-table.js';
import { useTaskActions } from '../../actions/task-action-items.js';

const NONE: readonly TaskRow[] = [];

interface QueueTasksProps {
  readonly queue: QueueRow;
  readonly state: TaskState;
}

/** The tasks of one state of a queue, page by page. */
export function QueueTasks({ queue: { queue, counts, right }, state }: QueueTasksProps) {
  const { t } = useI18n();
  const { params } = usePlace();
  const { rows: size } = useSettings();
  const page = Number(params.get('page') ?? 1);
  const groups = useRead<GroupPage>(READS.groups, { queue, size: 200 }, { isEnabled: state === 'aggregating' });
  const group = state === 'aggregating' ? (params.get('group') ?? groups.data?.groups[0]?.group) : undefined;
  const query = { queue, state, group, page, size };
  const isReady = state !== 'aggregating' || group !== undefined;
  const tasks = useRead<TaskPage>(READS.tasks, query, { keepsPrevious: true, isEnabled: isReady });
  const { refetch } = tasks;

  // The counts are pushed: when they change, so does the page.
  const count = counts[state];
  const [readCount, setReadCount] = useState(count);
  useEffect(() => {
    if (count === readCount || !isReady) return undefined;
    const timer = setTimeout(() => {
      setReadCount(count);
      void refetch();
    }, 700);
    return () => clearTimeout(timer);
  }, [count, readCount, isReady, refetch]);

  const hold = useHold();
  const selection = useSelection<TaskRow>(keyOfTask);
  const stable = useStableRows(
    tasks.data?.tasks ?? NONE,
    keyOfTask,
    JSON.stringify([query, tasks.isPlaceholderData, tasks.data === undefined]),
    hold.isHeld || selection.rows.length > 0,
  );
  const list = useListKeys<HTMLTableElement>();
  const { actionsOfSome } = useTaskActions();
  const filter = useMemo(
    () => ({ queue: [queue], state: [state], ...(group !== undefined && { group }) }),
    [queue, state, group],
  );
  const total = tasks.data?.total ?? 0;
  const toPage = (next: number): void => {
    selection.clear();
    go(hrefOf('queue', { queue, state, group: params.get('group') ?? undefined, page: next === 1 ? undefined : next }));
  };

  if (state === 'aggregating' && groups.data?.total === 0)
    return (
      <Empty icon={Inbox} title={t('tasks.none.aggregating')}>
        {t('tasks.none.do.aggregating')}
      </Empty>
    );
  return (
    <section aria-label={t(stateKey(state))}>
      <div className="toolbar">
        {state === 'aggregating' && groups.data && (
          <div className="group-choice">
            <Field label={t('group')}>
              <Select
                value={group ?? ''}
                onChange={(next) => go(hrefOf('queue', { queue, state, group: next }), { replace: true })}
                options={groups.data.groups.map((one) => ({ value: one.group, label: `${one.group} (${one.size})` }))}
              />
            </Field>
          </div>
        )}
        <PageLink page="tasks" params={{ queue, state, group }} className="button button-quiet">
          <Search size={15} aria-hidden />
          <span>{t('tasks.search')}</span>
        </PageLink>
        <span className="gap" />
        <NewsButton rows={stable} hold={hold} />
        {total > 0 && <MatchingButton filter={filter} label={t('tasks.allOf', { n: total })} right={right} />}
      </div>
      {isReady && (
        <Loaded query={tasks} lines={8}>
          {() =>
            total === 0 && stable.rows.length === 0 ? (
              <Empty icon={Inbox} title={t(`tasks.none.${state}`)}>
                {t(`tasks.none.do.${state}`)}
              </Empty>
            ) : (
              <>
                <div className="table-box">
                  <TaskTable
                    label={t('tasks.in', { queue, state: t(stateKey(state)) })}
                    tasks={stable.rows}
                    gone={stable.gone}
                    selection={selection}
                    isSelectable={actionsOfSome(stable.rows, right).length > 0}
                    listRef={list}
                    hold={hold.handlers}
                  />
                </div>
                <Pager page={page} size={Number(size)} total={total} onPage={toPage} />
              </>
            )
          }
        </Loaded>
      )}
      <SelectionBar selection={selection} right={right} />
    </section>
  );
}
