import { CirclePause, CirclePlay } from 'lucide-react';
import { commands } from '../../../src/api/commands.js';
import type { QueueRow, QueuesActionAnswer } from '../../../src/api/queues.js';
import { WRITES } from '../../../src/api/routes.js';
import { useI18n } from '../i18n/i18n.js';
import { Button } from '../parts/button.js';
import { CommandLine } from '../parts/copy.js';
import { Dialog, DialogFoot } from '../parts/dialog.js';
import { notify } from '../parts/toasts.js';
import { PageLink } from '../routing/page-link.js';
import { useErrorText } from '../server/error-text.js';
import { readAgain } from '../server/reads.js';
import { write } from '../server/requests.js';
import type { Selection } from '../tasks/selection.js';
import { SelectionFrame } from '../tasks/selection-bar.js';
import { useDialog } from './action-host.js';
import { ReportFrame } from './report-dialog.js';
import { useSubmit } from './submit.js';

type Action = 'pauseQueues' | 'resumeQueues';

const BACK = { pauseQueues: 'resumeQueues', resumeQueues: 'pauseQueues' } as const;

/** What can be done with the queues that are selected. */
export function QueueSelectionBar({ selection }: { readonly selection: Selection<QueueRow> }) {
  const { t } = useI18n();
  const openDialog = useDialog();
  const { rows, clear } = selection;
  const button = (action: Action, queues: readonly QueueRow[]) =>
    queues.length > 0 && (
      <Button
        icon={action === 'pauseQueues' ? <CirclePause size={15} aria-hidden /> : <CirclePlay size={15} aria-hidden />}
        onClick={() =>
          openDialog((close) => (
            <PauseQueuesDialog
              action={action}
              queues={queues.map(({ queue }) => queue)}
              leftOut={rows.length - queues.length}
              onClose={close}
              onDone={clear}
            />
          ))
        }
      >
        {t(`act.${action}`, { n: queues.length })}
      </Button>
    );
  return (
    <SelectionFrame label={t('selection.queues')} selection={selection}>
      {button(
        'pauseQueues',
        rows.filter(({ isPaused }) => !isPaused),
      )}
      {button(
        'resumeQueues',
        rows.filter(({ isPaused }) => isPaused),
      )}
    </SelectionFrame>
  );
}

interface PauseQueuesDialogProps {
  readonly action: Action;
  readonly queues: readonly string[];
  /** Selected queues that are so already. */
  readonly leftOut: number;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function PauseQueuesDialog({ action, queues, leftOut, onClose, onDone }: PauseQueuesDialogProps) {
  const { t } = useI18n();
  const openDialog = useDialog();
  const takeBack = useTakeBack();
  const { submit, isBusy, failure } = useSubmit();
  const act = (): void =>
    void submit<QueuesActionAnswer>(WRITES[action], { queues }, (answer) => {
      const { changed, unchanged, failed, unknown } = answer;
      onClose();
      onDone();
      if (failed.length > 0)
        return openDialog((close) => <QueuesReportDialog action={action} answer={answer} onClose={close} />);
      notify({
        title: t(`done.${action}`, { n: changed.length + unchanged.length }),
        text: unknown && t('done.pauseQueue.unknown', { queues: unknown.join(', ') }),
        action: changed.length > 0 ? { label: t('undo'), act: () => void takeBack(BACK[action], changed) } : undefined,
      });
    });
  const count = queues.length;
  return (
    <Dialog
      title={t(`ask.${action}`, { n: count })}
      onClose={onClose}
      onSubmit={act}
      foot={<DialogFoot onClose={onClose} act={t(`act.${action}`, { n: count })} isDisabled={isBusy} />}
    >
      <ul className="whats">
        {queues.slice(0, 5).map((queue) => (
          <li key={queue}>
            <b>{queue}</b>
          </li>
        ))}
        {count > 5 && <li className="muted">{t('ask.more', { n: count - 5 })}</li>}
      </ul>
      <p className="ask-text">{t(`ask.${action}.text`)}</p>
      {leftOut > 0 && <p className="note">{t(`ask.${action}.leftOut`, { n: leftOut })}</p>}
      {failure}
      <CommandLine command={commands[action](queues)} />
    </Dialog>
  );
}

function useTakeBack(): (action: Action, queues: readonly string[]) => Promise<void> {
  const { t } = useI18n();
  const errorText = useErrorText();
  const openDialog = useDialog();
  return async (action, queues) => {
    try {
      const answer = await write<QueuesActionAnswer>(WRITES[action], { queues });
      if (answer.failed.length > 0)
        openDialog((close) => <QueuesReportDialog action={action} answer={answer} onClose={close} />);
      else notify({ title: t('undo.done') });
    } catch (error) {
      notify({ kind: 'failed', ...errorText(error) });
    }
    void readAgain();
  };
}

interface QueuesReportDialogProps {
  readonly action: Action;
  readonly answer: QueuesActionAnswer;
  readonly onClose: () => void;
}

/** What came of an action on several queues of which some were refused. */
function QueuesReportDialog({ action, answer: { changed, unchanged, failed }, onClose }: QueuesReportDialogProps) {
  const { t } = useI18n();
  const refused = t('report.failedQueues', { n: failed.length });
  return (
    <ReportFrame onClose={onClose}>
      <p>{t(`done.${action}`, { n: changed.length + unchanged.length })}</p>
      <p>{refused}</p>
      <ul className="failures" tabIndex={0} aria-label={refused}>
        {failed.map(({ queue, message }) => (
          <li key={queue}>
            <PageLink page="queue" params={{ queue }} onClick={onClose}>
              <code>{queue}</code>
            </PageLink>{' '}
            {message}
          </li>
        ))}
      </ul>
    </ReportFrame>
  );
}
