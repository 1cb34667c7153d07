import { ChevronDown, ServerOff } from 'lucide-react';
import { useState } from 'react';
import { commands } from '../../../../src/api/commands.js';
import type { ServerRow, ServersAnswer } from '../../../../src/api/fleet.js';
import { READS } from '../../../../src/api/routes.js';
import { previewOf } from '../../exact/content-view.js';
import { useI18n } from '../../i18n/i18n.js';
import { PageHead } from '../../layout/page-head.js';
import { CommandLine } from '../../parts/copy.js';
import { ProgressBar } from '../../parts/progress-bar.js';
import { Empty, Loaded } from '../../parts/states.js';
import { Ago, AtAndAgo, Since } from '../../parts/time.js';
import { PageLink } from '../../routing/page-link.js';
import { useRead } from '../../server/reads.js';
import { Warnings } from '../overview/warnings.js';

/** The servers, and what each of them runs. */
export function ServersScreen() {
  const { t, format } = useI18n();
  const servers = useRead<ServersAnswer>(READS.servers);
  return (
    <>
      <PageHead name={t('nav.servers')} title={t('nav.servers')}>
        {servers.data && servers.data.servers.length > 0 && (
          <span className="muted">
            {t('servers.sum', {
              n: servers.data.servers.length,
              busy: sum(servers.data.servers, ({ busy }) => busy),
              limit: format.number(sum(servers.data.servers, ({ concurrency }) => concurrency)),
            })}
          </span>
        )}
      </PageHead>
      <Warnings warnings={(servers.data?.warnings ?? []).filter(({ code }) => code !== 'noServers')} />
      <Loaded query={servers} lines={8}>
        {({ servers: rows }) =>
          rows.length === 0 ? (
            <Empty icon={ServerOff} title={t('servers.none')}>
              {t('servers.none.do')}
            </Empty>
          ) : (
            <ul className="servers">
              {[...rows]
                .sort((one, other) => `${one.host}:${one.pid}`.localeCompare(`${other.host}:${other.pid}`))
                .map((server) => (
                  <li key={server.id}>
                    <ServerCard server={server} />
                  </li>
                ))}
            </ul>
          )
        }
      </Loaded>
      <CommandLine command={commands.servers()} />
    </>
  );
}

function ServerCard({ server }: { readonly server: ServerRow }) {
  const { t, format } = useI18n();
  const [isOpen, setOpen] = useState(true);
  const { host, pid, status, busy, concurrency, workers, queues, queueCount, weights, strictPriority, startedAtMs } =
    server;
  const name = `${host}:${pid}`;
  return (
    <section className="card server" aria-label={name}>
      <header className="card-head">
        <span className={`server-dot server-${status}`} aria-hidden />
        <h2>{name}</h2>
        <span className="muted">{t(`server.${status}`)}</span>
        <span className="gap" />
        <span className="server-load">
          <ProgressBar share={concurrency === 0 ? 0 : busy / concurrency} label={t('server.load')} />
          {t('server.busy', { busy, limit: concurrency })}
        </span>
      </header>
      <dl className="facts facts-row">
        <div>
          <dt>{t('server.started')}</dt>
          <dd>
            <AtAndAgo atMs={startedAtMs} />
          </dd>
        </div>
        <div>
          <dt>
            {t('server.queues')} {strictPriority && <span className="muted">({t('server.strict')})</span>}
          </dt>
          <dd className="server-queues">
            {queues.map(({ queue, weight }) => (
              <PageLink
                key={queue}
                page="queue"
                params={{ queue }}
                className="weight"
                title={t('server.weight', { weight })}
              >
                {queue}{' '}
                <b>
                  {strictPriority || weights === 0
                    ? weight
                    : format.percent(Math.round((100 * weight) / weights) / 100)}
                </b>
              </PageLink>
            ))}
            {queueCount > queues.length && (
              <span className="muted">{t('server.moreQueues', { n: queueCount - queues.length })}</span>
            )}
          </dd>
        </div>
      </dl>
      {busy > 0 && (
        <>
          <button type="button" className="disclose" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            <ChevronDown size={15} aria-hidden className={isOpen ? '' : 'turned'} /> {t('server.running', { n: busy })}
          </button>
          {isOpen && (
            <div className="table-box table-box-flat">
              <table className="table" aria-label={t('server.running', { n: busy })}>
                <thead>
                  <tr>
                    <th>{t('task')}</th>
                    <th>{t('queue')}</th>
                    <th className="cell-payload">{t('task.payload')}</th>
                    <th>{t('server.since')}</th>
                    <th className="from-wide">{t('server.deadline')}</th>
                  </tr>
                </thead>
                <tbody>
                  {workers.map((worker) => (
                    <tr key={JSON.stringify([worker.queue, worker.id])}>
                      <td className="cell-task">
                        <PageLink page="task" params={{ queue: worker.queue, id: worker.id }} className="task-link">
                          <span className="task-type">{worker.type}</span>
                          <span className="task-id">{worker.id}</span>
                        </PageLink>
                      </td>
                      <td>
                        <PageLink page="queue" params={{ queue: worker.queue, state: 'active' }}>
                          {worker.queue}
                        </PageLink>
                      </td>
                      <td className="cell-payload">
                        <code className="preview">{previewOf(worker.payload)}</code>
                      </td>
                      <td>
                        <Since atMs={worker.startedAtMs} />
                      </td>
                      <td className="from-wide">
                        <Ago atMs={worker.deadlineAtMs} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
          {isOpen && busy > workers.length && (
            <p className="muted server-rest">{t('server.moreRunning', { n: busy - workers.length })}</p>
          )}
        </>
      )}
    </section>
  );
}

function sum<Row>(rows: readonly Row[], figure: (row: Row) => number): number {
  return rows.reduce((total, row) => total + figure(row), 0);
}
