import { useId, useMemo, useState } from 'react';
import { READS, WRITES } from '../../../../src/api/routes.js';
import type { EnqueuedAnswer, NewTaskRequest, TypesAnswer } from '../../../../src/api/tasks.js';
import { PayloadField } from '../../actions/payload-field.js';
import { QueueField } from '../../actions/queue-field.js';
import { useRights } from '../../actions/rights.js';
import { useSubmit } from '../../actions/submit.js';
import { type When, WhenField } from '../../actions/when-field.js';
import { parseJsonTree, printJson } from '../../exact/json-tree.js';
import { useI18n } from '../../i18n/i18n.js';
import { PageHead } from '../../layout/page-head.js';
import { Button } from '../../parts/button.js';
import { CommandLine } from '../../parts/copy.js';
import { Field } from '../../parts/field.js';
import { notify } from '../../parts/toasts.js';
import { go, hrefOf, usePlace } from '../../routing/place.js';
import { useRead } from '../../server/reads.js';
import { enqueueCommand } from './enqueue-command.js';
import { findType } from './find-type.js';
import { readDuration } from './read-duration.js';
import { initialOf, kindOf, type Problem, problemsOf, type Schema } from './schema.js';
import { SchemaForm } from './schema-form.js';

/** A new task: from the schema of its type, or as JSON. */
export function NewTaskScreen() {
  const { t } = useI18n();
  const { may, session } = useRights();
  return (
    <>
      <PageHead name={t('nav.new')} title={t('nav.new')} />
      {session && !may('newTask') ? <p className="warning">{t('new.notAllowed')}</p> : <NewTaskForm />}
    </>
  );
}

/** A form that was not sent yet does not complain. */
const NO_PROBLEMS: ReadonlyMap<string, Problem> = new Map();

