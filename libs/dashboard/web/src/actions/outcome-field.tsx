import type { CancelOutcome } from '../../../src/api/tasks.js';
import { useI18n } from '../i18n/i18n.js';
import { Choice } from '../parts/field.js';
import { useRights } from './rights.js';

interface OutcomeFieldProps {
  readonly value: CancelOutcome;
  readonly onChange: (outcome: CancelOutcome) => void;
}

/** What becomes of a task that is canceled, as far as the person may choose it. */
export function OutcomeField({ value, onChange }: OutcomeFieldProps) {
  const { t } = useI18n();
  const { may } = useRights();
  return (
    <Choice
      label={t('cancel.outcome')}
      value={value}
      onChange={onChange}
      options={(['retry', 'archive', 'delete'] as const)
        .filter((outcome) => outcome !== 'delete' || may('delete'))
        .map((outcome) => ({
          value: outcome,
          label: t(`cancel.${outcome}`),
          hint: t(`cancel.${outcome}.hint`),
        }))}
    />
  );
}
