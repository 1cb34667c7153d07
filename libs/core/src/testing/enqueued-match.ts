import ms from 'ms';
import { type Duration, toMs } from '../runtime/duration.js';
import { OptionReader } from '../runtime/option-reader.js';
import type { RecordedTask } from './recorded-task.js';

/** Delays may differ by this: a test that enqueues with `processAt` computes it a moment earlier. */
const TOLERANCE_MS = 1_000;
const LONGEST_CELL = 80;

/** What a task must have been enqueued with. What is left out may be anything. */
export interface ExpectedTask {
  /** All its properties must be there and equal, others may be there too; matchers such as `expect.any(String)` are used. */
  readonly payload?: unknown;
  readonly queue?: string | undefined;
  /** Delay, to the second; 0 means at once. */
  readonly processIn?: Duration | undefined;
  readonly group?: string | undefined;
  readonly taskId?: string | undefined;
  /** These headers, and perhaps others. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How many such tasks there must be. Default: at least one. */
  readonly times?: number | undefined;
}

/** Something that remembers tasks: `TestQueues`, a `TaskRecorder`, or a list. */
export type EnqueuedSource = readonly RecordedTask[] | { readonly enqueued: readonly RecordedTask[] };

type Field = 'queue' | 'processIn' | 'group' | 'taskId' | 'headers' | 'payload';
const FIELDS: readonly Field[] = ['queue', 'processIn', 'group', 'taskId', 'headers', 'payload'];

/** The result of a comparison, as test runners want it. */
export interface EnqueuedMatch {
  readonly pass: boolean;
  /** Why it did not pass, or with `.not` why it did. */
  readonly message: () => string;
}

/**
 * Looks for tasks of a type among those that were enqueued.
 * @throws {InvalidOptionsError} `expected` has an unknown or wrong property
 */
export function matchEnqueued(source: EnqueuedSource, type: string, expected: ExpectedTask = {}): EnqueuedMatch {
  const reader = new OptionReader(expected);
  reader.onlyKnown([...FIELDS, 'times']);
  reader.duration('processIn', undefined);
  reader.wholeNumber('times', 1, 0, Number.MAX_SAFE_INTEGER);
  reader.throwIfWrong();
  const tasks = enqueuedOf(source);
  const found = tasks.filter((task) => task.type === type && differences(task, expected).length === 0).length;
  const pass = expected.times === undefined ? found > 0 : found === expected.times;
  return { pass, message: () => explain(tasks, type, expected, found, pass) };
}

function enqueuedOf(source: EnqueuedSource): readonly RecordedTask[] {
  const tasks: unknown = Array.isArray(source) ? source : (source as { enqueued?: unknown } | undefined)?.enqueued;
  if (Array.isArray(tasks)) return tasks as readonly RecordedTask[];
  throw new TypeError(
    'expected TestQueues, a TaskRecorder, or an app with the testing module: something with "enqueued"',
  );
}

function differences(task: RecordedTask, expected: ExpectedTask): Field[] {
  return FIELDS.filter((field) => expected[field] !== undefined && !isEqual(field, task, expected));
}

function isEqual(field: Field, task: RecordedTask, expected: ExpectedTask): boolean {
  switch (field) {
    case 'processIn': {
      const wantedMs = toMs('processIn', expected.processIn);
      if (wantedMs === 0) return task.processInMs === 0;
      return Math.abs(task.processInMs - wantedMs) < TOLERANCE_MS;
    }
    case 'taskId':
      return task.id === expected.taskId;
    default:
      return includes(task[field], expected[field]);
  }
}

/** Whether `actual` equals `expected`, apart from properties that only `actual` has. */
function includes(actual: unknown, expected: unknown): boolean {
  if (Object.is(actual, expected)) return true;
  if (typeof expected !== 'object' || expected === null) return false;
  const { asymmetricMatch } = expected as { asymmetricMatch?: (value: unknown) => boolean };
  if (typeof asymmetricMatch === 'function') return asymmetricMatch.call(expected, actual);
  if (typeof actual !== 'object' || actual === null) return false;
  if (expected instanceof Date) return actual instanceof Date ? +actual === +expected : false;
  if (Array.isArray(expected) || ArrayBuffer.isView(expected)) return hasSameItems(actual, expected);
  return Object.entries(expected).every(([name, value]) =>
    value === undefined
      ? !(name in actual) || Reflect.get(actual, name) === undefined
      : includes(Reflect.get(actual, name), value),
  );
}

function hasSameItems(actual: object, expected: object): boolean {
  const [given, wanted] = [actual, expected].map((list) => Array.from(list as ArrayLike<unknown>)) as [
    unknown[],
    unknown[],
  ];
  const isList = Array.isArray(actual) === Array.isArray(expected);
  return isList && given.length === wanted.length && wanted.every((item, index) => includes(given[index], item));
}

function explain(
  tasks: readonly RecordedTask[],
  type: string,
  expected: ExpectedTask,
  found: number,
  pass: boolean,
): string {
  const times = expected.times === undefined ? '' : `, ${expected.times} times`;
  const claim = pass ? 'not to have been enqueued' : `to have been enqueued${times}`;
  const wanted = [type, ...FIELDS.flatMap((field) => wantedText(field, expected))].join(', ');
  const count = !pass && expected.times === undefined ? '' : `, but ${found} ${found === 1 ? 'was' : 'were'}`;
  if (tasks.length === 0) return `expected ${wanted} ${claim}${count}; nothing was enqueued`;
  return `expected ${wanted} ${claim}${count}. Enqueued:\n\n${table(tasks, type, expected)}`;
}

function wantedText(field: Field, expected: ExpectedTask): string[] {
  if (expected[field] === undefined) return [];
  return [
    field === 'processIn' ? `in ${ms(toMs('processIn', expected.processIn))}` : `${field} ${show(expected[field])}`,
  ];
}

/** Tasks of the type first; what differs is named. */
function table(tasks: readonly RecordedTask[], type: string, expected: ExpectedTask): string {
  const ordered = [...tasks].sort((a, b) => Number(b.type === type) - Number(a.type === type));
  const rows = ordered.map((task) => [
    task.type,
    task.queue,
    task.processInMs === 0 ? 'now' : ms(task.processInMs),
    show(task.payload),
    task.type === type ? differences(task, expected).join(', ') : 'type',
  ]);
  const all = [['type', 'queue', 'in', 'payload', 'differs in'], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('   ')}`.trimEnd())
    .join('\n');
}

function show(value: unknown): string {
  const text = value instanceof Uint8Array ? `${value.length} bytes` : jsonOf(value);
  return text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL - 1)}…` : text;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, showMatcher) ?? String(value);
  } catch {
    return typeof value;
  }
}

function showMatcher(_name: string, value: unknown): unknown {
  const matcher = value as { asymmetricMatch?: unknown; toAsymmetricMatcher?: () => string } | null;
  const isMatcher = typeof value === 'object' && typeof matcher?.asymmetricMatch === 'function';
  return isMatcher ? (matcher.toAsymmetricMatcher?.() ?? 'matcher') : value;
}
