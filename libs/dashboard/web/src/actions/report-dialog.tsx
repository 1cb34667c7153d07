import type { ReactNode } from 'react';
import { useI18n } from '../i18n/i18n.js';
import { Button } from '../parts/button.js';
import { Dialog } from '../parts/dialog.js';
import { PageLink } from '../routing/page-link.js';
import { useErrorText } from '../server/error-text.js';
import type { Act, ActReport } from './act.js';

interface ReportDialogProps {
  readonly what: Act;
  readonly report: ActReport;
  readonly onClose: () => void;
}

/** Failures that are listed; there may be a thousand. */
const LISTED = 100;

interface ReportFrameProps {
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** A dialog that only tells what has happened. */
export function ReportFrame({ onClose, children }: ReportFrameProps) {
  const { t } = useI18n();
  return (
    <Dialog
      title={t('report.title')}
      onClose={onClose}
      foot={
        <>
          <span className="gap" />
          <Button look="primary" onClick={onClose}>
            {t('close')}
          </Button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}

/** What came of an action of which some failed. */
export function ReportDialog({ what, report, onClose }: ReportDialogProps) {
  const { t } = useI18n();
  const errorText = useErrorText();
  const { done, failed, left, problem } = report;
  return (
    <ReportFrame onClose={onClose}>
      <p>{t(`done.${what.action}`, { n: done })}</p>
      {problem !== undefined && <p className="warn-text">{errorText(problem).title}</p>}
      {left > 0 && <p>{t('report.left', { n: left })}</p>}
      {failed.length > 0 && (
        <>
          <p>{t('report.failed', { n: failed.length })}</p>
          <ul className="failures" tabIndex={0} aria-label={t('report.failed', { n: failed.length })}>
            {failed.slice(0, LISTED).map(({ queue, id, message }) => (
              <li key={JSON.stringify([queue, id])}>
                <PageLink page="task" params={{ queue, id }} onClick={onClose}>
                  <code>{id}</code>
                </PageLink>{' '}
                {message}
              </li>
            ))}
          </ul>
        </>
      )}
    </ReportFrame>
  );
}
