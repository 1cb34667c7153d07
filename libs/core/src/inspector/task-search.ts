import type { ListOps, ScanFilter, ScannedTask, StoredTask, TaskList } from '../broker/contract/lists.js';
import { isPosition } from '../broker/scan-position.js';
import { InvalidOptionsError, kindOf } from '../errors/invalid-options.error.js';
import { placeOf } from '../partitions/partition-name.js';
import { isRecord } from '../runtime/is-record.js';
import { OptionReader } from '../runtime/option-reader.js';
import { TimeSlice } from '../runtime/time-slice.js';
import { queueNameProblem } from '../wire/queue-name.js';
import { TASK_STATES, type TaskState } from '../wire/task-state.js';
import type { MatchedTask } from './bulk-mover.js';
import type { BulkOptions } from './bulk-options.js';
import type { PayloadCodec } from '../task/payload-codec.js';
import { type TaskInfo, toTaskInfo } from './task-info.js';

/** Entries read in one step. */
const PAGE = 500;
const DEFAULT_LIMIT = 100;
const DEFAULT_SCAN_BUDGET = 10_000;

/** Selects the tasks that meet all conditions. */
export interface TaskFilter {
  readonly queue: string;
  readonly state: TaskState;
  /** Required for `aggregating`, not allowed otherwise. */
  readonly group?: string | undefined;
  /** The task type; `'email:*'` for all types with this prefix. */
  readonly type?: string | undefined;
  readonly idPrefix?: string | undefined;
  /** Text (in UTF-8) or bytes that occur in the payload. */
  readonly payloadContains?: string | Uint8Array | undefined;
  /** Text that occurs in the last error. */
  readonly errorContains?: string | undefined;
  /** Whether upper and lower case are equal in `type`, `idPrefix`, `payloadContains` as text, `errorContains`, `header`. Default `false`. */
  readonly ignoreCase?: boolean | undefined;
  /** Headers that the task has, with exactly these values. */
  readonly header?: Readonly<Record<string, string>> | undefined;
  /**
   * Not before this time, which is that of the state: due (scheduled, retry), archived, completed, added to its group
   * or to `pending`. Not for `active`.
   */
  readonly from?: Date | undefined;
  /** Not after this time. */
  readonly to?: Date | undefined;
  /**
   * A condition of your own, called with every task that meets the others. One that takes long for large payloads may
   * return a promise, and let the event loop turn.
   */
  readonly matches?: ((task: TaskInfo) => boolean | Promise<boolean>) | undefined;
}

/** A search and its limits. */
export interface TaskSearch extends TaskFilter {
  /** Maximum number of tasks to return, 1 to 10,000. Default 100. */
  readonly limit?: number | undefined;
  /** Maximum number of tasks to read. Default 10,000. */
  readonly scanBudget?: number | undefined;
  /** The `cursor` of an earlier result of the same filter, to continue there. Default: the beginning. */
  readonly cursor?: string | undefined;
}

/**
 * The result of one search, and where to continue. Servers may keep working: a complete search misses no task that
 * stays in its place from the first call to the last. A task that is added, removed or moved during the search may be
 * missed, and in `pending` and `active` two calls may find the same task.
 */
export interface FoundTasks {
  /** Sorted as `listTasks` does, but `pending` and `active` newest first. */
  readonly tasks: readonly TaskInfo[];
  /** Pass it to the next search to continue; `undefined`: the whole list has been searched. */
  readonly cursor: string | undefined;
  /** Number of tasks read. */
  readonly scanned: number;
}

const FILTER_NAMES = [
  'queue',
  'state',
  'group',
  'type',
  'idPrefix',
  'payloadContains',
  'errorContains',
  'ignoreCase',
  'header',
  'from',
  'to',
  'matches',
];
const SEARCH_NAMES = [...FILTER_NAMES, 'limit', 'scanBudget', 'cursor'];

/** Searches lists for tasks that match a filter. Reads in pages, and writes nothing. */
export class TaskSearcher {
  constructor(
    private readonly broker: ListOps,
    private readonly codec: PayloadCodec,
  ) {}

  /** Searches until it has found `limit` tasks, has read `scanBudget`, or is at the end. */
  async find(search: TaskSearch): Promise<FoundTasks> {
    const { limit, scanBudget } = readSearch(search);
    const [list, matches, scanFilter] = [listOf(search), matcherOf(search, this.codec), scanFilterOf(search)];
    const tasks = new Map<string, TaskInfo>();
    let cursor = search.cursor;
    const slice = new TimeSlice();
    for (let scanned = 0; ;) {
      const size = Math.min(PAGE, scanBudget - scanned);
      const page = await this.broker.scanTasks(search.queue, list, cursor, size, scanFilter);
      for (const found of page.tasks) {
        if (slice.isOver) await slice.turn();
        if (!(await matches(found))) continue;
        tasks.set(found.task.message.id, toTaskInfo(found.task, this.codec)); // a task that moves in the list may be found twice
        if (tasks.size === limit) {
          return { tasks: [...tasks.values()], cursor: found.after(), scanned: scanned + found.at + 1 };
        }
      }
      scanned += page.scanned;
      cursor = page.next;
      if (cursor === undefined || scanned >= scanBudget) return { tasks: [...tasks.values()], cursor, scanned };
    }
  }