function NewTaskForm() {
  const { t } = useI18n();
  const { params } = usePlace();
  const typesId = useId();
  const types = useRead<TypesAnswer>(READS.types, {}, { repeats: false });
  const [type, setType] = useState(params.get('type') ?? '');
  const [queue, setQueue] = useState(params.get('queue') ?? 'default');
  const [text, setText] = useState('{}');
  const [view, setView] = useState<'form' | 'json'>('form');
  const [when, setWhen] = useState<When>('now');
  const [atMs, setAtMs] = useState<number>();
  const [more, setMore] = useState<Readonly<Record<string, string>>>({});
  const [isChecked, setChecked] = useState(false);
  const { submit, isBusy, failure } = useSubmit();

  const known = findType(types.data?.types ?? [], type);
  const schema = known && isSchema(known.schema) ? known.schema : undefined;
  const tree = useMemo(() => parseJsonTree(text), [text]);
  const problems = useMemo(() => (schema && tree ? problemsOf(tree, schema) : new Map()), [schema, tree]);
  const isForm = schema !== undefined && view === 'form' && tree?.kind === 'object';

  const [filledFor, setFilledFor] = useState<Schema>();
  if (schema && schema !== filledFor) {
    setFilledFor(schema);
    if (text.trim() === '{}' || text.trim() === '' || filledFor) setText(printJson(initialOf(schema), 2));
  }

  const maxRetry = more['maxRetry'] ? Number(more['maxRetry']) : undefined;
  const durations = {
    timeoutMs: readDuration(more['timeout']),
    retentionMs: readDuration(more['retention']),
    uniqueMs: readDuration(more['unique']),
  };
  const wrong = {
    maxRetry:
      maxRetry !== undefined && (!Number.isInteger(maxRetry) || maxRetry < 0) ? t('new.maxRetry.problem') : undefined,
    timeout: durations.timeoutMs === null ? t('new.duration.problem') : undefined,
    retention: durations.retentionMs === null ? t('new.duration.problem') : undefined,
    unique: durations.uniqueMs === null ? t('new.duration.problem') : undefined,
  };
  const isReady =
    type !== '' &&
    queue !== '' &&
    (when === 'now' || atMs !== undefined) &&
    Object.values(wrong).every((problem) => problem === undefined);
  const request: NewTaskRequest = {
    queue,
    type,
    payload: { encoding: 'text', data: tree && isForm ? printJson(tree) : text },
    ...(more['id'] && { id: more['id'] }),
    ...(maxRetry !== undefined && { maxRetry }),
    ...(durations.timeoutMs && { timeoutMs: durations.timeoutMs }),
    ...(durations.retentionMs && { retentionMs: durations.retentionMs }),
    ...(durations.uniqueMs && { uniqueMs: durations.uniqueMs }),
    ...(when === 'later' && atMs !== undefined && { processAtMs: atMs }),
    ...(more['group'] && { group: more['group'] }),
    ...(more['headers'] && { headers: headersOf(more['headers']) }),
  };
  const enqueue = (): void => {
    setChecked(true);
    if (!isReady || (isForm && problems.size > 0)) return;
    void submit(WRITES.newTask, request, (made: EnqueuedAnswer) => {
      notify({ title: t('done.newTask', { id: made.id }) });
      go(hrefOf('task', { queue: made.queue, id: made.id }));
    });
  };
  const option = (name: 'id' | 'maxRetry' | 'timeout' | 'retention' | 'unique' | 'group') => (
    <Field label={t(`new.${name}`)} hint={t(`new.${name}.hint`)} problem={wrong[name as keyof typeof wrong]}>
      <input
        className="input"
        autoComplete="off"
        spellCheck={false}
        value={more[name] ?? ''}
        onChange={(event) => setMore({ ...more, [name]: event.target.value })}
      />
    </Field>
  );
  return (
    <form
      className="new-task"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        enqueue();
      }}
    >
      <div className="card form">
        <div className="form-row">
          <Field label={t('task.type')} hint={t(known ? 'new.type.known' : 'new.type.hint')}>
            <input
              className="input"
              list={typesId}
              autoComplete="off"
              spellCheck={false}
              value={type}
              onChange={(event) => setType(event.target.value)}
            />
          </Field>
          <datalist id={typesId}>
            {types.data?.types.map((one) => (
              <option key={one.type} value={one.type} />
            ))}
          </datalist>
          <div>
            <QueueField label={t('new.queue')} value={queue} onChange={setQueue} />
          </div>
        </div>
        {schema && (
          <div className="segments" role="group" aria-label={t('new.view')}>
            {(['form', 'json'] as const).map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={one === (isForm ? 'form' : 'json')}
                disabled={one === 'form' && tree?.kind !== 'object'}
                onClick={() => setView(one)}
              >
                {t(`new.view.${one}`)}
              </button>
            ))}
          </div>
        )}
        {isForm && tree ? (
          <fieldset className="group">
            <legend>{t('task.payload')}</legend>
            <SchemaForm
              schema={schema}
              node={tree}
              onChange={(node) => setText(printJson(node, 2))}
              problems={isChecked ? problems : NO_PROBLEMS}
            />
          </fieldset>
        ) : (
          <>
            <PayloadField label={t('task.payload')} value={text} onChange={setText} />
            {problems.size > 0 && <p className="note">{t('new.unfit', { fields: [...problems.keys()].join(', ') })}</p>}
          </>
        )}
        <WhenField when={when} onWhen={setWhen} atMs={atMs} onAtMs={setAtMs} />
        <details className="more">
          <summary>{t('new.more')}</summary>
          <div className="form-grid">
            {option('maxRetry')}
            {option('timeout')}
            {option('retention')}
            {option('unique')}
            {option('group')}
            {option('id')}
          </div>
          <Field label={t('task.headers')} hint={t('filter.header.hint')}>
            <textarea
              className="input"
              rows={2}
              spellCheck={false}
              value={more['headers'] ?? ''}
              onChange={(event) => setMore({ ...more, headers: event.target.value })}
            />
          </Field>
        </details>
        {failure}
        <div className="form-foot">
          <Button type="submit" look="primary" disabled={!isReady || isBusy}>
            {t('do.newTask')}
          </Button>
        </div>
      </div>
      <CommandLine command={type === '' ? undefined : enqueueCommand(request)} />
    </form>
  );
}

function isSchema(schema: unknown): schema is Schema {
  return typeof schema === 'object' && schema !== null && kindOf(schema) === 'object';
}

function headersOf(lines: string): Record<string, string> {
  const pairs = lines
    .split('\n')
    .filter((line) => line.includes('='))
    .map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()] as const);
  return Object.fromEntries(pairs);
}
