import type { StateCounts, TaskState } from '../../../src/api/queues.js';
import { useI18n } from '../i18n/i18n.js';
import type { MessageKey } from '../i18n/messages.js';

/** In the order of a task's life, and of all lists and bars. */
export const STATES: readonly TaskState[] = [
  'active',
  'pending',
  'aggregating',
  'scheduled',
  'retry',
  'archived',
  'completed',
];

export const stateKey = (state: TaskState): MessageKey => `state.${state}`;

/** The name of a state with its colour. */
export function StateBadge({ state }: { readonly state: TaskState }) {
  const { t } = useI18n();
  return <span className={`state state-${state}`}>{t(stateKey(state))}</span>;
}

/** How the tasks of a queue are spread over the states. */
export function StateBar({ counts }: { readonly counts: StateCounts }) {
  const { t, format } = useI18n();
  const size = STATES.reduce((sum, state) => sum + counts[state], 0);
  const shown = STATES.filter((state) => counts[state] > 0);
  const text = shown.map((state) => `${t(stateKey(state))} ${format.number(counts[state])}`).join(', ');
  return (
    <div className="state-bar" role="img" aria-label={text || t('queue.isEmpty')} title={text}>
      {shown.map((state) => (
        // The square root lets small states be seen beside large ones.
        <span key={state} className={`state-${state}`} style={{ flexGrow: Math.sqrt(counts[state] / size) }} />
      ))}
    </div>
  );
}