  /** The same in several ordinary queues, one after the other. */
  async findAmong(names: readonly string[], search: TaskSearch): Promise<FoundTasks> {
    const begin = readPartitionCursor(search.cursor);
    const { limit, scanBudget } = readSearch({ ...search, cursor: begin.position });
    const tasks: TaskInfo[] = [];
    let scanned = 0;
    let cursor = begin.position;
    const left = names.filter((name) => placeOf(name).index >= begin.index);
    for (const [nth, name] of left.entries()) {
      if (placeOf(name).index > begin.index) cursor = undefined;
      const most = { limit: limit - tasks.length, scanBudget: scanBudget - scanned };
      const found = await this.find({ ...search, queue: name, cursor, ...most });
      tasks.push(...found.tasks);
      scanned += found.scanned;
      const next = found.cursor === undefined ? left[nth + 1] : name;
      if (found.cursor === undefined && scanned < scanBudget) continue;
      return { tasks, cursor: next && partitionCursor(next, found.cursor), scanned };
    }
    return { tasks, cursor: undefined, scanned };
  }

  /** Searches the whole list. */
  async findAll(filter: TaskFilter, { signal, onProgress }: BulkOptions): Promise<MatchedTask[]> {
    const [list, matches, scanFilter] = [listOf(filter), matcherOf(filter, this.codec), scanFilterOf(filter)];
    const matched = new Map<string, MatchedTask>();
    const slice = new TimeSlice();
    let position: string | undefined;
    let depth = 0;
    do {
      signal?.throwIfAborted();
      const page = await this.broker.scanTasks(filter.queue, list, position, PAGE, scanFilter);
      for (const found of page.tasks) {
        if (slice.isOver) await slice.turn();
        const { id } = found.task.message;
        if ((await matches(found)) && !matched.has(id))
          matched.set(id, { id, stamp: found.stamp, depth: depth + found.at });
      }
      depth += page.scanned;
      onProgress?.({ done: 0, total: matched.size });
      position = page.next;
    } while (position !== undefined);
    return [...matched.values()];
  }
}

const PARTITION_CURSOR = /^p(-?\d+):(.*)$/s;

const partitionCursor = (name: string, position = ''): string => `p${placeOf(name).index}:${position}`;

/** @throws {InvalidOptionsError} the cursor is not from a search through partitions */
function readPartitionCursor(cursor: string | undefined): { index: number; position: string | undefined } {
  if (cursor === undefined) return { index: -1, position: undefined };
  const [, index, position] = PARTITION_CURSOR.exec(cursor) ?? [];
  if (index === undefined) {
    throw new InvalidOptionsError([{ option: 'cursor', value: cursor, allowed: 'the cursor of an earlier search' }]);
  }
  return { index: Number(index), position: position || undefined };
}

/** @throws {InvalidOptionsError} a condition is wrong; all of them at once */
export function checkFilter(filter: TaskFilter): void {
  const reader = new OptionReader(filter);
  reader.onlyKnown(FILTER_NAMES);
  readFilter(reader, filter);
  reader.throwIfWrong();
}

function readSearch(search: TaskSearch): { limit: number; scanBudget: number } {
  const reader = new OptionReader(search);
  reader.onlyKnown(SEARCH_NAMES);
  readFilter(reader, search);
  const limit = reader.wholeNumber('limit', DEFAULT_LIMIT, 1, 10_000);
  const scanBudget = reader.wholeNumber('scanBudget', DEFAULT_SCAN_BUDGET, 1, Number.MAX_SAFE_INTEGER);
  const cursor = reader.text('cursor', undefined);
  if (cursor !== undefined && !isPosition(cursor)) reader.refuse('cursor', 'the cursor of an earlier search');
  reader.throwIfWrong();
  return { limit, scanBudget };
}

function readFilter(reader: OptionReader, filter: TaskFilter): void {
  reader.add(queueNameProblem('queue', filter.queue));
  if (!TASK_STATES.includes(filter.state)) reader.refuse('state', TASK_STATES.join(', '));
  checkGroup(reader, filter);
  for (const name of ['type', 'idPrefix', 'errorContains']) reader.text(name, undefined);
  const { payloadContains, header } = filter;
  if (!(payloadContains instanceof Uint8Array)) reader.text('payloadContains', undefined);
  const isFine = header === undefined || (isRecord(header) && Object.values(header).every(isString));
  if (!isFine) reader.refuse('header', 'text for each name of a header', kindOf(header));
  reader.boolean('ignoreCase', false);
  reader.callable('matches', undefined);
  for (const name of ['from', 'to'] as const) {
    reader.date(name);
    if (filter[name] && filter.state === 'active') reader.refuse(name, 'not for active tasks');
  }
}

