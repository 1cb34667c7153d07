import type { ReactNode } from 'react';
import type { TaskDetails, TaskRow } from '../../../../src/api/tasks.js';
import { useI18n } from '../../i18n/i18n.js';
import { Ago, AtAndAgo, Since } from '../../parts/time.js';
import { PageLink } from '../../routing/page-link.js';
import { useNowMs } from '../../server/server-clock.js';

interface TaskFactsProps {
  readonly details: TaskDetails;
  readonly task: TaskRow;
}

/** Times, attempts, limits and places of a task. */
export function TaskFacts({ details, task }: TaskFactsProps) {
  const { t, format } = useI18n();
  const nowMs = useNowMs();
  const { timeoutMs, retentionMs, lock } = details;
  const { worker } = task;
  return (
    <div className="card">
      <div className="card-head">
        <h2>{t('task.facts')}</h2>
      </div>
      <dl className="facts">
        <Fact name={t('queue')}>
          <PageLink page="queue" params={{ queue: task.queue }}>
            {task.queue}
          </PageLink>
        </Fact>
        {task.partition !== undefined && (
          <Fact name={t('task.partition')}>
            <code>{task.partition}</code>
          </Fact>
        )}
        {task.group !== undefined && (
          <Fact name={t('group')}>
            <PageLink page="queue" params={{ queue: task.queue, state: 'aggregating', group: task.group }}>
              {task.group}
            </PageLink>
          </Fact>
        )}
        {worker && (
          <Fact name={t('task.server')}>
            <PageLink page="servers">
              {worker.host}:{worker.pid}
            </PageLink>
            <div className="muted">
              {t('task.running')} <Since atMs={worker.startedAtMs} />
            </div>
            {worker.deadlineAtMs > nowMs && (
              <div className="muted">
                {t('task.abortedAt')} <Ago atMs={worker.deadlineAtMs} />
              </div>
            )}
          </Fact>
        )}
        {task.nextProcessAtMs !== undefined && task.state !== 'active' && (
          <Fact name={t('task.next')}>
            <AtAndAgo atMs={task.nextProcessAtMs} />
          </Fact>
        )}
        <Fact name={t('task.attempts')}>
          {t('task.attempts.of', { retried: task.retried, maxRetry: task.maxRetry })}
        </Fact>
        {task.crashes > 0 && (
          <Fact name={t('task.crashes.name')}>
            <span className="warn-text">{t('task.crashes', { n: task.crashes })}</span>
          </Fact>
        )}
        {task.lastFailedAtMs !== undefined && (
          <Fact name={t('task.lastFailed')}>
            <AtAndAgo atMs={task.lastFailedAtMs} />
          </Fact>
        )}
        {task.completedAtMs !== undefined && (
          <Fact name={t('task.completedAt')}>
            <AtAndAgo atMs={task.completedAtMs} />
          </Fact>
        )}
        {task.expiresAtMs !== undefined && (
          <Fact name={t('task.expiresAt')}>
            <AtAndAgo atMs={task.expiresAtMs} />
          </Fact>
        )}
        <Fact name={t('task.timeout')}>{timeoutMs === undefined ? t('none') : format.duration(timeoutMs)}</Fact>
        {task.deadlineAtMs !== undefined && (
          <Fact name={t('task.deadline')}>
            <AtAndAgo atMs={task.deadlineAtMs} />
          </Fact>
        )}
        <Fact name={t('task.retention')}>{retentionMs === 0 ? t('task.notKept') : format.duration(retentionMs)}</Fact>
        <Fact name={t('task.lock')}>
          {lock ? t('task.lock.for', { time: format.duration(lock.expiresInMs) }) : t('none')}
        </Fact>
      </dl>
    </div>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
