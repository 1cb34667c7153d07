import { keys } from '../../wire/keys.js';
import { decodePlaceInList, encodePlaceInList, type PassedEntry, type PlaceInList } from '../scan-position.js';
import type { TaskList } from '../contract/lists.js';
import { listKey } from './moves.js';
import { type HashFields, readHashes } from './read-hashes.js';
import type { RedisLink } from './redis-link.js';

/** Entries around the expected position that are searched first. */
const NEARBY = 100;
/** Ids per reply when the whole list is searched for the position. */
const CHUNK = 10_000;

/** Fields of a task's hash that change when it leaves `pending` and comes back, or moves within it. */
export const MARK_FIELDS = ['pending_since', 'run_next_ns'] as const;

/** An entry of `pending` or `active`. */
export interface ListEntry {
  readonly id: string;
  /** Unix ns, as text; in `pending` only, and not for every task. */
  readonly pendingSince: string | null;
  /** As {@link PassedEntry.mark}. */
  readonly mark: string;
}

interface ListStretch {
  readonly entries: readonly ListEntry[];
  /** The position behind an entry. */
  readonly after: (at: number) => string;
}

interface Stretch {
  readonly index: number;
  readonly ids: readonly string[];
  readonly passed: readonly PassedEntry[];
}

/** Looks at the first of the entries, at least at one; `undefined` for one that is not wanted. */
export type Look<Found> = (ids: readonly string[]) => Promise<readonly (Found | undefined)[]>;

interface SearchedStretch<Found> extends ListStretch {
  /** What was found at the first of the entries. */
  readonly found: readonly (Found | undefined)[];
}

/**
 * Reads the next page of a Redis list, the newest entry first. Between pages entries are added and removed at both ends
 * and removed from the middle, so an index is not reliable: the scan resumes behind the nearest entry that it has
 * passed and that has not moved. Entries keep their order, so none that stays is left out. When all remembered entries
 * are gone, it starts over.
 */
export async function scanList(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  position: string | undefined,
  limit: number,
): Promise<ListStretch> {
  const { read, readAgain, readMarks } = walk(redis, queue, list, position, limit);
  // Marks are read before entries: a mark then belongs to the entry found here, or to an earlier stay and is ignored.
  const marked = byId(await readMarks((await read()).ids));
  const stretch = await readAgain(marked);
  const late = byId(await readMarks(stretch.ids.filter((id) => !marked.has(id))));
  return {
    entries: stretch.ids.map((id) => (marked.get(id) ?? late.get(id))!),
    after: (at) => placeAfter(stretch, at, marked),
  };
}

/**
 * The same for a search that wants few of the entries: it reads the marks of those, with them, and of as many others as a position
 * remembers.
 */
export async function searchList<Found extends { readonly marks: HashFields }>(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  position: string | undefined,
  limit: number,
  look: Look<Found>,
): Promise<SearchedStretch<Found>> {
  const { read, readAgain, readMarks } = walk(redis, queue, list, position, limit);
  const seen = new Map<string, Found | undefined>();
  const lookAt = async (ids: readonly string[]): Promise<readonly string[]> => {
    const some = await look(ids);
    for (const [nth, found] of some.entries()) seen.set(ids[nth]!, found);
    return ids.slice(0, some.length);
  };

  const first = await lookAt((await read()).ids);
  const marked = byId(await readMarks(spaced(first)));
  for (const [id, found] of seen) if (found) marked.set(id, entryOf(id, list, found.marks));
  const stretch = await readAgain(seen);
  const { ids } = stretch;
  const late = ids.slice(0, ids.findLastIndex((id) => seen.has(id)) + 1 || ids.length).filter((id) => !seen.has(id));
  if (late.length > 0) await lookAt(late);

  const end = ids.findIndex((id) => !seen.has(id));
  const found = ids.slice(0, end === -1 ? ids.length : end).map((id) => seen.get(id));
  return {
    found,
    entries: ids.map((id, at) => entryOf(id, list, found[at]?.marks)),
    after: (at) => placeAfter(stretch, at, marked),
  };
}

/** Reads what follows a position, and marks. */
function walk(redis: RedisLink, queue: string, list: TaskList, position: string | undefined, limit: number) {
  const key = listKey(queue, list);
  const place = position === undefined ? undefined : decodePlaceInList(position);
  const readMarks: ReadMarks = (ids) => entriesOf(redis, queue, list, ids);
  const read = async (): Promise<Stretch> =>
    (place && (await find(redis, key, place, limit, readMarks))) ?? {
      index: 0,
      ids: await range(redis, key, 0, limit),
      passed: [],
    };
  /** From the first entry that was seen: tasks enqueued since the first read of a first page may have pushed all of those out of it. */
  const readAgain = async (seen: ReadonlyMap<string, unknown>): Promise<Stretch> => {
    const stretch = await read();
    if (stretch.index > 0 || seen.size === 0 || seen.has(stretch.ids[0]!)) return stretch;
    const ids = await range(redis, key, 0, CHUNK + limit);
    const index = ids.findIndex((id) => seen.has(id));
    // Beyond the chunk too few entries follow.
    return index < 0 || index > CHUNK ? stretch : { index, ids: ids.slice(index, index + limit), passed: [] };
  };
  return { read, readAgain, readMarks };
}

