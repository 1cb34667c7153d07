import type { Redis } from 'ioredis';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import type { RedisClient } from './redis-connection.js';
import type { RedisLink } from './redis-link.js';

/** Keys that one call of `SCAN` looks at, and that one `UNLINK` may remove. */
const SCAN_COUNT = 1_000;
const UNLINK_BATCH = 500;
/** Tasks of which those who wait are told that they are gone; the rest find out by themselves. */
const MOST_TOLD = 1_000;

export async function removeQueue(redis: RedisLink, queue: string): Promise<boolean> {
  const reply = await redis.run(
    scripts.removeQueue,
    {
      pending: keys.pending(queue),
      active: keys.active(queue),
      scheduled: keys.scheduled(queue),
      retry: keys.retry(queue),
      archived: keys.archived(queue),
      lease: keys.lease(queue),
      expectedGroups: keys.expectedGroups(queue),
    },
    {},
  );
  if (reply === 0) return false;
  await forgetName(redis, queue);
  return true;
}

export async function purgeQueue(redis: RedisLink, queue: string): Promise<number> {
  const awaited = await orNone(
    redis.command('ZRANGE', (client) => client.zrange(keys.awaited(queue), '0', String(MOST_TOLD - 1))),
  );
  const schedules = await orNone(redis.command('SMEMBERS', (client) => client.smembers(keys.schedules(queue))));
  // Before the schedules: one that is stored meanwhile is not left without its queue's name.
  await redis.command('SREM', (client) => client.srem(keys.scheduleQueues, queue));
  // First what servers take tasks from, so that they find none while the rest goes.
  let removed = await unlink(redis, [keys.pending(queue), keys.scheduled(queue), keys.retry(queue)]);
  const nodes = await redis.command('SCAN', async (client) => mastersOf(client).length);
  for (let node = 0; node < nodes; node++) removed += await purgeNode(redis, queue, node);
  await forgetName(redis, queue); // last: dies before here, and the queue still shows, to be purged again
  for (const id of awaited) {
    await redis.hint(keys.endedChannel(queue), `removed ${id}`);
  }
  for (const name of schedules) {
    await redis.hint(keys.scheduleChannel(queue), name);
  }
  return removed;
}

/** Members of a key, none when it is of another type: such a key must not keep its queue from being purged. */
async function orNone(members: Promise<string[]>): Promise<string[]> {
  try {
    return await members;
  } catch (error) {
    if (error instanceof RedisCommandError && error.message.includes('WRONGTYPE')) return [];
    throw error;
  }
}

async function purgeNode(redis: RedisLink, queue: string, node: number): Promise<number> {
  const pattern = `${escapeGlob(keys.queuePrefix(queue))}*`;
  let removed = 0;
  let cursor = '0';
  do {
    const [next, found] = await redis.command('SCAN', async (client) =>
      mastersOf(client)[node]!.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT),
    );
    removed += await unlink(redis, found);
    cursor = next;
  } while (cursor !== '0');
  return removed;
}

async function unlink(redis: RedisLink, found: readonly string[]): Promise<number> {
  let removed = 0;
  for (let at = 0; at < found.length; at += UNLINK_BATCH) {
    removed += await redis.command('UNLINK', (client) => client.unlink(...found.slice(at, at + UNLINK_BATCH)));
  }
  return removed;
}

const forgetName = (redis: RedisLink, queue: string): Promise<number> =>
  redis.command('SREM', (client) => client.srem(keys.queues, queue));

const mastersOf = (client: RedisClient): readonly Redis[] => ('nodes' in client ? client.nodes('master') : [client]);

const escapeGlob = (text: string): string => text.replace(/[\\*?[\]]/g, '\\$&');