const isString = (value: unknown): boolean => typeof value === 'string';

/** A group belongs to `aggregating`, and to no other state. */
export function checkGroup(reader: OptionReader, { state, group }: TaskList): void {
  reader.text('group', undefined);
  if (state === 'aggregating' && group === undefined) reader.refuse('group', 'the name of a group');
  if (state !== 'aggregating' && group !== undefined) reader.refuse('group', 'a group only with state "aggregating"');
}

const listOf = ({ state, group }: TaskFilter): TaskList => ({ state, group });

type Condition = (task: StoredTask) => boolean;

function matcherOf(filter: TaskFilter, codec: PayloadCodec): (found: ScannedTask) => boolean | Promise<boolean> {
  const { matches } = filter;
  const conditions = conditionsOf(filter);
  const fromMs = filter.from?.getTime() ?? Number.NEGATIVE_INFINITY;
  const toMs = filter.to?.getTime() ?? Number.POSITIVE_INFINITY;
  const isTimed = filter.from !== undefined || filter.to !== undefined;
  return ({ task, atMs }) =>
    (!isTimed || (atMs !== undefined && atMs >= fromMs && atMs <= toMs)) &&
    conditions.every((condition) => condition(task)) &&
    (matches?.(toTaskInfo(task, codec)) ?? true);
}

function conditionsOf(filter: TaskFilter): Condition[] {
  const { type, idPrefix, payloadContains, errorContains, header } = filter;
  const fold = foldOf(filter);
  const conditions: Condition[] = [];
  if (idPrefix !== undefined) {
    const prefix = fold(idPrefix);
    conditions.push(({ message }) => fold(message.id).startsWith(prefix));
  }
  if (type !== undefined) conditions.push(typeCondition(fold(type), fold));
  if (errorContains !== undefined) {
    const part = fold(errorContains);
    conditions.push(({ message }) => fold(message.errorMsg).includes(part));
  }
  if (header !== undefined) {
    const wanted = Object.entries(header).map(([name, value]) => [name, fold(value)] as const);
    conditions.push(({ message }) =>
      wanted.every(([name, value]) => {
        const own = message.headers[name];
        return own !== undefined && fold(own) === value;
      }),
    );
  }
  if (payloadContains !== undefined) conditions.push(payloadCondition(payloadContains, filter.ignoreCase === true));
  return conditions;
}

type Fold = (text: string) => string;

const foldOf = ({ ignoreCase }: TaskFilter): Fold => (ignoreCase ? (text) => text.toLowerCase() : (text) => text);

function payloadCondition(contained: string | Uint8Array, ignoresCase: boolean): Condition {
  if (ignoresCase && typeof contained === 'string') {
    const part = contained.toLowerCase();
    return ({ message }) => Buffer.from(message.payload).toString().toLowerCase().includes(part);
  }
  const part = Buffer.from(contained as Uint8Array); // a string is read as UTF-8
  return ({ message }) => Buffer.from(message.payload).includes(part);
}

function typeCondition(type: string, fold: Fold): Condition {
  if (!type.endsWith('*')) return ({ message }) => fold(message.type) === type;
  const prefix = type.slice(0, -1);
  return ({ message }) => fold(message.type).startsWith(prefix);
}

/**
 * The part of a filter that the store can check on the stored bytes, where each text is as it was given; `undefined`: none.
 */
function scanFilterOf(filter: TaskFilter): ScanFilter | undefined {
  const { type, idPrefix, payloadContains, errorContains, header = {}, from, to, ignoreCase = false } = filter;
  const given = [type?.replace(/\*$/, ''), errorContains, ...Object.values(header)];
  const texts = given.filter((text) => text !== undefined).map((text) => storedPart(text, ignoreCase));
  if (typeof payloadContains === 'string') texts.push(storedPart(payloadContains, ignoreCase));
  const bytes = texts.filter((text) => text !== '').map((text) => Buffer.from(text));
  if (payloadContains instanceof Uint8Array && !ignoreCase) bytes.push(Buffer.from(payloadContains));
  const fromMs = from?.getTime();
  const toMs = to?.getTime();
  const prefix = ignoreCase ? undefined : idPrefix;
  if (bytes.length === 0 && [fromMs, toMs, prefix].every((value) => value === undefined)) return undefined;
  return { texts: bytes, ignoresCase: ignoreCase, idPrefix: prefix, fromMs, toMs };
}

/**
 * What surely occurs in the bytes. The store knows the case of ASCII letters only, and other letters have an `i` or a `k` as
 * their small one: so the longest part without them.
 */
function storedPart(text: string, ignoresCase: boolean): string {
  if (!ignoresCase) return text;
  const parts = text.toLowerCase().split(/[^ -~]|[ik]/);
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), '');
}
