import { useEffect, useRef, useState } from 'react';
import { ALLOWED_STATES } from '../../../src/api/allowed-states.js';
import type { CancelOutcome, TaskActionName, TaskRow } from '../../../src/api/tasks.js';
import { commands } from '../../../src/api/commands.js';
import { useI18n } from '../i18n/i18n.js';
import { Button } from '../parts/button.js';
import { CommandLine } from '../parts/copy.js';
import { Dialog, DialogFoot } from '../parts/dialog.js';
import { ProgressBar } from '../parts/progress-bar.js';
import { serverNowMs } from '../server/server-clock.js';
import type { Act } from './act.js';
import { ConfirmCount, isCount } from './confirm-count.js';
import { OutcomeField } from './outcome-field.js';
import { QueueField } from './queue-field.js';
import { usePerform } from './perform.js';
import { useRights } from './rights.js';
import { TimeField } from './time-field.js';

interface ActDialogProps {
  readonly action: Exclude<TaskActionName, 'editPayload' | 'again'>;
  readonly tasks: readonly TaskRow[];
  /** Selected tasks whose state does not allow the action. */
  readonly leftOut: number;
  readonly onClose: () => void;
  readonly onDone?: (() => void) | undefined;
}

/** Asks what is needed for an action on named tasks, then does it. */
export function ActDialog({ action: asked, tasks, leftOut, onClose, onDone }: ActDialogProps) {
  const { t } = useI18n();
  const { may } = useRights();
  const perform = usePerform();
  const [action, setAction] = useState(asked);
  const [outcome, setOutcome] = useState<CancelOutcome>('retry');
  const [atMs, setAtMs] = useState<number | undefined>(() => serverNowMs() + 600_000);
  const [target, setTarget] = useState('');
  const [typed, setTyped] = useState('');
  const [done, setDone] = useState<number>();
  const work = useRef<AbortController>(undefined);
  useEffect(() => () => work.current?.abort(), []);

  const count = tasks.length;
  const needsCount = (action === 'delete' || (action === 'cancel' && outcome === 'delete')) && count > 1;
  const what = actOf(action, { outcome, atMs, target });
  const canStart = what !== undefined && (!needsCount || isCount(typed, count));
  const isBusy = done !== undefined;
  const canArchive =
    action === 'delete' && may('archive') && tasks.every(({ state }) => ALLOWED_STATES.archive.includes(state));

  const start = async (): Promise<void> => {
    if (!what || !canStart || isBusy) return;
    work.current = new AbortController();
    setDone(0);
    await perform(what, tasks, { signal: work.current.signal, onProgress: setDone });
    onClose();
    onDone?.();
  };
  const [one] = tasks;
  return (
    <Dialog
      title={t(`ask.${action}`, { n: count })}
      onClose={onClose}
      isBusy={isBusy}
      onSubmit={() => void start()}
      foot={
        isBusy ? (
          <>
            <span className="gap" />
            <Button onClick={() => work.current?.abort()}>{t('stop')}</Button>
          </>
        ) : (
          <DialogFoot
            onClose={onClose}
            act={t(`do.${action}`, { n: count })}
            look={action === 'delete' || (action === 'cancel' && outcome === 'delete') ? 'danger' : 'primary'}
            isDisabled={!canStart}
            {...(action === 'cancel' && { dismiss: t('dialog.leave') })}
          >
            {canArchive && (
              <Button look="quiet" onClick={() => setAction('archive')}>
                {t('ask.archiveInstead')}
              </Button>
            )}
          </DialogFoot>
        )
      }
    >
      {count === 1 && one ? (
        <p className="what">
          <b>{one.type}</b> <code>{one.id}</code>
        </p>
      ) : (
        <ul className="whats">
          {tasks.slice(0, 5).map(({ queue, id, type }) => (
            <li key={JSON.stringify([queue, id])}>
              <b>{type}</b> <code>{id}</code>
            </li>
          ))}
          {count > 5 && <li className="muted">{t('ask.more', { n: count - 5 })}</li>}
        </ul>
      )}
      <p className="ask-text">{t(`ask.${action}.text`)}</p>
      {leftOut > 0 && <p className="note">{t('ask.leftOut', { n: leftOut })}</p>}
      {action === 'cancel' && <OutcomeField value={outcome} onChange={setOutcome} />}
      {action === 'reschedule' && <TimeField label={t('reschedule.time')} value={atMs} onChange={setAtMs} />}
      {action === 'move' && (
        <QueueField label={t('move.target')} value={target} onChange={setTarget} without={one?.queue} />
      )}
      {needsCount && <ConfirmCount count={count} value={typed} onChange={setTyped} />}
      {isBusy && <ProgressBar share={done / count} label={t(`do.${action}`, { n: count })} />}
      {count === 1 && one && <CommandLine command={commandOf(action, one)} />}
    </Dialog>
  );
}

function actOf(
  action: ActDialogProps['action'],
  { outcome, atMs, target }: { outcome: CancelOutcome; atMs: number | undefined; target: string },
): Act | undefined {
  switch (action) {
    case 'cancel':
      return { action, outcome };
    case 'reschedule':
      return atMs === undefined ? undefined : { action, atMs };
    case 'move':
      return target === '' ? undefined : { action, target };
    case 'run':
    case 'runNext':
    case 'archive':
    case 'delete':
    default:
      return { action };
  }
}

function commandOf(action: TaskActionName, { queue, id }: TaskRow): string | undefined {
  if (action === 'run') return commands.runTask(queue, id);
  if (action === 'archive') return commands.archiveTask(queue, id);
  return action === 'delete' ? commands.deleteTask(queue, id) : undefined;
}
