import { useI18n } from '../i18n/i18n.js';
import { jsonProblem, parseJsonTree, printJson } from '../exact/json-tree.js';
import { Button } from '../parts/button.js';
import { Field } from '../parts/field.js';

interface PayloadFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
}

/** Text that is usually JSON, but need not be: what is wrong is said, not forbidden. */
export function PayloadField({ label, value, onChange }: PayloadFieldProps) {
  const { t, format } = useI18n();
  const problem = value.trim() === '' ? undefined : jsonProblem(value);
  const tree = problem === undefined ? parseJsonTree(value) : undefined;
  const bytes = new TextEncoder().encode(value).length;
  return (
    <div>
      <Field
        label={label}
        hint={
          problem === undefined ? t('payload.isJson', { bytes: format.bytes(bytes) }) : t('payload.noJson', { problem })
        }
      >
        <textarea
          className="input textarea"
          rows={Math.min(18, Math.max(6, value.split('\n').length + 1))}
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      </Field>
      <div className="steps">
        <Button look="quiet" disabled={!tree} onClick={() => tree && onChange(printJson(tree, 2))}>
          {t('payload.format')}
        </Button>
        <Button look="quiet" disabled={!tree} onClick={() => tree && onChange(printJson(tree))}>
          {t('payload.compact')}
        </Button>
      </div>
    </div>
  );
}
