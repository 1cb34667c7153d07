import { useI18n } from '../i18n/i18n.js';
import { Field } from '../parts/field.js';

interface ConfirmCountProps {
  readonly count: number;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** The count, typed: what deletes many things is not done by a slip. */
export function ConfirmCount({ count, value, onChange }: ConfirmCountProps) {
  const { t } = useI18n();
  return (
    <Field label={t('confirm.type', { count: String(count) })}>
      <input
        className="input"
        inputMode="numeric"
        autoComplete="off"
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </Field>
  );
}

/** Whether the text is this count, with or without separators. */
export const isCount = (text: string, count: number): boolean => text.replaceAll(/[\s,.'’]/g, '') === String(count);
