import { CirclePause, CirclePlay, CirclePlus, Eraser, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { commands } from '../../../src/api/commands.js';
import type { QueueActionAnswer, QueueRow } from '../../../src/api/queues.js';
import { WRITES } from '../../../src/api/routes.js';
import { useI18n } from '../i18n/i18n.js';
import { CommandLine } from '../parts/copy.js';
import { Dialog, DialogFoot } from '../parts/dialog.js';
import { MenuItem, MenuLine } from '../parts/menu.js';
import { notify } from '../parts/toasts.js';
import { go, hrefOf } from '../routing/place.js';
import { useErrorText } from '../server/error-text.js';
import { readAgain } from '../server/reads.js';
import { write } from '../server/requests.js';
import { useDialog } from './action-host.js';
import { ConfirmCount, isCount } from './confirm-count.js';
import { useRights } from './rights.js';
import { useSubmit } from './submit.js';

/** Pauses or resumes a queue, with the other as the way back. */
export function usePause(): (queue: string, pause: boolean) => Promise<void> {
  const { t } = useI18n();
  const errorText = useErrorText();
  const set = async (queue: string, pause: boolean): Promise<void> => {
    try {
      const path = pause ? WRITES.pauseQueue : WRITES.resumeQueue;
      const { changed, unknown } = await write<QueueActionAnswer>(path, { queue });
      notify({
        title: t(pause ? 'done.pauseQueue' : 'done.resumeQueue', { queue }),
        text: unknown && t('done.pauseQueue.unknown', { queues: queue }),
        action: changed ? { label: t('undo'), act: () => void set(queue, !pause) } : undefined,
      });
    } catch (error) {
      notify({ kind: 'failed', ...errorText(error) });
    }
    void readAgain();
  };
  return set;
}

/** The menu of a queue. */
export function QueueActionItems({
  queue,
  hasPause = true,
}: {
  readonly queue: QueueRow;
  readonly hasPause?: boolean;
}) {
  const { t } = useI18n();
  const { may } = useRights();
  const openDialog = useDialog();
  const setPaused = usePause();
  const name = queue.queue;
  const mayPause = hasPause && may(queue.isPaused ? 'resumeQueue' : 'pauseQueue', queue.right);
  const mayDelete = may('deleteQueue', queue.right);
  return (
    <>
      {mayPause && (
        <MenuItem
          icon={queue.isPaused ? <CirclePlay size={16} aria-hidden /> : <CirclePause size={16} aria-hidden />}
          onSelect={() => void setPaused(name, !queue.isPaused)}
        >
          {t(queue.isPaused ? 'act.resumeQueue' : 'act.pauseQueue')}
        </MenuItem>
      )}
      {may('newTask', queue.right) && (
        <MenuItem icon={<CirclePlus size={16} aria-hidden />} onSelect={() => go(hrefOf('new', { queue: name }))}>
          {t('nav.new')}
        </MenuItem>
      )}
      {mayDelete && (
        <>
          <MenuLine />
          <MenuItem
            icon={<Trash2 size={16} aria-hidden />}
            isDangerous
            onSelect={() =>
              openDialog((close) => <DeleteQueueDialog queue={queue} kind="deleteQueue" onClose={close} />)
            }
          >
            {t('act.deleteQueue')}
          </MenuItem>
          <MenuItem
            icon={<Eraser size={16} aria-hidden />}
            isDangerous
            onSelect={() =>
              openDialog((close) => <DeleteQueueDialog queue={queue} kind="purgeQueue" onClose={close} />)
            }
          >
            {t('act.purgeQueue')}
          </MenuItem>
        </>
      )}
    </>
  );
}

/** Whether a queue has a menu. */
export function useHasQueueActions(): (queue: QueueRow) => boolean {
  const { may } = useRights();
  return ({ right }) => may('pauseQueue', right) || may('deleteQueue', right);
}

interface DeleteQueueDialogProps {
  readonly queue: QueueRow;
  readonly kind: 'deleteQueue' | 'purgeQueue';
  readonly onClose: () => void;
}

function DeleteQueueDialog({ queue: { queue, size, counts }, kind, onClose }: DeleteQueueDialogProps) {
  const { t } = useI18n();
  const [typed, setTyped] = useState('');
  const { submit, isBusy, failure } = useSubmit();
  const isConfirmed = size < 2 || isCount(typed, size);
  const remove = (): void => {
    if (!isConfirmed || isBusy) return;
    const force = kind === 'deleteQueue' ? size > 0 : counts.active > 0;
    void submit(WRITES[kind], { queue, force }, () => {
      notify({ title: t(`done.${kind}`, { queue }) });
      onClose();
      go(hrefOf(''));
    });
  };
  const command = kind === 'deleteQueue' ? commands.deleteQueue(queue, size > 0) : commands.purgeQueue(queue);
  return (
    <Dialog
      title={t(`ask.${kind}`, { queue })}
      onClose={onClose}
      onSubmit={remove}
      foot={
        <DialogFoot
          onClose={onClose}
          act={t(`do.${kind}`, { n: size })}
          look="danger"
          isDisabled={!isConfirmed || isBusy}
        />
      }
    >
      <p className="ask-text">{t(`ask.${kind}.text`)}</p>
      {size > 0 && <p className="note">{t('queue.losesTasks', { n: size })}</p>}
      {counts.active > 0 && <p className="note">{t('queue.hasActive', { n: counts.active })}</p>}
      {size > 1 && <ConfirmCount count={size} value={typed} onChange={setTyped} />}
      {failure}
      <CommandLine command={command} />
    </Dialog>
  );
}
