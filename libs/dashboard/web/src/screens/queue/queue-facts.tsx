import type { QueueDetails, QueueMemory } from '../../../../src/api/queues.js';
import { READS } from '../../../../src/api/routes.js';
import { useI18n } from '../../i18n/i18n.js';
import { Button } from '../../parts/button.js';
import { AtAndAgo } from '../../parts/time.js';
import { PageLink } from '../../routing/page-link.js';
import { useRead } from '../../server/reads.js';
import { useState } from 'react';

/** The figures of a queue. */
export function QueueFacts({ details: { queue, servedBy, clusterSlot } }: { readonly details: QueueDetails }) {
  const { t, format } = useI18n();
  const { size, latencyMs, processedToday, failedToday, processedTotal, failedTotal, processedPerS } = queue;
  return (
    <dl className="facts facts-row card">
      <div>
        <dt>{t('queue.status')}</dt>
        <dd>
          {queue.isPaused ? (
            <span className="warn-text">
              {t('queue.isPaused')} {queue.pausedAtMs !== undefined && <AtAndAgo atMs={queue.pausedAtMs} />}
            </span>
          ) : (
            t('queue.runs')
          )}
        </dd>
      </div>
      <div>
        <dt>{t('queue.size')}</dt>
        <dd>{format.number(size)}</dd>
      </div>
      <div>
        <dt>{t('queue.latency')}</dt>
        <dd>{latencyMs === 0 ? '–' : format.duration(latencyMs)}</dd>
      </div>
      <div>
        <dt>{t('queue.rate')}</dt>
        <dd>{processedPerS === undefined ? '–' : t('perSecond', { rate: format.rate(processedPerS) })}</dd>
      </div>
      <div>
        <dt>{t('queue.today')}</dt>
        <dd>
          {format.number(processedToday)}
          {failedToday > 0 && <div className="bad small">{t('queue.failed', { n: failedToday })}</div>}
        </dd>
      </div>
      <div>
        <dt>{t('queue.total')}</dt>
        <dd>
          {format.number(processedTotal)}
          {failedTotal > 0 && <div className="muted small">{t('queue.failed', { n: failedTotal })}</div>}
        </dd>
      </div>
      <div>
        <dt>{t('queue.servedBy')}</dt>
        <dd>
          {servedBy.length === 0 ? (
            t('queue.nobody')
          ) : (
            <PageLink page="servers" title={servedBy.map(({ host, pid }) => `${host}:${pid}`).join('\n')}>
              {t('queue.servers', { n: servedBy.length })}
            </PageLink>
          )}
        </dd>
      </div>
      <div>
        <dt>{t('queue.memory')}</dt>
        <dd>
          <Memory queue={queue.queue} />
        </dd>
      </div>
      {clusterSlot !== undefined && (
        <div>
          <dt>{t('queue.slot')}</dt>
          <dd>{clusterSlot}</dd>
        </div>
      )}
    </dl>
  );
}

/** Asked for only on request: it costs Redis a sample of the tasks. */
function Memory({ queue }: { readonly queue: string }) {
  const { t, format } = useI18n();
  const [isAsked, setAsked] = useState(false);
  const memory = useRead<QueueMemory>(READS.memory, { queue }, { repeats: false, isEnabled: isAsked });
  if (!isAsked)
    return (
      <Button look="quiet" className="inline" onClick={() => setAsked(true)}>
        {t('queue.memory.ask')}
      </Button>
    );
  if (memory.error) return t('queue.memory.unknown');
  if (!memory.data) return t('loading');
  const { bytes } = memory.data;
  return bytes === undefined ? t('queue.memory.unknown') : t('queue.memory.about', { bytes: format.bytes(bytes) });
}
