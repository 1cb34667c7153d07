import { EllipsisVertical } from 'lucide-react';
import type { DOMAttributes, RefObject } from 'react';
import type { TaskRow } from '../../../src/api/tasks.js';
import { previewOf } from '../exact/content-view.js';
import { useI18n } from '../i18n/i18n.js';
import { Menu } from '../parts/menu.js';
import { StateBadge } from '../parts/state-marks.js';
import { PageLink } from '../routing/page-link.js';
import { TaskActionItems, useTaskActions } from '../actions/task-action-items.js';
import { keyOfTask, type Selection } from './selection.js';
import { SelectAllHead, SelectCell } from './selection-cells.js';
import { TaskNote } from './task-note.js';

interface TaskTableProps {
  readonly label: string;
  readonly tasks: readonly TaskRow[];
  /** Tasks that have left the list. */
  readonly gone?: ReadonlySet<string> | undefined;
  /** With the queue and the state of each task: in lists over several. */
  readonly isMixed?: boolean;
  readonly selection: Selection<TaskRow>;
  /** Whether tasks can be selected: there is something to do with them. */
  readonly isSelectable: boolean;
  readonly listRef: RefObject<HTMLTableElement | null>;
  readonly hold?: DOMAttributes<HTMLElement>;
}

export function TaskTable(props: TaskTableProps) {
  const { label, tasks, gone, isMixed = false, selection, isSelectable, listRef, hold } = props;
  const { t } = useI18n();
  return (
    <table ref={listRef} className="table task-table" aria-label={label} {...hold}>
      <thead>
        <tr>
          {isSelectable && <SelectAllHead selection={selection} rows={tasks} />}
          <th>{t('task')}</th>
          {isMixed && <th className="cell-place">{t('tasks.place')}</th>}
          <th className="cell-payload">{t('task.payload')}</th>
          <th>{t('tasks.note')}</th>
          <th className="cell-menu">
            <span className="hidden-text">{t('actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tasks.map((task) => {
          const key = keyOfTask(task);
          return (
            <tr
              key={key}
              className={`${selection.has(task) ? 'row-selected' : ''} ${gone?.has(key) ? 'row-gone' : ''}`}
            >
              {isSelectable && <SelectCell selection={selection} rows={tasks} row={task} name={task.id} />}
              <td className="cell-task">
                <PageLink page="task" params={{ queue: task.queue, id: task.id }} className="task-link" data-row>
                  <span className="task-type">{task.type || t('task.noType')}</span>
                  <span className="task-id">{task.id}</span>
                </PageLink>
                {isMixed && (
                  <div className="task-place">
                    <StateBadge state={task.state} />
                    <span className="task-queue">{task.queue}</span>
                  </div>
                )}
                {gone?.has(key) && <span className="gone-mark">{t('tasks.gone')}</span>}
              </td>
              {isMixed && (
                <td className="cell-place">
                  <StateBadge state={task.state} />
                  <PageLink page="queue" params={{ queue: task.queue, state: task.state }} className="task-queue">
                    {task.queue}
                  </PageLink>
                </td>
              )}
              <td className="cell-payload">
                <code className="preview">{previewOf(task.payload)}</code>
              </td>
              <td className="cell-note">
                <TaskNote task={task} />
              </td>
              <td className="cell-menu">
                <RowMenu task={task} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function RowMenu({ task }: { readonly task: TaskRow }) {
  const { t } = useI18n();
  const { actionsOf } = useTaskActions();
  if (actionsOf(task).length === 0) return null;
  return (
    <Menu
      trigger={
        <button type="button" className="icon-button" aria-label={t('actions.of', { name: task.id })}>
          <EllipsisVertical size={17} aria-hidden />
        </button>
      }
    >
      <TaskActionItems task={task} />
    </Menu>
  );
}
