import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { ceilS, floorS } from '../../wire/unix-time.js';
import { encodePlaceInSet } from '../scan-position.js';
import { MOST_READ_BYTES, type ScanFilter, type StoredTask, type TaskList } from '../contract/lists.js';
import type { RedisLink } from './redis-link.js';
import { MARK_FIELDS } from './scan-list.js';
import type { HashFields } from './read-hashes.js';
import { type FoundTask, TASK_FIELDS, toStoredTask } from './stored-task.js';

/** Maximum number of tasks per call. */
const BATCH = 500;
/** Read together, so that the mark is that of the task which was searched. */
const FIELDS = [...TASK_FIELDS, ...MARK_FIELDS];
/** Bytes of messages that one call may search: about 5 ms. */
const MOST_SEARCHED_BYTES = 4 * 1_048_576;

interface MatchedEntry {
  /** `undefined` when the hash has no message. */
  readonly task: StoredTask | undefined;
  /** Values of {@link MARK_FIELDS}. */
  readonly marks: HashFields;
}

/**
 * Reads those of the first tasks that may meet the filter, and leaves out the others: as many as one call may search, at least
 * one.
 */
export async function findSomeTasks(
  redis: RedisLink,
  queue: string,
  found: readonly FoundTask[],
  filter: ScanFilter,
): Promise<(MatchedEntry | undefined)[]> {
  const some = found.slice(0, BATCH);
  const places = some.flatMap((entry, place) => (mayMatch(entry, filter) ? [place] : []));
  if (places.length === 0) return some.map(() => undefined);
  const [searched, matches, values] = (await redis.run(
    scripts.findHashes,
    { record: places.map((place) => keys.task(queue, some[place]!.id)) },
    {
      mostBytes: MOST_READ_BYTES,
      mostSearched: MOST_SEARCHED_BYTES,
      fields: FIELDS.join(','),
      ignoresCase: Number(filter.ignoresCase),
      queueName: queue,
      idFrom: Buffer.byteLength(keys.task(queue, '')) + 1,
    },
    filter.texts.map((text) => ({ text: Buffer.from(text) })),
  )) as [number, number[], (Buffer | null)[]];
  const end = searched < places.length ? places[searched]! : some.length;
  const matched = some.slice(0, end).map((): MatchedEntry | undefined => undefined);
  const nowMs = redis.clock.nowMs();
  for (const [nth, match] of matches.entries()) {
    const place = places[match]!;
    const fields = values.slice(nth * FIELDS.length, (nth + 1) * FIELDS.length);
    const task = toStoredTask(queue, some[place]!, fields, nowMs);
    matched[place] = { task, marks: fields.slice(TASK_FIELDS.length) };
  }
  return matched;
}

/** What the id and the score say, so that the hash of another task is not read. */
function mayMatch({ id, state, score }: FoundTask, { idPrefix = '', fromMs, toMs }: ScanFilter): boolean {
  if (!id.startsWith(idPrefix)) return false;
  if (score === undefined || !isByScore(state)) return true;
  return (fromMs === undefined || score >= floorS(fromMs)) && (toMs === undefined || score <= lastScore(toMs));
}

/** Whether the scores of the list are the times of its tasks, rounded to seconds. */
const isByScore = (state: TaskList['state']): boolean =>
  state === 'scheduled' || state === 'retry' || state === 'archived' || state === 'aggregating';

/** Scores are rounded up. */
const lastScore = (toMs: number): number => ceilS(toMs) + 1;

/** Where a scan begins that is to find only later tasks; `undefined`: at the beginning. */
export function beginOf({ state }: TaskList, { fromMs }: ScanFilter): string | undefined {
  if (fromMs === undefined || !isByScore(state)) return undefined;
  return encodePlaceInSet({ score: String(floorS(fromMs) - 1), member: new Uint8Array() });
}

/** Whether a scan in the order of the scores has passed all that it is to find. */
export function isPast({ state, score }: FoundTask, { toMs }: ScanFilter): boolean {
  return toMs !== undefined && isByScore(state) && score !== undefined && score > lastScore(toMs);
}
