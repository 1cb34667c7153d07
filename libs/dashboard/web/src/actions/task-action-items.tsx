import {
  Archive,
  ArrowRightLeft,
  CalendarClock,
  ChevronsUp,
  CirclePlus,
  CircleX,
  type LucideIcon,
  PencilLine,
  Play,
  Trash2,
} from 'lucide-react';
import type { Right } from '../../../src/api/access.js';
import { ALLOWED_STATES } from '../../../src/api/allowed-states.js';
import type { TaskActionName, TaskRow } from '../../../src/api/tasks.js';
import { useI18n } from '../i18n/i18n.js';
import { MenuItem, MenuLine } from '../parts/menu.js';
import { ActDialog } from './act-dialog.js';
import { useDialog } from './action-host.js';
import { AgainDialog } from './again-dialog.js';
import { EditPayloadDialog } from './edit-payload-dialog.js';
import { usePerform } from './perform.js';
import { useRights } from './rights.js';

export const ACTION_ICONS: Readonly<Record<TaskActionName, LucideIcon>> = {
  run: Play,
  runNext: ChevronsUp,
  archive: Archive,
  delete: Trash2,
  cancel: CircleX,
  reschedule: CalendarClock,
  move: ArrowRightLeft,
  editPayload: PencilLine,
  again: CirclePlus,
};

/** In the order of menus and buttons; what destroys comes last. */
const ORDER: readonly TaskActionName[] = [
  'cancel',
  'run',
  'runNext',
  'reschedule',
  'move',
  'editPayload',
  'again',
  'archive',
  'delete',
];

export interface TaskActions {
  /** What can be done with a task; empty: nothing. */
  readonly actionsOf: (task: TaskRow, right?: Right) => readonly TaskActionName[];
  /** What can be done with some of these tasks together. */
  readonly actionsOfSome: (tasks: readonly TaskRow[], right?: Right) => readonly TaskActionName[];
  /** Does it at once, or asks first. */
  readonly start: (action: TaskActionName, tasks: readonly TaskRow[], onDone?: () => void) => void;
}

/** Everything that can be done with tasks. */
export function useTaskActions(): TaskActions {
  const { may } = useRights();
  const openDialog = useDialog();
  const perform = usePerform();

  const actionsOf = (task: TaskRow, right?: Right): TaskActionName[] =>
    ORDER.filter((action) => may(action, right) && ALLOWED_STATES[action].includes(task.state));
  const actionsOfSome = (tasks: readonly TaskRow[], right?: Right): TaskActionName[] => {
    const single: readonly TaskActionName[] = ['editPayload', 'again'];
    return ORDER.filter((action) => {
      if (!may(action, right) || single.includes(action)) return false;
      return tasks.some(({ state }) => ALLOWED_STATES[action].includes(state));
    });
  };
  const start: TaskActions['start'] = (action, tasks, onDone) => {
    const fitting = tasks.filter(({ state }) => ALLOWED_STATES[action].includes(state));
    const [task] = fitting;
    if (!task) return;
    if (action === 'editPayload') return openDialog((close) => <EditPayloadDialog task={task} onClose={close} />);
    if (action === 'again') return openDialog((close) => <AgainDialog task={task} onClose={close} />);
    const isSimple = action === 'run' || action === 'runNext' || action === 'archive';
    if (isSimple && fitting.length === 1) void perform({ action }, fitting).then(onDone);
    else
      openDialog((close) => (
        <ActDialog
          action={action}
          tasks={fitting}
          leftOut={tasks.length - fitting.length}
          onClose={close}
          onDone={onDone}
        />
      ));
  };
  return { actionsOf, actionsOfSome, start };
}

/** The menu of one task. */
export function TaskActionItems({
  task,
  actions,
  onDone,
}: {
  readonly task: TaskRow;
  readonly actions?: readonly TaskActionName[];
  readonly onDone?: (action: TaskActionName) => void;
}) {
  const { t } = useI18n();
  const { actionsOf, start } = useTaskActions();
  const shown = ORDER.filter((action) => (actions ?? actionsOf(task)).includes(action));
  const harmless = shown.filter((action) => action !== 'delete');
  const item = (action: TaskActionName) => {
    const Icon = ACTION_ICONS[action];
    return (
      <MenuItem
        key={action}
        icon={<Icon size={16} aria-hidden />}
        isDangerous={action === 'delete'}
        onSelect={() => start(action, [task], () => onDone?.(action))}
      >
        {t(`act.${action}`)}
      </MenuItem>
    );
  };
  return (
    <>
      {harmless.map(item)}
      {harmless.length > 0 && shown.includes('delete') && <MenuLine />}
      {shown.includes('delete') && item('delete')}
    </>
  );
}
