import type { SingleBar } from 'cli-progress';
import type { TaskFilter, TaskInfo, TaskState } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { unanswered } from '../output/error-line.js';
import { openBar } from '../output/progress.js';
import { UsageError } from '../usage.error.js';
import { isQueueName } from './command.js';

/** Tasks that are searched in one call, so that Ctrl-C and the progress do not wait for long. */
const STEP = 20_000;
/** The most tasks that one call returns. */
const MOST_FOUND = 10_000;

/** A list of tasks: a queue in a state, and a group if aggregating. */
export interface Place {
  readonly queue: string;
  readonly state: TaskState;
  readonly group?: string | undefined;
}

/** The lists that are asked for. */
export interface PlaceChoice {
  /** Default: all. */
  readonly queues: readonly string[] | undefined;
  readonly states: readonly TaskState[];
  /** Default: all. */
  readonly group: string | undefined;
}

/** The lists that hold tasks, by queue and state. A queue whose groups cannot be read is reported, and they are left out. */
export async function placesOf(context: Context, { queues, states, group }: PlaceChoice): Promise<Place[]> {
  const { inspector } = context;
  const names = queues ? [...new Set(queues)] : (await inspector.queues()).filter((name) => isSound(context, name));
  const isAggregating = states.includes('aggregating') && group === undefined;
  const places = await Promise.all(
    names.map(async (queue): Promise<Place[]> => {
      const all = () => inspector.groups(queue);
      const found = isAggregating ? await tryPlace(context, { queue, state: 'aggregating' }, all) : undefined;
      const groups = isAggregating ? (found ?? []).map((one) => one.group) : [group!];
      return states.flatMap((state): Place[] =>
        state === 'aggregating' ? groups.map((one) => ({ queue, state, group: one })) : [{ queue, state }],
      );
    }),
  );
  return places.flat();
}

/** An invalid name, written by another program, must not hide the other queues. */
function isSound(context: Context, queue: string): boolean {
  const isIt = isQueueName(queue);
  if (!isIt) context.warn(`${JSON.stringify(queue)} is no name for a queue: left out`);
  return isIt;
}

interface SearchLimits {
  readonly limit: number;
  /** Default: all tasks. */
  readonly scanBudget: number | undefined;
  readonly cursor: string | undefined;
}

/** The result of a search through several lists. */
export interface FoundInPlaces {
  readonly tasks: readonly TaskInfo[];
  readonly scanned: number;
  /** Why it did not search to the end; `undefined`: it did. */
  readonly stopped: 'limit' | 'scan_budget' | 'interrupt' | undefined;
  /** Where to continue. */
  readonly cursor: string | undefined;
}

/**
 * Searches list after list until it has found enough, has searched enough, is at the end, or Ctrl-C is pressed. It has
 * stopped at a limit only when it knows of one more beyond: of a task that matches, or of one to search. A list that cannot
 * be read is reported and left out.
 * @throws {UsageError} the cursor is not from a search of these lists
 */
export async function searchPlaces(
  context: Context,
  filter: Omit<TaskFilter, 'queue' | 'state'>,
  { places, choice }: { readonly places: readonly Place[]; readonly choice: PlaceChoice },
  { limit, scanBudget, cursor: given }: SearchLimits,
): Promise<FoundInPlaces> {
  checkLimit('limit', limit);
  checkLimit('scan_budget', scanBudget);
  const { signal } = context.interrupt;
  const begin = given === undefined ? undefined : readCursor(given, places, choice);
  const progress = context.showsProgress ? await openProgress(context, places) : undefined;
  const tasks: TaskInfo[] = [];
  let scanned = 0;
  try {
    for (const [nth, place] of places.entries()) {
      if (begin && nth < begin.nth) continue;
      let cursor = begin?.nth === nth ? begin.cursor : undefined;
      do {
        const left = Math.min(STEP, (scanBudget ?? Number.POSITIVE_INFINITY) - scanned);
        const here = { tasks, scanned, cursor: writeCursor(place, cursor) };
        if (signal.aborted) return { ...here, stopped: 'interrupt' };
        const [isFull, isSpent] = [tasks.length >= limit, left <= 0];
        const most = { limit: isFull ? 1 : Math.min(MOST_FOUND, limit - tasks.length), scanBudget: isSpent ? 1 : left };
        const found = await tryPlace(context, place, () =>
          context.inspector.findTasks({ ...filter, ...place, ...most, cursor }),
        );
        if (isFull && found && found.tasks.length > 0) return { ...here, stopped: 'limit' };
        if (isSpent && found && found.scanned > 0) return { ...here, stopped: 'scan_budget' };
        tasks.push(...(found?.tasks ?? []));
        scanned += found?.scanned ?? 0;
        cursor = found?.cursor;
        progress?.update(scanned);
      } while (cursor !== undefined);
    }
    return { tasks, scanned, stopped: undefined, cursor: undefined };
  } finally {
    progress?.stop();
  }
}

