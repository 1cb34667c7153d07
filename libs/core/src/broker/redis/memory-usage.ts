import { RedisCommandError } from '../../errors/redis-command.error.js';
import { keys } from '../../wire/keys.js';
import { TASK_STATES } from '../../wire/task-state.js';
import type { TaskList } from '../contract/lists.js';
import { isRedisList, listKey } from './moves.js';
import type { RedisLink } from './redis-link.js';

/** The same samples as asynq. */
const SAMPLED_TASKS = 20;
const SAMPLED_GROUPS = 5;

/**
 * Estimates the memory of a queue's tasks from a few hashes of every list. `undefined` when Redis refuses: the command
 * is often forbidden, and an estimate does not justify an error.
 */
export async function memoryBytes(redis: RedisLink, queue: string): Promise<number | undefined> {
  try {
    const [groups, sample] = (await redis.pipeline('SRANDMEMBER', (pipeline) => {
      pipeline.scard(keys.groups(queue)).srandmember(keys.groups(queue), SAMPLED_GROUPS);
    })) as [number, string[]];
    const states = TASK_STATES.filter((state) => state !== 'aggregating').map((state): TaskList => ({ state }));
    const sampled = sample.map((group): TaskList => ({ state: 'aggregating', group }));
    const ofStates = await Promise.all(states.map((list) => listBytes(redis, queue, list)));
    const ofGroups = await Promise.all(sampled.map((list) => listBytes(redis, queue, list)));
    return Math.round(sum(ofStates) + mean(ofGroups) * groups);
  } catch (error) {
    if (!(error instanceof RedisCommandError)) throw error;
    return undefined;
  }
}

/** The size of the list, plus its length times the mean size of the first hashes. */
async function listBytes(redis: RedisLink, queue: string, list: TaskList): Promise<number> {
  const key = listKey(queue, list);
  const last = SAMPLED_TASKS - 1;
  const [length, ids] = (await redis.pipeline('LRANGE', (pipeline) => {
    if (isRedisList(list)) pipeline.llen(key).lrange(key, 0, last);
    else pipeline.zcard(key).zrange(key, '0', String(last));
  })) as [number, string[]];
  if (length === 0) return 0;
  const [own, ...hashes] = (await redis.pipeline('MEMORY USAGE', (pipeline) => {
    for (const sampled of [key, ...ids.map((id) => keys.task(queue, id))]) pipeline.memory('USAGE', sampled);
  })) as (number | null)[];
  return (own ?? 0) + mean(hashes.filter((bytes) => bytes !== null)) * length;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const mean = (numbers: readonly number[]): number => (numbers.length === 0 ? 0 : sum(numbers) / numbers.length);
