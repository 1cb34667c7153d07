import { openRedisQueue, type TestQueue } from '@nestjs-asynq/core/testing';
import { expect, it } from 'vitest';
import { member, takeAll } from './grouped-tasks.js';
import { shareRedis } from './shared-redis.js';

const IDS = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Two of them are more than one reply may hold. */
const PAYLOAD = new Uint8Array(600_000);
const redis = shareRedis();

const messages = Object.fromEntries(IDS.map((id) => [id, { payload: PAYLOAD }]));

/** How many scripts ran, one reply each, and how many hashes were read outside of scripts. */
async function replies(act: () => Promise<unknown>): Promise<{ scripts: number }> {
  await redis.client.config('RESETSTAT');
  await act();
  const stats = await redis.client.info('commandstats');
  const calls = (command: string): number =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  return { scripts: calls('evalsha') };
}

async function warmUp(q: TestQueue): Promise<void> {
  await q.broker.listTasks(q.name, { state: 'archived' }, 0, 100); // the scripts are known from now on
}

it('lists large tasks in a reply for each', async () => {
  await using q = openRedisQueue(redis.client);
  await q.seed({ archived: Object.fromEntries(IDS.map((id) => [id, '1s'])), messages });
  await warmUp(q);

  const seen = await replies(() => q.broker.listTasks(q.name, { state: 'archived' }, 0, 100));

  expect(seen.scripts).toBe(IDS.length);
});

it('recovers large tasks in a reply for each, and gives back what it has read before it reads on', async () => {
  await using q = openRedisQueue(redis.client);
  await q.seed({ active: IDS, messages });
  await q.clock.advance('1m');
  await warmUp(q);

  const seen = await replies(() => q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 3, limit: 100 }));

  expect(seen.scripts).toBeGreaterThanOrEqual(2 * IDS.length - 1); // the first call of a script sends its text
});

it('reads the large members of a set in a reply for each', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.enqueue(
    IDS.map((id) => ({ ...member(q, id), message: q.message(id, { groupKey: 'digest', payload: PAYLOAD }) })),
  );
  await warmUp(q);

  const seen = await replies(() => takeAll(q));

  expect(seen.scripts).toBeGreaterThanOrEqual(IDS.length);
});
