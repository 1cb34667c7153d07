import { useI18n } from '../i18n/i18n.js';
import { Choice } from '../parts/field.js';
import { TimeField } from './time-field.js';

export type When = 'now' | 'later';

interface WhenFieldProps {
  readonly when: When;
  readonly onWhen: (when: When) => void;
  readonly atMs: number | undefined;
  readonly onAtMs: (atMs: number | undefined) => void;
}

/** When a new task starts: at once, or at a time. */
export function WhenField({ when, onWhen, atMs, onAtMs }: WhenFieldProps) {
  const { t } = useI18n();
  return (
    <>
      <Choice
        label={t('new.when')}
        value={when}
        onChange={onWhen}
        options={[
          { value: 'now', label: t('new.now') },
          { value: 'later', label: t('new.later') },
        ]}
      />
      {when === 'later' && <TimeField label={t('reschedule.time')} value={atMs} onChange={onAtMs} />}
    </>
  );
}
