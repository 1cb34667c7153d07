import { SlidersHorizontal, X } from 'lucide-react';
import { type FormEvent, useId, useState } from 'react';
import type { QueuePage, TaskState } from '../../../../src/api/queues.js';
import { READS } from '../../../../src/api/routes.js';
import type { SearchFilter } from '../../../../src/api/search.js';
import type { TypesAnswer } from '../../../../src/api/tasks.js';
import { localText } from '../../actions/time-field.js';
import { useI18n } from '../../i18n/i18n.js';
import { Button } from '../../parts/button.js';
import { Field } from '../../parts/field.js';
import { STATES, stateKey } from '../../parts/state-marks.js';
import { useRead } from '../../server/reads.js';
import { isEmptyFilter } from './filter.js';

interface FilterFormProps {
  readonly filter: SearchFilter;
  readonly onSearch: (filter: SearchFilter) => void;
}

type TextName = 'text' | 'type' | 'id' | 'payload' | 'error' | 'group';

/** The conditions of a search. States and queues hold at once, texts when they are sent. */
export function FilterForm({ filter, onSearch }: FilterFormProps) {
  const { t } = useI18n();
  const ids = { queues: useId(), types: useId() };
  const [draft, setDraft] = useState(filter);
  const [isOpen, setOpen] = useState(hasMore(filter));
  const [queueText, setQueueText] = useState('');
  const [headerText, setHeaderText] = useState((filter.header ?? []).join('\n'));
  const types = useRead<TypesAnswer>(READS.types, {}, { repeats: false });
  const queues = useRead<QueuePage>(
    READS.queues,
    { sort: 'queue', size: 50, name: queueText },
    { repeats: false, keepsPrevious: true },
  );

  const search = (change: Partial<SearchFilter> = {}): void => {
    const header = headerText
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    const next = { ...draft, ...(header.length > 0 ? { header } : { header: undefined }), ...change };
    setDraft(next);
    onSearch(next);
  };
  const toggleState = (state: TaskState): void => {
    const states = new Set(draft.state);
    if (!states.delete(state)) states.add(state);
    search({ state: states.size === 0 ? undefined : STATES.filter((one) => states.has(one)) });
  };
  const addQueue = (name: string): void => {
    if (name === '') return;
    setQueueText('');
    search({ queue: [...new Set([...(draft.queue ?? []), name])] });
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (queueText === '') search();
    else addQueue(queueText);
  };
  const text = (name: TextName, list?: string) => (
    <Field label={t(`filter.${name}`)} hint={t(`filter.${name}.hint`)}>
      <input
        className="input"
        autoComplete="off"
        spellCheck={false}
        maxLength={2_000}
        list={list}
        value={draft[name] ?? ''}
        onChange={(event) => setDraft({ ...draft, [name]: event.target.value || undefined })}
      />
    </Field>
  );
  const time = (name: 'fromMs' | 'toMs') => (
    <Field label={t(name === 'fromMs' ? 'filter.from' : 'filter.to')} hint={t('filter.time.hint')}>
      <input
        className="input"
        type="datetime-local"
        step={1}
        value={draft[name] === undefined ? '' : localText(draft[name])}
        onChange={(event) => {
          const atMs = new Date(event.target.value).getTime();
          setDraft({ ...draft, [name]: Number.isNaN(atMs) ? undefined : atMs });
        }}
      />
    </Field>
  );

  return (
    <form className="filter card" onSubmit={submit} role="search" aria-label={t('search.filter')}>
      <div className="filter-states" role="group" aria-label={t('filter.state')}>
        {STATES.map((state) => {
          const isOn = draft.state?.includes(state) ?? false;
          return (
            <button
              key={state}
              type="button"
              className={`chip chip-${state}`}
              aria-pressed={isOn}
              onClick={() => toggleState(state)}
            >
              {t(stateKey(state))}
            </button>
          );
        })}
        <span className="filter-queues">
          {(draft.queue ?? []).map((queue) => (
            <span key={queue} className="chip chip-on">
              {queue}
              <button
                type="button"
                aria-label={t('filter.without', { name: queue })}
                onClick={() => {
                  const left = (draft.queue ?? []).filter((one) => one !== queue);
                  search({ queue: left.length > 0 ? left : undefined });
                }}
              >
                <X size={12} aria-hidden />
              </button>
            </span>
          ))}
          <input
            className="input filter-queue"
            list={ids.queues}
            aria-label={t('filter.queue')}
            placeholder={t(draft.queue ? 'filter.queue.more' : 'filter.queue.all')}
            autoComplete="off"
            value={queueText}
            onChange={(event) => {
              const { value } = event.target;
              // A choice from the list arrives whole.
              const isChosen = (event.nativeEvent as InputEvent).inputType === 'insertReplacementText';
              if (isChosen) addQueue(value);
              else setQueueText(value);
            }}
            onBlur={() => addQueue(queueText)}
          />
          <datalist id={ids.queues}>
            {queues.data?.queues.map(({ queue }) => (
              <option key={queue} value={queue} />
            ))}
          </datalist>
        </span>
      </div>
      <div className="filter-main">
        {text('text')}
        {text('type', ids.types)}
        <datalist id={ids.types}>
          {types.data?.types.map(({ type }) => (
            <option key={type} value={type} />
          ))}
        </datalist>
        <div className="filter-buttons">
          <Button
            look="quiet"
            icon={<SlidersHorizontal size={15} aria-hidden />}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            {t('filter.more')}
          </Button>
          {!isEmptyFilter(filter) && (
            <Button
              look="quiet"
              onClick={() => {
                setDraft({});
                setHeaderText('');
                onSearch({});
              }}
            >
              {t('filter.clear')}
            </Button>
          )}
          <Button type="submit" look="primary">
            {t('search')}
          </Button>
        </div>
      </div>
      {isOpen && (
        <div className="filter-more">
          {text('id')}
          {text('payload')}
          {text('error')}
          <Field label={t('filter.header')} hint={t('filter.header.hint')}>
            <textarea
              className="input"
              rows={1}
              spellCheck={false}
              value={headerText}
              onChange={(event) => setHeaderText(event.target.value)}
            />
          </Field>
          {time('fromMs')}
          {time('toMs')}
          {text('group')}
        </div>
      )}
    </form>
  );
}

function hasMore({ id, payload, error, header, fromMs, toMs, group }: SearchFilter): boolean {
  return [id, payload, error, header, fromMs, toMs, group].some((condition) => condition !== undefined);
}
