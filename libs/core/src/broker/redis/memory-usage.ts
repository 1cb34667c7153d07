import { RedisCommandError } from '../../errors/redis-command.error.js';
import { keys } from '../../wire/keys.js';
import { TASK_STATES } from '../../wire/task-state.js';
import type { TaskList } from '../contract/lists.js';
import type { MemoryEstimate } from '../contract/queues.js';
import { readGroupNames } from './group-names.js';
import { isRedisList, listKey } from './moves.js';
import type { RedisLink } from './redis-link.js';

/** Tasks that are measured, of all lists together. */
const SAMPLED_TASKS = 120;
/** Of each list at least as many, as tasks of one state are alike. */
const LEAST_OF_LIST = 10;
/** Of more groups, some are sampled. */
const SAMPLED_GROUPS = 20;
/** Ids that are read, or hashes that are measured, in one call. */
const PAGE = 1_000;

/** A list and what was measured of it. */
interface Stratum {
  readonly length: number;
  /** Of the list itself, bytes. */
  readonly own: number;
  /** Bytes of sampled tasks. */
  readonly tasks: readonly number[];
  /** How many such lists it stands for. */
  readonly weight: number;
}

/**
 * Estimates the memory of a queue's tasks from some of each list, chosen at random. `undefined` when Redis refuses: the
 * command is often forbidden, and an estimate does not justify an error.
 */
export async function memoryEstimate(
  redis: RedisLink,
  queue: string,
  isExact: boolean,
): Promise<MemoryEstimate | undefined> {
  try {
    const lists = await listsOf(redis, queue, isExact);
    if (isExact) {
      let bytes = 0;
      for (const { list, length } of lists) bytes += await exactBytes(redis, queue, list, length);
      return { bytes, errorBytes: 0 };
    }
    const total = lists.reduce((sum, { length }) => sum + length, 0);
    const strata = await Promise.all(
      lists.map(async ({ list, length, weight }): Promise<Stratum> => {
        const count = Math.min(length, Math.max(LEAST_OF_LIST, Math.ceil((SAMPLED_TASKS * length) / total)));
        const ids = await randomIds(redis, queue, list, length, count);
        const [own = 0, ...tasks] = await bytesOf(redis, [
          listKey(queue, list),
          ...ids.map((id) => keys.task(queue, id)),
        ]);
        return { length, own, tasks, weight };
      }),
    );
    return estimateOf(strata);
  } catch (error) {
    if (!(error instanceof RedisCommandError)) throw error;
    return undefined;
  }
}

/** The estimate from the sampled lists, and twice its standard error. */
function estimateOf(strata: readonly Stratum[]): MemoryEstimate {
  let bytes = 0;
  let variance = 0;
  for (const { length, own, tasks, weight } of strata) {
    bytes += weight * (own + totalOf(tasks, length));
    if (tasks.length < 2) continue;
    const share = 1 - tasks.length / length; // nothing is unknown when all were measured
    variance += (weight * length) ** 2 * (varianceOf(tasks) / tasks.length) * Math.max(0, share);
  }
  return { bytes: Math.round(bytes), errorBytes: Math.round(2 * Math.sqrt(variance)) };
}

/**
 * The bytes of all tasks of a list. The largest of the sample counts once as it is, and for the others as the second largest
 * (the once-winsorized mean): payloads are skewed, and one that is a thousand times as large as all others would otherwise
 * stand for many.
 */
function totalOf(sample: readonly number[], length: number): number {
  if (sample.length === 0) return 0;
  if (sample.length >= length || sample.length === 1) return mean(sample) * length;
  const [largest, second] = sample.toSorted((one, other) => other - one) as [number, number];
  const others = mean(sample) - (largest - second) / sample.length;
  return others * length + (largest - second);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function varianceOf(values: readonly number[]): number {
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
}

interface MeasuredList {
  readonly list: TaskList;
  readonly length: number;
  readonly weight: number;
}

/** The lists that hold tasks; of many groups some, unless all are wanted. */
async function listsOf(redis: RedisLink, queue: string, isExact: boolean): Promise<MeasuredList[]> {
  const [count, sample] = (await redis.pipeline('SRANDMEMBER', (pipeline) => {
    pipeline.scard(keys.groups(queue)).srandmember(keys.groups(queue), SAMPLED_GROUPS);
  })) as [number, string[]];
  const groups = isExact && count > sample.length ? await readGroupNames(redis, queue) : sample;
  const lists = [
    ...TASK_STATES.filter((state) => state !== 'aggregating').map((state) => ({ list: { state }, weight: 1 })),
    ...groups.map((group) => ({ list: { state: 'aggregating', group } as const, weight: count / groups.length })),
  ];
  const lengths = (await redis.pipeline('ZCARD', (pipeline) => {
    for (const { list } of lists) {
      if (isRedisList(list)) pipeline.llen(listKey(queue, list));
      else pipeline.zcard(listKey(queue, list));
    }
  })) as number[];
  return lists.flatMap(({ list, weight }, i) => (lengths[i]! > 0 ? [{ list, length: lengths[i]!, weight }] : []));
}

async function randomIds(
  redis: RedisLink,
  queue: string,
  list: TaskList,
  length: number,
  count: number,
): Promise<string[]> {
  const key = listKey(queue, list);
  if (!isRedisList(list)) {
    return redis.command('ZRANDMEMBER', (client) => client.zrandmember(key, count));
  }
  // All of a short list; otherwise places at random, none of them twice.
  if (count === length) return redis.command('LRANGE', (client) => client.lrange(key, 0, -1));
  const places = new Set(Array.from({ length: count }, () => Math.floor(Math.random() * length)));
  const ids = (await redis.pipeline('LINDEX', (pipeline) => {
    for (const place of places) pipeline.lindex(key, place);
  })) as (string | null)[];
  return [...new Set(ids.filter((id) => id !== null))];
}

/** Bytes of each key that exists. */
async function bytesOf(redis: RedisLink, measured: readonly string[]): Promise<number[]> {
  const bytes = (await redis.pipeline('MEMORY USAGE', (pipeline) => {
    for (const key of measured) pipeline.memory('USAGE', key);
  })) as (number | null)[];
  return bytes.filter((one) => one !== null);
}

async function exactBytes(redis: RedisLink, queue: string, list: TaskList, length: number): Promise<number> {
  const key = listKey(queue, list);
  // All entries of the list, as it is never larger than its tasks.
  const [own = 0] = (await redis.pipeline('MEMORY USAGE', (pipeline) => {
    pipeline.memory('USAGE', key, 'SAMPLES', 0);
  })) as (number | null)[];
  let bytes = own ?? 0;
  for (let from = 0; from < length; from += PAGE) {
    const ids = await redis.command('ZRANGE', (client) =>
      isRedisList(list)
        ? client.lrange(key, from, from + PAGE - 1)
        : client.zrange(key, String(from), String(from + PAGE - 1)),
    );
    if (ids.length === 0) break;
    for (const one of await bytesOf(
      redis,
      ids.map((id) => keys.task(queue, id)),
    ))
      bytes += one;
  }
  return bytes;
}
