import { Redis } from 'ioredis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { shareRedis } from './shared-redis.js';

const redis = shareRedis();

const enqueue = (q: TestQueue, id: string) => q.broker.enqueue([{ message: q.message(id) }]);

/** How often queues are announced. */
async function announcements(act: () => Promise<unknown>): Promise<number> {
  const before = await CommandCount.read(redis.client);
  await act();
  return (await CommandCount.read(redis.client)).since(before).calls['sadd'] ?? 0;
}

async function openWithBacklog(): Promise<TestQueue> {
  const q = openRedisQueue(redis.client);
  await enqueue(q, 'first');
  await enqueue(q, 'second');
  return q;
}

async function enqueueTen(q: TestQueue): Promise<void> {
  for (let n = 0; n < 10; n++) await enqueue(q, `more-${n}`);
}

it('does not announce a queue again while it has tasks', async () => {
  await using q = await openWithBacklog();

  const counted = await announcements(() => enqueueTen(q));

  expect(counted).toBe(0);
});

it('announces an empty queue before its first task, and then behind the task that a worker waits for', async () => {
  await using q = openRedisQueue(redis.client);
  const sent = vi.spyOn(Redis.prototype, 'sendCommand');
  onTestFinished(() => sent.mockRestore());

  await enqueue(q, 'first');
  await q.broker.moveTasks(q.name, { state: 'pending' }, ['first'], 'deleted');
  await enqueue(q, 'second');

  const names = sent.mock.calls.map(([{ name }]) => name).filter((name) => ['sadd', 'evalsha'].includes(name));
  expect(names).toEqual(['sadd', 'evalsha', 'evalsha', 'evalsha', 'sadd']);
});

it('announces a queue with tasks once a second', async () => {
  await using q = await openWithBacklog();
  await q.clock.advance('1s');

  const counted = await announcements(() => enqueueTen(q));

  expect(counted).toBe(1);
});

it.each(['purgeQueue', 'removeQueue'] as const)(
  'announces a queue that was removed with its tasks by the next enqueue: %s',
  async (remove) => {
    await using q = await openWithBacklog();
    await q.broker.moveTasks(q.name, { state: 'pending' }, ['first', 'second'], 'deleted');
    await q.broker[remove](q.name);

    await enqueue(q, 'next');

    expect(await q.broker.hasQueue(q.name)).toBe(true);
  },
);

it('announces a queue that was purged when the next task is one of two of the same id', async () => {
  await using q = await openWithBacklog();
  await q.broker.purgeQueue(q.name);

  const outcomes = await q.broker.enqueue([{ message: q.message('same') }, { message: q.message('same') }]);

  expect(outcomes.map(({ status }) => status)).toEqual(['pending', 'idConflict']);
  expect(await q.broker.hasQueue(q.name)).toBe(true);
});
