import { Plus, X } from 'lucide-react';
import type { JsonNode } from '../../exact/json-tree.js';
import { parseJsonTree, printJson } from '../../exact/json-tree.js';
import { useI18n } from '../../i18n/i18n.js';
import { Button, IconButton } from '../../parts/button.js';
import { Field, Select } from '../../parts/field.js';
import { initialOf, kindOf, type Problem, type Schema } from './schema.js';

interface NodeFieldProps {
  readonly name: string;
  readonly schema: Schema;
  readonly node: JsonNode;
  readonly onChange: (node: JsonNode) => void;
  readonly problems: ReadonlyMap<string, Problem>;
  readonly path: string;
  readonly isRequired: boolean;
}

/** Controls for a value by its schema; numbers stay the text that was typed, so none loses digits. */
export function SchemaForm({ schema, node, onChange, problems }: Omit<NodeFieldProps, 'name' | 'path' | 'isRequired'>) {
  return <Properties schema={schema} node={node} onChange={onChange} problems={problems} path="" />;
}

function Properties(props: Omit<NodeFieldProps, 'name' | 'isRequired'>) {
  const { schema, node, onChange, problems, path } = props;
  const { t } = useI18n();
  if (node.kind !== 'object') return null;
  const required = new Set(schema.required);
  const given = new Map(node.entries);
  const set = (name: string, value: JsonNode | undefined): void => {
    const others = node.entries.filter(([key]) => key !== name);
    if (value === undefined) return onChange({ kind: 'object', entries: others });
    const entries = given.has(name)
      ? node.entries.map((entry) => (entry[0] === name ? ([name, value] as const) : entry))
      : [...others, [name, value] as const];
    onChange({ kind: 'object', entries });
  };
  const missing = Object.keys(schema.properties ?? {}).filter((name) => !given.has(name));
  return (
    <div className="properties">
      {Object.entries(schema.properties ?? {}).map(([name, own]) => {
        const value = given.get(name);
        if (value === undefined) return null;
        return (
          <div key={name} className="property">
            <NodeField
              name={name}
              schema={own}
              node={value}
              onChange={(next) => set(name, next)}
              problems={problems}
              path={`${path}/${name}`}
              isRequired={required.has(name)}
            />
            {!required.has(name) && (
              <IconButton
                label={t('form.leaveOut', { name })}
                icon={<X size={15} aria-hidden />}
                onClick={() => set(name, undefined)}
              />
            )}
          </div>
        );
      })}
      {missing.length > 0 && (
        <div className="steps">
          {missing.map((name) => (
            <Button
              key={name}
              look="quiet"
              icon={<Plus size={13} aria-hidden />}
              onClick={() => set(name, initialOf(schema.properties![name]!))}
            >
              {name}
            </Button>
          ))}
        </div>
      )}
    </div>
  );
}

function NodeField(props: NodeFieldProps) {
  const { name, schema, node, onChange, problems, path, isRequired } = props;
  const { t } = useI18n();
  const found = problems.get(path);
  const problem = found && t(`form.problem.${found}`, boundsOf(schema));
  const label = isRequired ? `${schema.title ?? name} *` : (schema.title ?? name);
  const common = { label, problem, ...(schema.description !== undefined && { hint: schema.description }) };
  const kind = kindOf(schema);

  if (schema.enum && node.kind !== 'array' && node.kind !== 'object')
    return (
      <Field {...common}>
        <Select
          value={printJson(node)}
          onChange={(text) => onChange(parseJsonTree(text)!)}
          options={schema.enum.map((value) => ({ value: JSON.stringify(value), label: String(value) }))}
        />
      </Field>
    );
  if (kind === 'object' && node.kind === 'object')
    return (
      <fieldset className="group">
        <legend>{label}</legend>
        {problem !== undefined && <p className="field-problem">{problem}</p>}
        <Properties schema={schema} node={node} onChange={onChange} problems={problems} path={path} />
      </fieldset>
    );
  if (kind === 'array' && node.kind === 'array')
    return (
      <fieldset className="group">
        <legend>{label}</legend>
        {problem !== undefined && <p className="field-problem">{problem}</p>}
        {node.items.map((item, index) => (
          // A list has no other names for its items.
          // oxlint-disable-next-line react/no-array-index-key
          <div key={index} className="property">
            <NodeField
              name={String(index + 1)}
              schema={schema.items ?? {}}
              node={item}
              onChange={(next) => onChange({ kind: 'array', items: node.items.with(index, next) })}
              problems={problems}
              path={`${path}/${index}`}
              isRequired={false}
            />
            <IconButton
              label={t('form.leaveOut', { name: String(index + 1) })}
              icon={<X size={15} aria-hidden />}
              onClick={() => onChange({ kind: 'array', items: node.items.toSpliced(index, 1) })}
            />
          </div>
        ))}
        <Button
          look="quiet"
          icon={<Plus size={13} aria-hidden />}
          onClick={() => onChange({ kind: 'array', items: [...node.items, initialOf(schema.items ?? {})] })}
        >
          {t('form.add')}
        </Button>
      </fieldset>
    );
  if (kind === 'boolean' && node.kind === 'boolean')
    return (
      <label className="check">
        <input
          type="checkbox"
          checked={node.text === 'true'}
          onChange={(event) => onChange({ kind: 'boolean', text: String(event.target.checked) })}
        />
        {label}
      </label>
    );
  if ((kind === 'number' || kind === 'integer') && (node.kind === 'number' || node.kind === 'null'))
    return (
      <Field {...common}>
        <input
          className="input"
          inputMode={kind === 'integer' ? 'numeric' : 'decimal'}
          defaultValue={node.kind === 'null' ? '' : node.text}
          onChange={(event) => {
            const typed = parseJsonTree(event.target.value);
            onChange(typed?.kind === 'number' ? typed : { kind: 'null', text: 'null' });
          }}
        />
      </Field>
    );
  if (kind === 'string' && (node.kind === 'string' || node.kind === 'null'))
    return (
      <Field {...common}>
        <input
          className="input"
          type={schema.format === 'email' ? 'email' : schema.format === 'uri' ? 'url' : 'text'}
          spellCheck={false}
          value={node.kind === 'null' ? '' : node.text}
          onChange={(event) => onChange({ kind: 'string', text: event.target.value })}
        />
      </Field>
    );
  return (
    <Field {...common} hint={schema.description ?? t('form.json')}>
      <textarea
        className="input textarea"
        rows={2}
        spellCheck={false}
        defaultValue={printJson(node)}
        onChange={(event) => {
          const typed = parseJsonTree(event.target.value);
          if (typed) onChange(typed);
        }}
      />
    </Field>
  );
}

function boundsOf(schema: Schema): Record<string, string | number> {
  const {
    minimum = 0,
    maximum = 0,
    minLength = 0,
    maxLength = 0,
    minItems = 0,
    maxItems = 0,
    pattern = '',
    format = '',
  } = schema;
  return { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern, format };
}