/**
 * A queue may not exist, or no longer, and a node may be away: that is reported, and the others are searched.
 * @param howFar for the report
 */
export async function tryPlace<T>(
  context: Context,
  { queue, state }: Place,
  work: () => Promise<T>,
  howFar: () => string = () => '',
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code !== 'REDIS_COMMAND' && code !== 'QUEUE_NOT_FOUND') throw error;
    context.fail(code === 'REDIS_COMMAND' ? unanswered(`${JSON.stringify(queue)}, ${state}${howFar()}`, error) : error);
    return undefined;
  }
}

function checkLimit(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return;
  throw new UsageError(`--${name} is ${value}: a whole number above 0 expected`);
}

async function openProgress(context: Context, places: readonly Place[]): Promise<SingleBar> {
  const names = [...new Set(places.map(({ queue }) => queue))];
  const infos = await Promise.allSettled(names.map((name) => context.inspector.queueInfo(name)));
  const known = new Map(
    infos.flatMap((info) => (info.status === 'fulfilled' ? [[info.value.queue, info.value] as const] : [])),
  );
  const states = new Set(places.map(({ queue, state }) => JSON.stringify([queue, state])));
  const total = [...states].reduce((sum, place) => {
    const [queue, state] = JSON.parse(place) as [string, TaskState];
    return sum + (known.get(queue)?.[state] ?? 0);
  }, 0);
  const bar = await openBar();
  bar.start(total, 0);
  return bar;
}

const writeCursor = ({ queue, state, group }: Place, cursor: string | undefined): string =>
  Buffer.from(JSON.stringify([queue, state, group ?? null, cursor ?? null])).toString('base64url');

/** The list at which to continue, or the first behind it if that has gone meanwhile; behind the last one: nowhere. */
function readCursor(
  text: string,
  places: readonly Place[],
  choice: PlaceChoice,
): { readonly nth: number; readonly cursor: string | undefined } {
  const [queue, state, group, cursor] = parseCursor(text);
  const isOther = choice.queues?.includes(queue) === false || !choice.states.includes(state);
  if (isOther || (choice.group !== undefined && group !== choice.group)) throw refusal(text);
  const order = orderOf({ queue, state, group: group ?? undefined }, choice);
  const nth = places.findIndex((place) => order(place) >= 0);
  if (nth === -1) return { nth: places.length, cursor: undefined };
  return { nth, cursor: order(places[nth]!) === 0 ? (cursor ?? undefined) : undefined };
}

/** Whether a list comes before the given one (negative), is that one (0), or comes after it, in the order of `placesOf`. */
function orderOf(given: Place, { queues, states }: PlaceChoice): (place: Place) => number {
  const compare = (a = '', b = ''): number => (a === b ? 0 : a < b ? -1 : 1);
  return ({ queue, state, group }) =>
    (queues ? queues.indexOf(queue) - queues.indexOf(given.queue) : compare(queue, given.queue)) ||
    states.indexOf(state) - states.indexOf(given.state) ||
    compare(group, given.group);
}

type CursorParts = readonly [queue: string, state: TaskState, group: string | null, cursor: string | null];

function parseCursor(text: string): CursorParts {
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Array.isArray(parts) && parts.length === 4) return parts as unknown as CursorParts;
  } catch {
    // Something else.
  }
  throw refusal(text);
}

const refusal = (text: string): UsageError =>
  new UsageError(`--cursor is "${text}": the cursor of an earlier search with the same queues and states expected`);
