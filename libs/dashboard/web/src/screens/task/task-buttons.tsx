import { EllipsisVertical } from 'lucide-react';
import type { TaskActionName, TaskDetails } from '../../../../src/api/tasks.js';
import { useRights } from '../../actions/rights.js';
import { ACTION_ICONS, TaskActionItems, useTaskActions } from '../../actions/task-action-items.js';
import { useI18n } from '../../i18n/i18n.js';
import { Button } from '../../parts/button.js';
import { Menu } from '../../parts/menu.js';
import { go, hrefOf } from '../../routing/place.js';

const FIRST: readonly TaskActionName[] = ['cancel', 'run', 'archive'];

/** What the server says can be done with the task now. */
export function TaskButtons({ details: { task, actions } }: { readonly details: TaskDetails }) {
  const { t } = useI18n();
  const { isReadOnly } = useRights();
  const { start } = useTaskActions();
  if (isReadOnly || actions.length === 0) return null;
  const shown = FIRST.filter((action) => actions.includes(action));
  const rest = actions.filter((action) => !shown.includes(action));
  const leave = (): void => go(hrefOf('queue', { queue: task.queue, state: task.state }));
  return (
    <>
      {shown.map((action) => {
        const Icon = ACTION_ICONS[action];
        return (
          <Button key={action} icon={<Icon size={16} aria-hidden />} onClick={() => start(action, [task])}>
            {t(`act.${action}`)}
          </Button>
        );
      })}
      {rest.length > 0 && (
        <Menu
          trigger={
            <button type="button" className="button button-plain" aria-label={t('actions.more')}>
              <EllipsisVertical size={16} aria-hidden />
            </button>
          }
        >
          <TaskActionItems
            task={task}
            actions={rest}
            onDone={(action) => (action === 'delete' || action === 'move') && leave()}
          />
        </Menu>
      )}
    </>
  );
}
