import { ArrowDown, ArrowUp, EllipsisVertical } from 'lucide-react';
import type { DOMAttributes } from 'react';
import type { QueueRow, QueueSort } from '../../../../src/api/queues.js';
import { QueueActionItems, useHasQueueActions } from '../../actions/queue-actions.js';
import { Sparkline } from '../../charts/sparkline.js';
import { useI18n } from '../../i18n/i18n.js';
import type { MessageKey } from '../../i18n/messages.js';
import { useListKeys } from '../../keyboard/list-keys.js';
import { Menu } from '../../parts/menu.js';
import { StateBar } from '../../parts/state-marks.js';
import { PageLink } from '../../routing/page-link.js';
import { useRights } from '../../actions/rights.js';
import type { Selection } from '../../tasks/selection.js';
import { SelectAllHead, SelectCell } from '../../tasks/selection-cells.js';
import { TroubleWords } from './trouble-words.js';

interface Column {
  readonly sort: QueueSort;
  readonly label: MessageKey;
  readonly value: (queue: QueueRow) => number;
  /** Left out where there is no room. */
  readonly from?: 'wide' | 'wider';
}

const COLUMNS: readonly Column[] = [
  { sort: 'size', label: 'queue.size', value: ({ size }) => size },
  { sort: 'active', label: 'state.active', value: ({ counts }) => counts.active, from: 'wide' },
  { sort: 'pending', label: 'state.pending', value: ({ counts }) => counts.pending, from: 'wide' },
  { sort: 'retry', label: 'state.retry', value: ({ counts }) => counts.retry, from: 'wider' },
  { sort: 'archived', label: 'state.archived', value: ({ counts }) => counts.archived, from: 'wider' },
];

export interface QueueOrder {
  readonly sort: QueueSort;
  readonly order: 'asc' | 'desc';
}

interface QueueTableProps {
  readonly queues: readonly QueueRow[];
  readonly gone: ReadonlySet<string>;
  readonly selection: Selection<QueueRow>;
  readonly order: QueueOrder;
  readonly onOrder: (order: QueueOrder) => void;
  readonly hold: DOMAttributes<HTMLElement>;
}

export function QueueTable({ queues, gone, selection, order, onOrder, hold }: QueueTableProps) {
  const { t, format } = useI18n();
  const list = useListKeys<HTMLTableElement>();
  const hasActions = useHasQueueActions();
  const { may } = useRights();
  const selectable = queues.filter(({ right }) => may('pauseQueue', right));
  const isSelectable = selectable.length > 0;
  const head = { order, onOrder };
  return (
    <table ref={list} className="table queue-table" aria-label={t('queues')} {...hold}>
      <thead>
        <tr>
          {isSelectable && <SelectAllHead selection={selection} rows={selectable} />}
          <SortHead {...head} sort="queue" label="queue" />
          <th className="from-wide">{t('queue.states')}</th>
          {COLUMNS.map(({ sort, label, from }) => (
            <SortHead
              key={sort}
              {...head}
              sort={sort}
              label={label}
              className={`number ${from ? `from-${from}` : ''}`}
            />
          ))}
          <SortHead {...head} sort="latencyMs" label="queue.latency" className="number" />
          <SortHead {...head} sort="processedToday" label="queue.processed" className="number from-wide" />
          <SortHead {...head} sort="failedToday" label="queue.errorRate" className="number from-wide" />
          <th className="from-wider">{t('queue.spark')}</th>
          <th className="cell-menu">
            <span className="hidden-text">{t('actions')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {queues.map((queue) => {
          const { queue: name, counts, latencyMs, processedToday, failedToday } = queue;
          return (
            <tr
              key={name}
              className={`${selection.has(queue) ? 'row-selected' : ''} ${gone.has(name) ? 'row-gone' : ''}`}
            >
              {isSelectable &&
                (may('pauseQueue', queue.right) ? (
                  <SelectCell selection={selection} rows={selectable} row={queue} name={name} />
                ) : (
                  <td className="cell-check" />
                ))}
              <td className="cell-queue">
                <span className="queue-name">
                  <PageLink page="queue" params={{ queue: name }} data-row>
                    {name}
                  </PageLink>
                  {queue.partitions && (
                    <span className="muted"> · {t('queue.parts', { n: queue.partitions.length })}</span>
                  )}
                </span>
                <TroubleWords troubles={queue.troubles} />
              </td>
              <td className="cell-bar from-wide">
                <StateBar counts={counts} />
              </td>
              {COLUMNS.map(({ sort, value, from }) => {
                const count = value(queue);
                return (
                  <td key={sort} className={`number ${from ? `from-${from}` : ''} ${count === 0 ? 'zero' : ''}`}>
                    {format.number(count)}
                  </td>
                );
              })}
              <td className={`number ${latencyMs === 0 ? 'zero' : ''}`}>
                {latencyMs === 0 ? '–' : format.duration(latencyMs, 'narrow')}
              </td>
              <td className={`number from-wide ${processedToday === 0 ? 'zero' : ''}`}>
                {format.compact(processedToday)}
              </td>
              <td className={`number from-wide ${failedToday === 0 ? 'zero' : ''}`}>
                {processedToday === 0 ? '–' : format.percent(failedToday / processedToday)}
              </td>
              <td className="from-wider">
                <Sparkline values={queue.spark} />
              </td>
              <td className="cell-menu">
                {hasActions(queue) && (
                  <Menu
                    trigger={
                      <button type="button" className="icon-button" aria-label={t('actions.of', { name })}>
                        <EllipsisVertical size={17} aria-hidden />
                      </button>
                    }
                  >
                    <QueueActionItems queue={queue} />
                  </Menu>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

interface SortHeadProps {
  readonly sort: QueueSort;
  readonly label: MessageKey;
  readonly order: QueueOrder;
  readonly onOrder: (order: QueueOrder) => void;
  readonly className?: string;
}

function SortHead({ sort, label, order, onOrder, className = '' }: SortHeadProps) {
  const { t } = useI18n();
  const isSorted = order.sort === sort;
  const first = sort === 'queue' ? 'asc' : 'desc';
  const next = isSorted && order.order === first ? (first === 'asc' ? 'desc' : 'asc') : first;
  const Arrow = order.order === 'asc' ? ArrowUp : ArrowDown;
  return (
    <th className={className} aria-sort={isSorted ? (order.order === 'asc' ? 'ascending' : 'descending') : undefined}>
      <button type="button" className="sort" onClick={() => onOrder({ sort, order: next })}>
        {t(label)}
        {isSorted && <Arrow size={13} aria-hidden />}
      </button>
    </th>
  );
}
