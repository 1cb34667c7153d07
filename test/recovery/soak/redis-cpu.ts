import type { Redis } from 'ioredis';

/** Processor time that a Redis server has used so far, in microseconds. */
export async function redisCpuUs(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const seconds = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, text]) => Number(text));
  return seconds.reduce((sum, s) => sum + s, 0) * 1e6;
}
