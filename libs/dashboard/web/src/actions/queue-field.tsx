import { useId } from 'react';
import type { QueuePage } from '../../../src/api/queues.js';
import { READS } from '../../../src/api/routes.js';
import { useI18n } from '../i18n/i18n.js';
import { Field } from '../parts/field.js';
import { useRead } from '../server/reads.js';

interface QueueFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (queue: string) => void;
  /** Not this one. */
  readonly without?: string | undefined;
}

/** The name of a queue, with the known ones as suggestions; a new one comes into being with its first task. */
export function QueueField({ label, value, onChange, without }: QueueFieldProps) {
  const { t } = useI18n();
  const listId = useId();
  const { data } = useRead<QueuePage>(
    READS.queues,
    { sort: 'queue', size: 50, name: value },
    { repeats: false, keepsPrevious: true },
  );
  const names = (data?.queues ?? []).map(({ queue }) => queue).filter((name) => name !== without);
  return (
    <>
      <Field
        label={label}
        hint={t('queue.nameHint')}
        problem={without !== undefined && value === without ? t('move.same') : undefined}
      >
        <input
          className="input"
          list={listId}
          autoComplete="off"
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      </Field>
      <datalist id={listId}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}
