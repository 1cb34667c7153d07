import { Database, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { commands } from '../../../../src/api/commands.js';
import type { RedisAnswer, RedisNode } from '../../../../src/api/fleet.js';
import { READS } from '../../../../src/api/routes.js';
import { useI18n } from '../../i18n/i18n.js';
import { PageHead } from '../../layout/page-head.js';
import { CommandLine } from '../../parts/copy.js';
import { ProgressBar } from '../../parts/progress-bar.js';
import { Empty, Loaded } from '../../parts/states.js';
import { Ago } from '../../parts/time.js';
import { PageLink } from '../../routing/page-link.js';
import { useRead } from '../../server/reads.js';

/** The nodes of Redis, and where the queues lie in a cluster. */
export function RedisScreen() {
  const { t } = useI18n();
  const redis = useRead<RedisAnswer>(READS.redis);
  return (
    <>
      <PageHead name={t('nav.redis')} title={t('nav.redis')} />
      <Loaded query={redis} lines={10}>
        {(answer) => (
          <>
            {answer.kind === 'memory' && (
              <Empty icon={Database} title={t('redis.memory')}>
                {t('redis.memory.text')}
              </Empty>
            )}
            {answer.kind !== 'memory' && answer.nodes.map((node) => <NodeCard key={node.address} node={node} />)}
            {Object.keys(answer.cluster).length > 0 && <Info title={t('redis.cluster')} info={answer.cluster} />}
            {answer.queues.length > 0 && (
              <section aria-label={t('redis.slots')}>
                <h2>{t('redis.slots')}</h2>
                <div className="table-box">
                  <table className="table" aria-label={t('redis.slots')}>
                    <thead>
                      <tr>
                        <th>{t('queue')}</th>
                        <th className="number">{t('queue.slot')}</th>
                        <th>{t('redis.nodes')}</th>
                      </tr>
                    </thead>
                    <tbody>
                      {answer.queues.map(({ queue, slot, nodes }) => (
                        <tr key={queue}>
                          <td>
                            <PageLink page="queue" params={{ queue }}>
                              {queue}
                            </PageLink>
                          </td>
                          <td className="number">{slot}</td>
                          <td>
                            <code>{nodes.join(', ')}</code>
                          </td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                </div>
              </section>
            )}
          </>
        )}
      </Loaded>
      <CommandLine command={commands.overview()} />
    </>
  );
}

function NodeCard({ node }: { readonly node: RedisNode }) {
  const { t, format } = useI18n();
  const { usedBytes, maxBytes, peakBytes } = node;
  const facts: readonly (readonly [string, string | undefined])[] = [
    [t('redis.version'), node.version],
    [t('redis.uptime'), node.uptimeS === undefined ? undefined : format.duration(node.uptimeS * 1_000)],
    [t('redis.clients'), number(node.clients)],
    [t('redis.replicas'), number(node.replicas)],
    [t('redis.ops'), node.opsPerS === undefined ? undefined : t('perSecond', { rate: format.compact(node.opsPerS) })],
    [t('redis.fragmentation'), number(node.fragmentation)],
    [t('redis.policy'), node.evictionPolicy],
    [t('redis.evicted'), number(node.evictedKeys)],
    [t('redis.appendOnly'), node.appendOnly === undefined ? undefined : t(node.appendOnly ? 'yes' : 'no')],
    [t('redis.changes'), number(node.changesSinceSave)],
  ];
  function number(value: number | undefined): string | undefined {
    return value === undefined ? undefined : format.number(value);
  }
  return (
    <section className="card" aria-label={node.address}>
      <header className="card-head">
        <h2>{node.address}</h2>
        {node.role !== 'unknown' && <span className="muted">{t(`redis.role.${node.role}`)}</span>}
      </header>
      {node.problem !== undefined && (
        <p className="warning">
          <TriangleAlert size={16} aria-hidden /> {node.problem}
        </p>
      )}
      {node.warnings.map((warning) => (
        <p key={warning} className="warning">
          <TriangleAlert size={16} aria-hidden /> {t(`redis.warning.${warning}`, { policy: node.evictionPolicy ?? '' })}
        </p>
      ))}
      {usedBytes !== undefined && (
        <div className="redis-memory">
          <span>
            <b>{format.bytes(usedBytes)}</b>{' '}
            {maxBytes !== undefined && maxBytes > 0
              ? t('redis.usedOf', { limit: format.bytes(maxBytes), share: format.percent(usedBytes / maxBytes) })
              : t('redis.usedNoLimit')}
            {peakBytes !== undefined && (
              <span className="muted"> · {t('redis.peak', { peak: format.bytes(peakBytes) })}</span>
            )}
          </span>
          {maxBytes !== undefined && maxBytes > 0 && (
            <ProgressBar share={usedBytes / maxBytes} label={t('redis.usedMemory')} />
          )}
        </div>
      )}
      <dl className="facts facts-row">
        {facts.map(
          ([name, value]) =>
            value !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
        {node.lastSaveAtMs !== undefined && (
          <div>
            <dt>{t('redis.lastSave')}</dt>
            <dd>
              <Ago atMs={node.lastSaveAtMs} />
            </dd>
          </div>
        )}
      </dl>
      {Object.keys(node.info).length > 0 && <Info title="INFO" info={node.info} />}
    </section>
  );
}

/** All that Redis tells about itself, to search in. */
function Info({ title, info }: { readonly title: string; readonly info: Readonly<Record<string, string>> }) {
  const { t } = useI18n();
  const [text, setText] = useState('');
  const shown = Object.entries(info).filter(([name, value]) => `${name}:${value}`.includes(text.trim().toLowerCase()));
  return (
    <details className="info">
      <summary>
        {title} <span className="count">{Object.keys(info).length}</span>
      </summary>
      <input
        className="input"
        type="search"
        aria-label={t('redis.info.filter')}
        placeholder={t('redis.info.filter')}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="info-lines" tabIndex={0} role="region" aria-label={title}>
        <table>
          <tbody>
            {shown.map(([name, value]) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
