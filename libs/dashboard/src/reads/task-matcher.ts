import type { TaskFilter, TaskInfo, TaskState } from '@nestjs-asynq/core';
import { TASK_STATES } from '@nestjs-asynq/core/internal';
import type { SearchFilter } from '../api/search.js';
import { type Fields } from '../http/fields.js';
import { textOf } from '../redaction/content.js';
import type { Redactor } from '../redaction/redactor.js';

const MOST_QUEUES = 200;
const MOST_HEADERS = 10;

/** Reads the conditions of a search, of a query or of a body. */
export function readFilter(fields: Fields): SearchFilter {
  const states = fields.texts('state', TASK_STATES.length);
  if (states?.some((state) => !TASK_STATES.includes(state as TaskState))) {
    fields.refuse('state', `one of ${TASK_STATES.join(', ')}`);
  }
  const header = fields.texts('header', MOST_HEADERS);
  if (header?.some((pair) => pair.indexOf('=') < 1)) fields.refuse('header', 'name=value');
  return {
    queue: fields.texts('queue', MOST_QUEUES),
    state: states as readonly TaskState[] | undefined,
    group: fields.text('group'),
    type: fields.text('type'),
    id: fields.text('id'),
    payload: fields.text('payload'),
    error: fields.text('error'),
    header,
    fromMs: fields.timeMs('fromMs'),
    toMs: fields.timeMs('toMs'),
    text: fields.text('text'),
  };
}

/** No condition but the place: all tasks of a list match. */
export function matchesAll(filter: SearchFilter): boolean {
  const { queue: _queue, state: _state, group: _group, ...conditions } = filter;
  return Object.values(conditions).every((condition) => condition === undefined);
}

/**
 * The conditions for one list, for the inspector. Where fields are hidden, payloads, errors and headers are compared as
 * they are shown: otherwise a search would tell, letter by letter, what is hidden.
 */
export function filterFor(
  list: { readonly queue: string; readonly state: TaskState; readonly group?: string | undefined },
  filter: SearchFilter,
  redactor: Redactor,
): TaskFilter {
  const { type, id, fromMs, toMs } = filter;
  const place = {
    queue: list.queue,
    state: list.state,
    ...(list.group !== undefined && { group: list.group }),
    ...(type && { type }),
    ...(id && { idPrefix: id }),
    ...(fromMs !== undefined && { from: new Date(fromMs) }),
    ...(toMs !== undefined && { to: new Date(toMs) }),
  };
  const headers = (filter.header ?? []).map(splitHeader);
  const wanted = { payload: filter.payload, error: filter.error, text: filter.text, headers };
  if (redactor.isIdle && filter.text === undefined) {
    const { payload, error } = filter;
    return {
      ...place,
      ...(payload && { payloadContains: payload }),
      ...(error && { errorContains: error }),
      ...(headers.length > 0 && { header: Object.fromEntries(headers) }),
    };
  }
  const isNeeded = Object.values(wanted).some((value) => (Array.isArray(value) ? value.length > 0 : value));
  return isNeeded ? { ...place, matches: (task) => matches(task, wanted, redactor) } : place;
}

interface Wanted {
  readonly payload: string | undefined;
  readonly error: string | undefined;
  readonly text: string | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

async function matches(
  task: TaskInfo,
  { payload, error, text, headers }: Wanted,
  redactor: Redactor,
): Promise<boolean> {
  const isShown = (name: string): boolean => !redactor.hidesHeader(name);
  if (!headers.every(([name, value]) => isShown(name) && task.headers[name] === value)) return false;
  if (text !== undefined && (task.id.includes(text) || task.type.includes(text))) {
    if (payload === undefined && error === undefined) return true;
  }
  await redactor.turn(task.payload.length);
  // As the inspector and the command line search payloads that are no text; hidden fields cannot be found in them.
  const content = textOf(task.payload) ?? (redactor.isIdle ? Buffer.from(task.payload).toString() : undefined);
  const shown = content === undefined ? undefined : await redactor.text(content);
  const hidden = Object.entries(task.headers).flatMap(([name, value]) => (isShown(name) ? [] : [value]));
  const { text: shownError } = await redactor.loose(task.lastError, [...(shown?.secrets ?? []), ...hidden]);
  if (payload !== undefined && !(shown?.text.includes(payload) ?? false)) return false;
  if (error !== undefined && !shownError.includes(error)) return false;
  if (text === undefined) return true;
  return (
    task.id.includes(text) ||
    task.type.includes(text) ||
    (shown?.text.includes(text) ?? false) ||
    shownError.includes(text) ||
    Object.entries(task.headers).some(([name, value]) => isShown(name) && value.includes(text))
  );
}

function splitHeader(pair: string): readonly [name: string, value: string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}
