import * as scripts from '../../scripts/scripts.generated.js';
import { keys } from '../../wire/keys.js';
import { mastersOf } from './nodes.js';
import { publishHint } from './publish.js';
import type { RedisLink } from './redis-link.js';
import { setMembers } from './set-members.js';

/** The `COUNT` of `SCAN`, and the maximum number of keys per `UNLINK`. */
const SCAN_COUNT = 1_000;
const UNLINK_BATCH = 500;
/** Maximum number of awaited tasks whose removal is notified; clients find out about the rest by polling. */
const MAX_NOTIFIED = 1_000;

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
      events: keys.events(queue),
    },
    {},
  );
  if (reply === 0) return false;
  await forgetName(redis, queue);
  return true;
}

export async function purgeQueue(redis: RedisLink, queue: string): Promise<number> {
  const awaited = await redis.orElse(
    redis.command('ZRANGE', (client) => client.zrange(keys.awaited(queue), '0', String(MAX_NOTIFIED - 1))),
    [],
  );
  const schedules = await redis.orElse(setMembers(redis, keys.schedules(queue)), []);
  // Before the schedules: a schedule stored during the removal must not be left without the name of its queue.
  await redis.orElse(
    redis.command('SREM', (client) => client.srem(keys.scheduleQueues, queue)),
    0,
  );
  // First the keys from which servers take tasks, so that they find none while the rest is deleted.
  let removed = await unlink(redis, [keys.pending(queue), keys.scheduled(queue), keys.retry(queue)]);
  const nodes = await redis.command('SCAN', async (client) => mastersOf(client).length);
  const purged = await Promise.all(Array.from({ length: nodes }, (_, node) => purgeNode(redis, queue, node)));
  for (const count of purged) removed += count;
  await forgetName(redis, queue); // last: after a crash before this line the queue is still listed, and can be purged again
  await Promise.all([
    ...awaited.map((id) => publishHint(redis, keys.endedChannel(queue), `removed ${id}`)),
    ...schedules.map((name) => publishHint(redis, keys.scheduleChannel(queue), name)),
  ]);
  return removed;
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

const escapeGlob = (text: string): string => text.replace(/[\\*?[\]]/g, '\\$&');
