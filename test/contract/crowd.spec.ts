import { openRedisQueue, type TestQueue } from '@nestjs-asynq/core/testing';
import { beforeEach, expect, it } from 'vitest';
import { shareRedis } from './shared-redis.js';

/** More than one look reads at a time. */
const CROWD = 3_300;
const LIMIT = 500;
const redis = shareRedis();

beforeEach(() => redis.client.config('RESETSTAT'));

async function calls(command: string): Promise<number> {
  const stats = await redis.client.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

/** Tasks that are due in one second, in an order that is not that of their ids. */
async function seedCrowd(q: TestQueue): Promise<string[]> {
  const dueIn = new Map(Array.from({ length: CROWD }, (_, n) => [`t-${n}`, 1 + ((n * 7_919) % 1_000)]));
  await q.seed({ scheduled: Object.fromEntries(dueIn) });
  const ids = [...dueIn.keys()].sort();
  return ids.sort((a, b) => dueIn.get(a)! - dueIn.get(b)!);
}

async function forwardAll(q: TestQueue): Promise<number> {
  let moved = 0;
  for (let step = Infinity; step > 0;) {
    step = (await q.broker.forwardDue(q.name, LIMIT)).moved;
    moved += step;
  }
  return moved;
}

it('reads the due time of each task once, when they are due at one time', async () => {
  await using q = openRedisQueue(redis.client);
  const inOrder = await seedCrowd(q);
  await q.clock.advance('1s');

  const moved = await forwardAll(q);

  expect([moved, await calls('hmget')]).toEqual([CROWD, CROWD]);
  expect((await q.dump()).nextUp).toEqual(inOrder);
});

it('reads the due time of each task once, however often it looks at their second', async () => {
  await using q = openRedisQueue(redis.client);
  const inOrder = await seedCrowd(q);

  let moved = 0;
  for (let atMs = 0; atMs < 1_000; atMs += 50) {
    await q.clock.advance(50);
    moved += await forwardAll(q);
  }

  expect([moved, await calls('hmget')]).toEqual([CROWD, CROWD]);
  expect((await q.dump()).nextUp).toEqual(inOrder);
});

it('looks at the seconds one after the other, not at all that is overdue', async () => {
  await using q = openRedisQueue(redis.client);
  const tasks = Object.fromEntries(Array.from({ length: CROWD }, (_, n) => [`t-${n}`, n * 100]));
  await q.seed({ scheduled: tasks });
  await q.clock.advance('1h');

  await q.broker.forwardDue(q.name, LIMIT);
  const read = await calls('hmget');
  const moved = await forwardAll(q);

  expect(read).toBeLessThan(1_100);
  expect(moved).toBe(CROWD - LIMIT);
  expect((await q.dump()).nextUp).toEqual(Object.keys(tasks));
});

it('finds the tasks again that another server moved or put off', async () => {
  await using q = openRedisQueue(redis.client);
  await using other = openRedisQueue(redis.client, { name: q.name, clock: q.clock });
  await seedCrowd(q);
  await q.broker.forwardDue(q.name, LIMIT);
  await q.clock.advance('1s');
  await forwardAll(other);
  await q.seed({ scheduled: { late: 10 } });
  await q.clock.advance(10);

  const { moved } = await q.broker.forwardDue(q.name, LIMIT);

  expect(moved).toBe(1);
});
