import { EllipsisVertical, ListChecks, X } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Right } from '../../../src/api/access.js';
import { MATCHING_STATES } from '../../../src/api/allowed-states.js';
import type { SearchFilter } from '../../../src/api/search.js';
import type { TaskActionName, TaskRow } from '../../../src/api/tasks.js';
import { useDialog } from '../actions/action-host.js';
import { MatchingDialog } from '../actions/matching-dialog.js';
import { useRights } from '../actions/rights.js';
import { ACTION_ICONS, useTaskActions } from '../actions/task-action-items.js';
import { useI18n } from '../i18n/i18n.js';
import { useKeys } from '../keyboard/keys.js';
import { Button, IconButton } from '../parts/button.js';
import { Menu, MenuItem } from '../parts/menu.js';
import type { Selection } from './selection.js';

interface SelectionFrameProps {
  readonly label: string;
  readonly selection: Pick<Selection<unknown>, 'rows' | 'clear'>;
  /** What can be done. */
  readonly children: ReactNode;
}

/** Floats below a list as long as rows of it are selected. */
export function SelectionFrame({ label, selection: { rows, clear }, children }: SelectionFrameProps) {
  const { t } = useI18n();
  useKeys(rows.length > 0 ? { Escape: clear } : {});
  if (rows.length === 0) return null;
  return (
    <div className="selection-bar" role="region" aria-label={label}>
      <span className="selection-count">{t('selection.count', { n: rows.length })}</span>
      {children}
      <IconButton label={t('selection.clear')} icon={<X size={16} aria-hidden />} onClick={clear} />
    </div>
  );
}

interface SelectionBarProps {
  readonly selection: Selection<TaskRow>;
  /** On the queue of all of them. */
  readonly right?: Right | undefined;
}

const FIRST: readonly TaskActionName[] = ['cancel', 'run', 'archive', 'delete'];

/** What can be done with the tasks that are selected, and only with those. */
export function SelectionBar({ selection, right }: SelectionBarProps) {
  const { t } = useI18n();
  const { actionsOfSome, start } = useTaskActions();
  const { rows: tasks, clear } = selection;
  const actions = actionsOfSome(tasks, right);
  const shown = FIRST.filter((action) => actions.includes(action));
  const rest = actions.filter((action) => !FIRST.includes(action));
  return (
    <SelectionFrame label={t('selection')} selection={selection}>
      {shown.map((action) => {
        const Icon = ACTION_ICONS[action];
        return (
          <Button
            key={action}
            look={action === 'delete' ? 'danger' : 'plain'}
            icon={<Icon size={15} aria-hidden />}
            onClick={() => start(action, tasks, clear)}
          >
            {t(`act.${action}`)}
          </Button>
        );
      })}
      {rest.length > 0 && (
        <Menu
          trigger={
            <button type="button" className="button button-plain" aria-label={t('selection.more')}>
              <EllipsisVertical size={15} aria-hidden />
            </button>
          }
        >
          {rest.map((action) => {
            const Icon = ACTION_ICONS[action];
            return (
              <MenuItem key={action} icon={<Icon size={16} aria-hidden />} onSelect={() => start(action, tasks, clear)}>
                {t(`act.${action}`)}
              </MenuItem>
            );
          })}
        </Menu>
      )}
    </SelectionFrame>
  );
}

interface MatchingButtonProps {
  readonly filter: SearchFilter;
  readonly label: string;
  readonly right?: Right | undefined;
}

/** Opens the dialog that acts on all that match, seen or not: another button than those of the selection. */
export function MatchingButton({ filter, label, right }: MatchingButtonProps) {
  const { may } = useRights();
  const openDialog = useDialog();
  const states = filter.state ?? [];
  const isPossible = (['run', 'archive', 'delete', 'cancel'] as const).some(
    (action) =>
      may(action, right) && (states.length === 0 || states.some((state) => MATCHING_STATES[action].includes(state))),
  );
  if (!isPossible) return null;
  return (
    <Button
      icon={<ListChecks size={15} aria-hidden />}
      onClick={() => openDialog((close) => <MatchingDialog filter={filter} onClose={close} />)}
    >
      {label}
    </Button>
  );
}
