import { useCallback } from 'react';
import type { TaskRow } from '../../../src/api/tasks.js';
import { useI18n } from '../i18n/i18n.js';
import { notify } from '../parts/toasts.js';
import { useErrorText } from '../server/error-text.js';
import { readAgain } from '../server/reads.js';
import { type Act, act, type ActReport } from './act.js';
import { useDialog } from './action-host.js';
import { ReportDialog } from './report-dialog.js';
import { undoOf } from './undo.js';

/** Acts, reads the page again and says what came of it, with a way back where there is one. */
export function usePerform(): (
  what: Act,
  tasks: readonly TaskRow[],
  options?: { readonly signal?: AbortSignal; readonly onProgress?: (done: number) => void },
) => Promise<ActReport> {
  const { t } = useI18n();
  const errorText = useErrorText();
  const openDialog = useDialog();
  return useCallback(
    async (what, tasks, options) => {
      const report = await act(what, tasks, options);
      void readAgain();
      if (report.failed.length > 0 || report.left > 0) {
        const [failure] = report.failed;
        if (tasks.length === 1 && failure) notify({ kind: 'failed', title: t('act.failed'), text: failure.message });
        else if (tasks.length === 1 && report.problem !== undefined)
          notify({ kind: 'failed', ...errorText(report.problem) });
        else openDialog((close) => <ReportDialog what={what} report={report} onClose={close} />);
        return report;
      }
      const undo = undoOf(what, tasks);
      const takeBack = async (): Promise<void> => {
        const reports = [];
        for (const step of undo ?? []) reports.push(await act(step.what, step.tasks));
        void readAgain();
        const failed = reports.reduce((sum, { failed, left }) => sum + failed.length + left, 0);
        if (failed > 0) notify({ kind: 'failed', title: t('undo.failed', { n: failed }) });
        else notify({ title: t('undo.done') });
      };
      notify({
        title: t(`done.${what.action}`, { n: report.done }),
        action: undo && { label: t('undo'), act: () => void takeBack() },
      });
      return report;
    },
    [t, errorText, openDialog],
  );
}
