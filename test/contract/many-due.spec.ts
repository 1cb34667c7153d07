import { beforeEach, describe, expect, it } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { interfere } from './interfere.js';
import { shareRedis } from './shared-redis.js';

/** More than one page of the forwarder. */
const TASKS = 3_300;
const LIMIT = 500;
const redis = shareRedis();

beforeEach(() => redis.client.config('RESETSTAT'));

async function calls(command: string): Promise<number> {
  return (await CommandCount.read(redis.client)).calls[command] ?? 0;
}

/** Tasks due in one second, in an order other than that of their ids. */
async function seedTasks(q: TestQueue, firstMs = 1, spreadMs = 1_000): Promise<string[]> {
  const dueIn = new Map(Array.from({ length: TASKS }, (_, n) => [`t-${n}`, firstMs + ((n * 7_919) % spreadMs)]));
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

it('reads the due time of each task once, when they are due at once', async () => {
  await using q = openRedisQueue(redis.client);
  const inOrder = await seedTasks(q);
  await q.clock.advance('1s');

  const moved = await forwardAll(q);

  expect([moved, await calls('hmget')]).toEqual([TASKS, TASKS]);
  expect((await q.dump()).nextUp).toEqual(inOrder);
});

it('reads the due time of each task once, however often it checks their second', async () => {
  await using q = openRedisQueue(redis.client);
  const inOrder = await seedTasks(q);

  let moved = 0;
  for (let atMs = 0; atMs < 1_000; atMs += 50) {
    await q.clock.advance(50);
    moved += await forwardAll(q);
  }

  expect([moved, await calls('hmget')]).toEqual([TASKS, TASKS]);
  expect((await q.dump()).nextUp).toEqual(inOrder);
});

it('reads the seconds one after the other, not everything overdue', async () => {
  await using q = openRedisQueue(redis.client);
  const tasks = Object.fromEntries(Array.from({ length: TASKS }, (_, n) => [`t-${n}`, n * 100]));
  await q.seed({ scheduled: tasks });
  await q.clock.advance('1h');

  await q.broker.forwardDue(q.name, LIMIT);
  const read = await calls('hmget');
  const moved = await forwardAll(q);

  expect(read).toBeLessThan(1_100);
  expect(moved).toBe(TASKS - LIMIT);
  expect((await q.dump()).nextUp).toEqual(Object.keys(tasks));
});

it('notices tasks that another server moved or rescheduled', async () => {
  await using q = openRedisQueue(redis.client);
  await using other = openRedisQueue(redis.client, { name: q.name, clock: q.clock });
  await seedTasks(q);
  await q.broker.forwardDue(q.name, LIMIT);
  await q.clock.advance('1s');
  await forwardAll(other);
  await q.seed({ scheduled: { late: 10 } });
  await q.clock.advance(10);

  const { moved } = await q.broker.forwardDue(q.name, LIMIT);

  expect(moved).toBe(1);
});

it('moves each task once when others are added while it reads them', async () => {
  await using q = openRedisQueue(redis.client);
  const ids = Array.from({ length: 40 }, (_, n) => `t-${10 + n}`);
  await q.seed({ retry: Object.fromEntries(ids.map((id) => [id, 1])) });
  await q.clock.advance('1s');
  const pages = interfere('zrange', 'after', () => q.seed({ retry: { 'added-0': 0, 'added-1': 0 } }));

  await forwardAll(q);

  expect(pages.mock.calls.length).toBeGreaterThan(1);
  expect((await q.dump()).nextUp.toSorted()).toEqual(['added-0', 'added-1', ...ids]);
});

describe('many tasks of the next second', () => {
  /** Tasks whose second begins in 10 s, and a forwarder that has just read their due times. */
  async function readAhead(q: TestQueue): Promise<string[]> {
    const inOrder = await seedTasks(q, 10_001, 999);
    const { nextDueAtMs } = await q.broker.forwardDue(q.name, LIMIT);
    await q.clock.advance(nextDueAtMs! - q.clock.nowMs());
    await q.broker.forwardDue(q.name, LIMIT);
    await expect.poll(() => calls('hmget')).toBe(TASKS);
    return inOrder;
  }

  it('have been read when it begins, and keep their order', async () => {
    await using q = openRedisQueue(redis.client);
    const startMs = q.clock.nowMs();
    const inOrder = await readAhead(q);
    const readAtMs = q.clock.nowMs();
    await q.clock.advance(startMs + 11_000 - q.clock.nowMs());

    const moved = await forwardAll(q);

    expect(readAtMs).toBeLessThan(startMs + 10_000);
    expect([moved, await calls('hmget')]).toEqual([TASKS, TASKS]);
    expect((await q.dump()).nextUp).toEqual(inOrder);
  });

  it('start at their new times when they are rescheduled after that', async () => {
    await using q = openRedisQueue(redis.client);
    const startMs = q.clock.nowMs();
    const [first, second, third] = await readAhead(q);
    const list = { state: 'scheduled' } as const;
    await q.broker.reschedule(q.name, list, first!, startMs + 11_000);
    await q.broker.reschedule(q.name, list, third!, startMs + 10_001);
    await q.broker.moveTasks(q.name, list, [second!], 'deleted');

    await q.clock.advance(startMs + 10_001 - q.clock.nowMs());
    await forwardAll(q);
    const early = (await q.dump()).nextUp;
    await q.clock.advance('998ms');
    await forwardAll(q);
    const before = (await q.dump()).nextUp;
    await q.clock.advance(1);
    await forwardAll(q);

    expect([early.includes(third!), early.includes(first!), before.includes(first!)]).toEqual([true, false, false]);
    const all = (await q.dump()).nextUp;
    expect([all.length, all.at(-1)]).toEqual([TASKS - 1, first]);
  });
});
