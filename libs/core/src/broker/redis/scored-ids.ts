import type { RedisLink } from './redis-link.js';

/** A member of a sorted set. */
export interface ScoredId {
  readonly id: string;
  /** As text, the way Redis prints it: the scripts compare it. */
  readonly score: string;
}

/** Up to `count` members of lowest score. */
export async function lowest(redis: RedisLink, key: string, count: number): Promise<ScoredId[]> {
  const flat = await redis.command('ZRANGE', (client) => client.zrange(key, '0', String(count - 1), 'WITHSCORES'));
  return toScoredIds(flat);
}

/** Reads a reply `WITHSCORES`. */
export function toScoredIds(flat: readonly string[]): ScoredId[] {
  const members: ScoredId[] = [];
  for (let at = 0; at < flat.length; at += 2) members.push({ id: flat[at]!, score: flat[at + 1]! });
  return members;
}
