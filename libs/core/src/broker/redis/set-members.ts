import type { RedisLink } from './redis-link.js';

/** Members per call: a reply of many would hold Redis, and the event loop that parses it. */
const PAGE = 500;

/** All members of a set; read in pages, so one that is added or removed in between may be missed. */
export async function setMembers(redis: RedisLink, key: string): Promise<string[]> {
  const members = new Set<string>(); // pages may repeat members
  let cursor = '0';
  do {
    const [next, page] = await redis.command('SSCAN', (client) => client.sscan(key, cursor, 'COUNT', PAGE));
    for (const member of page) members.add(member);
    cursor = next;
  } while (cursor !== '0');
  return [...members];
}
