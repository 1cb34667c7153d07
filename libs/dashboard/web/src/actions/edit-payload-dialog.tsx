import { useState } from 'react';
import type { TaskDetails, TaskRow } from '../../../src/api/tasks.js';
import { READS, WRITES } from '../../../src/api/routes.js';
import { useI18n } from '../i18n/i18n.js';
import { Dialog, DialogFoot } from '../parts/dialog.js';
import { Loaded } from '../parts/states.js';
import { notify } from '../parts/toasts.js';
import { useRead } from '../server/reads.js';
import { PayloadField } from './payload-field.js';
import { useSubmit } from './submit.js';

interface EditPayloadDialogProps {
  readonly task: TaskRow;
  readonly onClose: () => void;
}

/** Replaces the payload of a scheduled task. */
export function EditPayloadDialog({ task: { queue, id }, onClose }: EditPayloadDialogProps) {
  const { t } = useI18n();
  // The list may have a part of the payload only.
  const details = useRead<TaskDetails>(READS.task, { queue, id, full: 1 }, { repeats: false });
  const payload = details.data?.task.payload;
  const [edited, setEdited] = useState<string>();
  const text = edited ?? (payload?.encoding === 'text' ? payload.data : '');
  const { submit, isBusy, failure } = useSubmit();
  const isHidden = payload?.isRedacted === true;
  const save = (): void => {
    if (isHidden || edited === undefined) return;
    void submit(WRITES.editPayload, { queue, id, payload: { encoding: 'text', data: text } }, () => {
      notify({ title: t('done.editPayload') });
      onClose();
    });
  };
  return (
    <Dialog
      title={t('ask.editPayload')}
      onClose={onClose}
      isWide
      onSubmit={save}
      foot={
        <DialogFoot
          onClose={onClose}
          act={t('do.editPayload')}
          isDisabled={isBusy || isHidden || edited === undefined}
        />
      }
    >
      <p className="what">
        <code>{id}</code>
      </p>
      <Loaded query={details} lines={5}>
        {() =>
          isHidden ? (
            <p className="note">{t('payload.isHidden')}</p>
          ) : (
            <>
              {payload?.encoding === 'base64' && <p className="note">{t('payload.isBinary')}</p>}
              <PayloadField label={t('task.payload')} value={text} onChange={setEdited} />
              <p className="ask-text">{t('ask.editPayload.text')}</p>
            </>
          )
        }
      </Loaded>
      {failure}
    </Dialog>
  );
}
