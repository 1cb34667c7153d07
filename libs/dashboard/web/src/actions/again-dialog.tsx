import { useState } from 'react';
import { READS, WRITES } from '../../../src/api/routes.js';
import type { EnqueuedAnswer, TaskDetails, TaskRow } from '../../../src/api/tasks.js';
import { useI18n } from '../i18n/i18n.js';
import { Dialog, DialogFoot } from '../parts/dialog.js';
import { Loaded } from '../parts/states.js';
import { notify } from '../parts/toasts.js';
import { go, hrefOf } from '../routing/place.js';
import { useRead } from '../server/reads.js';
import { PayloadField } from './payload-field.js';
import { QueueField } from './queue-field.js';
import { useRights } from './rights.js';
import { useSubmit } from './submit.js';
import { type When, WhenField } from './when-field.js';

interface AgainDialogProps {
  readonly task: TaskRow;
  readonly onClose: () => void;
}

/** Enqueues a copy of a task. */
export function AgainDialog({ task: { queue, id, type }, onClose }: AgainDialogProps) {
  const { t } = useI18n();
  const { may } = useRights();
  const details = useRead<TaskDetails>(READS.task, { queue, id, full: 1 }, { repeats: false });
  const payload = details.data?.task.payload;
  const [target, setTarget] = useState(queue);
  const [when, setWhen] = useState<When>('now');
  const [atMs, setAtMs] = useState<number>();
  const [edited, setEdited] = useState<string>();
  const { submit, isBusy, failure } = useSubmit();
  // A payload with hidden fields goes as it is: what the page shows of it is not all.
  const canEdit = may('newTask') && payload?.encoding === 'text' && !payload.isRedacted;

  const enqueue = (): void => {
    const body = {
      queue,
      id,
      ...(target !== queue && { target }),
      ...(when === 'later' && atMs !== undefined && { processAtMs: atMs }),
      ...(edited !== undefined && { payload: { encoding: 'text', data: edited } }),
    };
    void submit(WRITES.again, body, (made: EnqueuedAnswer) => {
      onClose();
      notify({
        title: t('done.again', { id: made.id }),
        action: { label: t('open'), act: () => go(hrefOf('task', { queue: made.queue, id: made.id })) },
      });
    });
  };
  return (
    <Dialog
      title={t('ask.again')}
      onClose={onClose}
      isWide
      onSubmit={enqueue}
      foot={
        <DialogFoot
          onClose={onClose}
          act={t('do.again')}
          isDisabled={isBusy || target === '' || (when === 'later' && atMs === undefined)}
        />
      }
    >
      <p className="what">
        <b>{type}</b> <code>{id}</code>
      </p>
      <p className="ask-text">{t('ask.again.text')}</p>
      <QueueField label={t('new.queue')} value={target} onChange={setTarget} />
      <WhenField when={when} onWhen={setWhen} atMs={atMs} onAtMs={setAtMs} />
      <Loaded query={details} lines={4}>
        {() =>
          canEdit ? (
            <PayloadField label={t('task.payload')} value={edited ?? payload.data} onChange={setEdited} />
          ) : (
            <p className="note">{t(payload?.isRedacted ? 'again.hidden' : 'again.same')}</p>
          )
        }
      </Loaded>
      {failure}
    </Dialog>
  );
}
