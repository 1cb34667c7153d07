import { CirclePause, CirclePlay, EllipsisVertical, Inbox } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef } from 'react';
import { commands } from '../../../../src/api/commands.js';
import type { QueueDetails, QueueRow, TaskState } from '../../../../src/api/queues.js';
import { READS } from '../../../../src/api/routes.js';
import { QueueActionItems, useHasQueueActions, usePause } from '../../actions/queue-actions.js';
import { useRights } from '../../actions/rights.js';
import { useI18n } from '../../i18n/i18n.js';
import { PageHead } from '../../layout/page-head.js';
import { Button } from '../../parts/button.js';
import { CommandLine, CopyButton } from '../../parts/copy.js';
import { Menu } from '../../parts/menu.js';
import { STATES, stateKey } from '../../parts/state-marks.js';
import { Empty, Loaded } from '../../parts/states.js';
import { PageLink } from '../../routing/page-link.js';
import { usePlace } from '../../routing/place.js';
import { useLive } from '../../server/live.js';
import { useRead } from '../../server/reads.js';
import { TroubleWords } from '../overview/trouble-words.js';
import { QueueFacts } from './queue-facts.js';
import { QueueInsights } from './queue-insights.js';
import { QueueTasks } from './queue-tasks.js';

/** The tasks of a state, or how the queue has fared. */
type Tab = TaskState | 'insights';

/** One queue: its state in words, its tasks by state, its history. */
export function QueueScreen({ queue }: { readonly queue: string }) {
  const { t } = useI18n();
  const { params } = usePlace();
  const details = useRead<QueueDetails>(READS.queue, { queue });
  const live = useLive({ queue: useMemo(() => [queue], [queue]) });
  const read = details.data?.queue;
  const pushed = live.message?.queues.find((row) => row.queue === queue);
  const row = pushed && (!read || pushed.readAtMs >= read.readAtMs) ? pushed : read;
  const asked = params.get('state') as Tab | null;
  const tab = asked ?? (row ? firstTab(row) : 'pending');

  return (
    <>
      <nav className="crumbs" aria-label={t('crumbs')}>
        <PageLink page="">{t('queues')}</PageLink>
      </nav>
      <PageHead
        name={queue}
        title={
          <>
            <span className="name">{queue}</span> <CopyButton text={queue} label={t('copy')} />
          </>
        }
      >
        {row && <QueueButtons queue={row} />}
      </PageHead>
      {row && <TroubleWords troubles={row.troubles} />}
      <Loaded query={details} lines={10}>
        {(answer) => (
          <>
            <QueueFacts details={{ ...answer, queue: row ?? answer.queue }} />
            <Tabs queue={row ?? answer.queue} tab={tab} />
            {tab === 'insights' ? (
              <QueueInsights details={answer} />
            ) : STATES.includes(tab) ? (
              <QueueTasks key={tab} queue={row ?? answer.queue} state={tab} />
            ) : (
              <Empty icon={Inbox} title={t('queue.noSuchState')} />
            )}
          </>
        )}
      </Loaded>
      {tab === 'insights' && <CommandLine command={commands.history(queue, 90)} />}
      {tab !== 'insights' && <CommandLine command={commands.tasks(queue, tab, params.get('group') ?? undefined)} />}
    </>
  );
}

function Tabs({ queue: { queue, counts }, tab }: { readonly queue: QueueRow; readonly tab: Tab }) {
  const { t } = useI18n();
  const tabs = useRef<HTMLElement>(null);
  // On a narrow screen not all have room.
  useEffect(() => {
    tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [tab]);
  const link = (to: Tab, children: ReactNode) => (
    <PageLink
      key={to}
      page="queue"
      params={{ queue, state: to }}
      replace
      className="tab"
      aria-current={tab === to ? 'page' : undefined}
    >
      {children}
    </PageLink>
  );
  return (
    <nav ref={tabs} className="tabs" aria-label={t('queue.tabs')}>
      {STATES.map((state) =>
        link(
          state,
          <>
            <span className={`tab-mark state-${state}`} aria-hidden />
            {t(stateKey(state))} <Count value={counts[state]} />
          </>,
        ),
      )}
      {link('insights', t('queue.insights'))}
    </nav>
  );
}

function Count({ value }: { readonly value: number }) {
  const { format } = useI18n();
  return <span className={`count ${value === 0 ? 'zero' : ''}`}>{format.compact(value)}</span>;
}

/** The state that one most likely wants to see: what has failed, runs or waits. */
function firstTab({ counts }: QueueRow): TaskState {
  const order: readonly TaskState[] = [
    'active',
    'pending',
    'retry',
    'archived',
    'scheduled',
    'aggregating',
    'completed',
  ];
  return order.find((state) => counts[state] > 0) ?? 'pending';
}

function QueueButtons({ queue }: { readonly queue: QueueRow }) {
  const { t } = useI18n();
  const { may } = useRights();
  const hasActions = useHasQueueActions();
  const setPaused = usePause();
  const { isPaused, right } = queue;
  return (
    <>
      {may(isPaused ? 'resumeQueue' : 'pauseQueue', right) && (
        <Button
          look={isPaused ? 'primary' : 'plain'}
          icon={isPaused ? <CirclePlay size={16} aria-hidden /> : <CirclePause size={16} aria-hidden />}
          onClick={() => void setPaused(queue.queue, !isPaused)}
        >
          {t(isPaused ? 'act.resumeQueue' : 'act.pauseQueue')}
        </Button>
      )}
      {hasActions(queue) && (
        <Menu
          trigger={
            <button type="button" className="button button-plain" aria-label={t('actions.of', { name: queue.queue })}>
              <EllipsisVertical size={16} aria-hidden />
            </button>
          }
        >
          <QueueActionItems queue={queue} hasPause={false} />
        </Menu>
      )}
    </>
  );
}
