import type { TaskRow } from '../../../src/api/tasks.js';
import { useI18n } from '../i18n/i18n.js';
import { Ago, Since } from '../parts/time.js';
import { ProgressBar } from '../parts/progress-bar.js';
import { previewOf } from '../exact/content-view.js';

/** What matters about a task in its state, as one cell of a list. */
export function TaskNote({ task }: { readonly task: TaskRow }) {
  return (
    <div className="task-note">
      <div className="task-moment">
        <Moment task={task} />
        <Attempts task={task} />
        {task.crashes > 0 && <Crashes count={task.crashes} />}
      </div>
      {task.progress && <Progressed task={task} />}
      {task.lastError !== '' && (
        <span className="task-error" title={task.lastError}>
          {task.lastError}
        </span>
      )}
      {task.state === 'completed' && task.result && task.result.bytes > 0 && (
        <code className="preview">{previewOf(task.result)}</code>
      )}
    </div>
  );
}

function Moment({ task }: { readonly task: TaskRow }) {
  const { t, rich } = useI18n();
  const { state, worker, nextProcessAtMs, lastFailedAtMs, completedAtMs, expiresAtMs, group } = task;
  if (state === 'active' && task.isOrphaned) return <span className="warn-text">{t('task.isOrphaned')}</span>;
  if (state === 'active' && worker)
    return (
      <span>
        {rich('task.runsFor', { time: <Since atMs={worker.startedAtMs} />, host: `${worker.host}:${worker.pid}` })}
      </span>
    );
  if ((state === 'scheduled' || state === 'retry') && nextProcessAtMs !== undefined)
    return <span>{rich(`task.due.${state}`, { time: <Ago atMs={nextProcessAtMs} /> })}</span>;
  if (state === 'archived' && lastFailedAtMs !== undefined)
    return <span>{rich('task.failed', { time: <Ago atMs={lastFailedAtMs} /> })}</span>;
  if (state === 'completed' && completedAtMs !== undefined)
    return (
      <span>
        {rich('task.completed', { time: <Ago atMs={completedAtMs} /> })}
        {expiresAtMs !== undefined && <> · {rich('task.expires', { time: <Ago atMs={expiresAtMs} /> })}</>}
      </span>
    );
  if (state === 'aggregating' && group !== undefined) return <span>{t('task.inGroup', { group })}</span>;
  return null;
}

function Attempts({ task: { retried, maxRetry, state } }: { readonly task: TaskRow }) {
  const { t } = useI18n();
  if (retried === 0 && state !== 'retry' && state !== 'archived') return null;
  return <span className="muted">{t('task.retried', { retried, maxRetry })}</span>;
}

function Crashes({ count }: { readonly count: number }) {
  const { t } = useI18n();
  return <span className="warn-text">{t('task.crashes', { n: count })}</span>;
}

function Progressed({ task }: { readonly task: TaskRow }) {
  const { t, format } = useI18n();
  const { share, note } = task.progress!;
  return (
    <span className="task-progress">
      <ProgressBar share={share} label={t('task.progress')} />
      {format.percent(share)} {note}
    </span>
  );
}
