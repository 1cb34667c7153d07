import { CirclePause, CirclePlay, Play, Trash2 } from 'lucide-react';
import type { ScheduleActionAnswer, ScheduleRow } from '../../../src/api/fleet.js';
import { WRITES } from '../../../src/api/routes.js';
import { useI18n } from '../i18n/i18n.js';
import { Dialog, DialogFoot } from '../parts/dialog.js';
import { MenuItem, MenuLine } from '../parts/menu.js';
import { notify } from '../parts/toasts.js';
import { go, hrefOf } from '../routing/place.js';
import { useErrorText } from '../server/error-text.js';
import { readAgain } from '../server/reads.js';
import { write } from '../server/requests.js';
import { useDialog } from './action-host.js';
import { useRights } from './rights.js';
import { useSubmit } from './submit.js';

type Kind = 'runSchedule' | 'pauseSchedule' | 'resumeSchedule';

/** Runs, pauses or resumes a stored schedule. */
export function useScheduleAct(): (kind: Kind, schedule: ScheduleRow) => Promise<void> {
  const { t } = useI18n();
  const errorText = useErrorText();
  const act = async (kind: Kind, schedule: ScheduleRow): Promise<void> => {
    const { queue, name = '' } = schedule;
    try {
      const { changed, task } = await write<ScheduleActionAnswer>(WRITES[kind], { queue, name });
      const reverse = kind === 'pauseSchedule' ? 'resumeSchedule' : 'pauseSchedule';
      notify({
        title: t(`done.${kind}`, { name }),
        action: task
          ? { label: t('open'), act: () => go(hrefOf('task', { queue: task.queue, id: task.id })) }
          : changed && kind !== 'runSchedule'
            ? { label: t('undo'), act: () => void act(reverse, schedule) }
            : undefined,
      });
    } catch (error) {
      notify({ kind: 'failed', ...errorText(error) });
    }
    void readAgain();
  };
  return act;
}

/** Whether a schedule has a menu: an entry of Go has none, nothing is stored that could be changed. */
export function useScheduleRights(): (schedule: ScheduleRow) => {
  readonly canOperate: boolean;
  readonly canDelete: boolean;
} {
  const { isReadOnly } = useRights();
  return ({ name, canOperate, canDelete }) => ({
    canOperate: !isReadOnly && name !== undefined && canOperate,
    canDelete: !isReadOnly && name !== undefined && canDelete,
  });
}

export function ScheduleActionItems({ schedule }: { readonly schedule: ScheduleRow }) {
  const { t } = useI18n();
  const openDialog = useDialog();
  const act = useScheduleAct();
  const { canOperate, canDelete } = useScheduleRights()(schedule);
  const pause = schedule.isPaused ? 'resumeSchedule' : 'pauseSchedule';
  return (
    <>
      {canOperate && (
        <>
          <MenuItem icon={<Play size={16} aria-hidden />} onSelect={() => void act('runSchedule', schedule)}>
            {t('act.runSchedule')}
          </MenuItem>
          <MenuItem
            icon={schedule.isPaused ? <CirclePlay size={16} aria-hidden /> : <CirclePause size={16} aria-hidden />}
            onSelect={() => void act(pause, schedule)}
          >
            {t(`act.${pause}`)}
          </MenuItem>
        </>
      )}
      {canDelete && (
        <>
          <MenuLine />
          <MenuItem
            icon={<Trash2 size={16} aria-hidden />}
            isDangerous
            onSelect={() => openDialog((close) => <DeleteScheduleDialog schedule={schedule} onClose={close} />)}
          >
            {t('act.deleteSchedule')}
          </MenuItem>
        </>
      )}
    </>
  );
}

function DeleteScheduleDialog({ schedule, onClose }: { readonly schedule: ScheduleRow; readonly onClose: () => void }) {
  const { t } = useI18n();
  const { submit, isBusy, failure } = useSubmit();
  const { queue, name = '', schedulers } = schedule;
  const remove = (): void => {
    void submit(WRITES.deleteSchedule, { queue, name }, () => {
      notify({ title: t('done.deleteSchedule', { name }) });
      onClose();
    });
  };
  return (
    <Dialog
      title={t('ask.deleteSchedule', { name })}
      onClose={onClose}
      onSubmit={remove}
      foot={<DialogFoot onClose={onClose} act={t('act.deleteSchedule')} look="danger" isDisabled={isBusy} />}
    >
      <p className="ask-text">{t('ask.deleteSchedule.text')}</p>
      {schedulers > 0 && <p className="note">{t('schedule.comesBack')}</p>}
      {failure}
    </Dialog>
  );
}
