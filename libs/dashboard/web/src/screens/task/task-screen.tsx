import { ExternalLink } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { commands } from '../../../../src/api/commands.js';
import { READS } from '../../../../src/api/routes.js';
import type { TaskDetails, TaskRow } from '../../../../src/api/tasks.js';
import { ContentView } from '../../exact/content-view.js';
import { useI18n } from '../../i18n/i18n.js';
import { PageHead } from '../../layout/page-head.js';
import { Button } from '../../parts/button.js';
import { CommandLine, CopyButton } from '../../parts/copy.js';
import { ProgressBar } from '../../parts/progress-bar.js';
import { StateBadge } from '../../parts/state-marks.js';
import { Loaded } from '../../parts/states.js';
import { PageLink } from '../../routing/page-link.js';
import { useLive } from '../../server/live.js';
import { useRead } from '../../server/reads.js';
import { TaskButtons } from './task-buttons.js';
import { TaskFacts } from './task-facts.js';

/** Everything about one task. */
export function TaskScreen({ queue, id }: { readonly queue: string; readonly id: string }) {
  const { t } = useI18n();
  const [isFull, setFull] = useState(false);
  const details = useRead<TaskDetails>(
    READS.task,
    { queue, id, full: isFull ? 1 : undefined },
    { keepsPrevious: true },
  );
  const live = useLive(useMemo(() => ({ taskQueue: queue, taskId: id }), [queue, id]));
  const pushed = live.message?.task?.id === id ? live.message.task : undefined;
  const { data, refetch } = details;
  // The rest is read again when the task has moved on.
  const isBehind =
    data !== undefined &&
    pushed !== undefined &&
    (pushed.state !== data.task.state || pushed.retried !== data.task.retried);
  useEffect(() => {
    if (isBehind) void refetch();
  }, [isBehind, pushed?.state, pushed?.retried, refetch]);

  return (
    <>
      <nav className="crumbs" aria-label={t('crumbs')}>
        <PageLink page="">{t('queues')}</PageLink>
        <span aria-hidden>/</span>
        <PageLink page="queue" params={{ queue, ...(data && { state: data.task.state }) }}>
          {queue}
        </PageLink>
      </nav>
      <PageHead name={id} title={<span className="name">{data?.task.type ?? t('task')}</span>}>
        {data && <TaskButtons details={data} />}
      </PageHead>
      <div className="task-sub">
        <span className="task-full-id">
          <code>{id}</code> <CopyButton text={id} label={t('task.copyId')} />
        </span>
        {data && <StateBadge state={pushed?.state ?? data.task.state} />}
        {data?.task.isOrphaned && <span className="warn-text">{t('task.isOrphaned')}</span>}
      </div>
      {pushed && pushed.state === undefined && <p className="warning">{t('task.left')}</p>}
      <Loaded query={details} lines={12}>
        {(answer) => {
          const task: TaskRow = pushed
            ? {
                ...answer.task,
                progress: pushed.progress ?? answer.task.progress,
                worker: pushed.worker ?? answer.task.worker,
              }
            : answer.task;
          return (
            <div className="task-grid">
              <div className="task-main">
                {task.progress && <TaskProgress task={task} />}
                {answer.error.text !== '' && <TaskError error={answer.error} onWhole={() => setFull(true)} />}
                <ContentView
                  label={t('task.payload')}
                  content={task.payload}
                  onWhole={isFull ? undefined : () => setFull(true)}
                />
                {task.result && (
                  <ContentView
                    label={t('task.result')}
                    content={task.result}
                    onWhole={isFull ? undefined : () => setFull(true)}
                  />
                )}
                <Headers headers={answer.headers} />
              </div>
              <aside className="task-aside" aria-label={t('task.facts')}>
                <TaskFacts details={answer} task={task} />
                {(answer.links.length > 0 || answer.traceId !== undefined) && <Links details={answer} />}
              </aside>
            </div>
          );
        }}
      </Loaded>
      <CommandLine command={commands.task(queue, id)} />
    </>
  );
}

function TaskProgress({ task }: { readonly task: TaskRow }) {
  const { t, format } = useI18n();
  const { share, note } = task.progress!;
  return (
    <section className="card task-progress-card" aria-label={t('task.progress')}>
      <div className="card-head">
        <h2>{t('task.progress')}</h2>
        <b>{format.percent(share)}</b>
        {note !== undefined && <span className="muted">{note}</span>}
      </div>
      <ProgressBar share={share} label={t('task.progress')} />
    </section>
  );
}

interface TaskErrorProps {
  readonly error: TaskDetails['error'];
  readonly onWhole: () => void;
}

function TaskError({ error: { text, isCut, isRedacted }, onWhole }: TaskErrorProps) {
  const { t } = useI18n();
  return (
    <section className="card card-bad" aria-label={t('task.error')}>
      <header className="card-head">
        <h2>{t('task.error')}</h2>
        <span className="gap" />
        <CopyButton text={text} label={t('copy')} />
      </header>
      {isRedacted && <p className="note">{t('content.redacted')}</p>}
      <pre className="raw raw-error" tabIndex={0} aria-label={t('task.error')}>
        {text}
      </pre>
      {isCut && (
        <Button look="quiet" onClick={onWhole}>
          {t('content.whole')}
        </Button>
      )}
    </section>
  );
}

function Headers({ headers }: { readonly headers: TaskDetails['headers'] }) {
  const { t } = useI18n();
  if (headers.length === 0) return null;
  return (
    <section className="card" aria-label={t('task.headers')}>
      <header className="card-head">
        <h2>{t('task.headers')}</h2>
      </header>
      <table className="table headers">
        <thead className="hidden-text">
          <tr>
            <th>{t('header.name')}</th>
            <th>{t('header.value')}</th>
          </tr>
        </thead>
        <tbody>
          {headers.map(({ name, value, isRedacted }) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>
                <code>{value}</code>
                {isRedacted && <span className="muted"> ({t('header.redacted')})</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Links({ details: { links, traceId } }: { readonly details: TaskDetails }) {
  const { t } = useI18n();
  return (
    <div className="card">
      <div className="card-head">
        <h2>{t('task.links')}</h2>
      </div>
      <ul className="links">
        {links
          .filter(({ url }) => isSafe(url))
          .map(({ label, url }) => (
            <li key={url}>
              <a href={url} rel="noreferrer" target="_blank">
                {label} <ExternalLink size={13} aria-hidden />
                <span className="hidden-text">{t('task.newTab')}</span>
              </a>
            </li>
          ))}
        {traceId !== undefined && (
          <li>
            <span className="muted">{t('task.trace')}</span> <code className="trace">{traceId}</code>{' '}
            <CopyButton text={traceId} label={t('copy')} />
          </li>
        )}
      </ul>
    </div>
  );
}

/** A link that an app builds from the data of a task may have become a script. */
function isSafe(url: string): boolean {
  try {
    return ['http:', 'https:'].includes(new URL(url, document.baseURI).protocol);
  } catch {
    return false;
  }
}
