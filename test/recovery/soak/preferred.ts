import { setPriority } from 'node:os';
import type { Redis } from 'ioredis';

const PRIORITY = -15;

/**
 * Lets a Redis server run before other processes: its log of slow commands measures elapsed time, in which they would be on
 * a busy machine. @param isOwnToo also this process, whose rates are compared
 */
export async function prefer(redis: Redis, isOwnToo = false): Promise<void> {
  const pid = Number(/process_id:(\d+)/.exec(await redis.info('server'))?.[1]);
  try {
    setPriority(pid, PRIORITY);
    if (isOwnToo) setPriority(PRIORITY);
  } catch (error) {
    console.warn('cannot prefer Redis to other processes: the figures tell of the machine, too', error);
  }
}