const byId = (entries: readonly ListEntry[]): Map<string, ListEntry> =>
  new Map(entries.map((entry) => [entry.id, entry]));

function placeAfter({ index, ids, passed }: Stretch, at: number, marked: ReadonlyMap<string, ListEntry>): string {
  const own = ids.slice(0, at + 1).map((id) => marked.get(id));
  return encodePlaceInList({ index: index + at + 1, passed: passedAt(own, passed) });
}

/** Those that a position behind the last entry remembers. */
function spaced(ids: readonly string[]): string[] {
  const some: string[] = [];
  for (let distance = 0; distance < ids.length; distance = 2 * distance + 1) some.push(ids.at(-1 - distance)!);
  return some;
}

type ReadMarks = (ids: readonly string[]) => Promise<ListEntry[]>;

/** The entries after the position; `undefined` when none of the remembered entries is left. */
async function find(
  redis: RedisLink,
  key: string,
  place: PlaceInList,
  limit: number,
  readMarks: ReadMarks,
): Promise<Stretch | undefined> {
  const near = Math.max(place.index - NEARBY, 0);
  let stretch = { from: near, count: place.index - near + NEARBY + limit };
  for (let next = 0; ; next += CHUNK) {
    const ids = await range(redis, key, stretch.from, stretch.count);
    const at = await lastPassed(ids, place, readMarks);
    // Too few entries follow an entry near the end of a chunk: the next chunk begins there.
    if (at !== undefined && (ids.length - at > limit || ids.length < stretch.count)) {
      return { index: stretch.from + at + 1, ids: ids.slice(at + 1, at + 1 + limit), passed: place.passed };
    }
    if (next > 0 && ids.length < stretch.count) return undefined;
    stretch = { from: next, count: CHUNK + limit };
  }
}

/** Index of the nearest entry that was passed and has not moved since. */
async function lastPassed(
  ids: readonly string[],
  { passed }: PlaceInList,
  readMarks: ReadMarks,
): Promise<number | undefined> {
  const indexes = new Map(ids.map((id, at) => [id, at]));
  const present = passed.filter(({ id }) => indexes.has(id));
  // Read after the list: an entry that left it and came back before has another mark by now.
  const now = await readMarks(present.map(({ id }) => id));
  const nearest = present.find(({ mark }, at) => now[at]!.mark === mark);
  return nearest && indexes.get(nearest.id);
}

/** The last entry passed, and exponentially fewer of the earlier ones. */
function passedAt(own: readonly (ListEntry | undefined)[], before: readonly PassedEntry[]): PassedEntry[] {
  const all = [
    ...own.toReversed().map((entry, distance) => entry && { id: entry.id, mark: entry.mark, distance }),
    ...before.map(({ id, mark, distance }) => ({ id, mark, distance: distance + own.length })),
  ];
  const passed: PassedEntry[] = [];
  for (const entry of all) {
    const farthest = passed.at(-1)?.distance ?? -1;
    if (entry && entry.distance > 2 * farthest) passed.push(entry);
  }
  return passed;
}

const range = (redis: RedisLink, key: string, from: number, count: number): Promise<string[]> =>
  redis.command('LRANGE', (client) => client.lrange(key, from, from + count - 1));

async function entriesOf(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  ids: readonly string[],
): Promise<ListEntry[]> {
  if (list.state === 'active' || ids.length === 0) return ids.map((id) => entryOf(id, list));
  const tasks = ids.map((id) => keys.task(queue, id));
  const marks = await readHashes(redis, tasks, MARK_FIELDS);
  return ids.map((id, i) => entryOf(id, list, marks[i]));
}

/** @param marks values of {@link MARK_FIELDS} */
function entryOf(id: string, { state }: TaskList, marks: HashFields = []): ListEntry {
  // An active task that comes back is at the beginning: a scan that resumes behind it returns others twice.
  if (state === 'active') return { id, pendingSince: null, mark: '' };
  const [pendingSince = null, runNextNs] = marks.map((value) => value?.toString() ?? null);
  return { id, pendingSince, mark: `${pendingSince ?? ''}${runNextNs ? `:${runNextNs}` : ''}` };
}
