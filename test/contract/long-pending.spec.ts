import { expect, it } from 'vitest';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { shareRedis } from './shared-redis.js';

/** Longer than the part that a script walks from both ends. */
const LENGTH = 250_000;
const redis = shareRedis();

/** A long list of ids, of which a few are tasks: the next to run is `0`. */
async function openLongQueue(places: readonly number[]): Promise<TestQueue> {
  const q = openRedisQueue(redis.client);
  await redis.client.eval(
    "for i = 0, tonumber(ARGV[1]) - 1 do redis.call('LPUSH', KEYS[1], i) end",
    ...[1, `asynq:{${q.name}}:pending`, LENGTH],
  );
  for (const place of places) await q.inject({ tasks: { [place]: { msg: Uint8Array.of(), state: 'pending' } } });
  return q;
}

const size = (q: TestQueue): Promise<number> => redis.client.llen(`asynq:{${q.name}}:pending`);

it('takes tasks out of a long list in any position', async () => {
  const places = [0, 50, 120_000, LENGTH - 50, LENGTH - 1];
  await using q = await openLongQueue(places);

  const moved = await q.broker.moveTasks(q.name, { state: 'pending' }, places.map(String), 'archived');

  expect(moved).toEqual(places.map(() => true));
  expect(await size(q)).toBe(LENGTH - places.length);
  const ends = [await redis.client.lindex(`asynq:{${q.name}}:pending`, -1)];
  expect(ends).toEqual(['1']);
});

it('finds each of many tasks whose total distance exceeds the limit of a script', async () => {
  const places = [30_000, 60_000, 90_000, 99_000];
  await using q = await openLongQueue(places);

  const moved = await q.broker.moveTasks(q.name, { state: 'pending' }, places.map(String), 'deleted');

  expect(moved).toEqual([true, true, true, true]);
  expect(await size(q)).toBe(LENGTH - places.length);
});

it('does not search for a task that is elsewhere', async () => {
  await using q = await openLongQueue([]);
  await q.seed({ scheduled: { elsewhere: '1h' } });
  await redis.client.config('RESETSTAT');

  const moved = await q.broker.moveTasks(q.name, { state: 'pending' }, ['elsewhere'], 'deleted');

  expect(moved).toEqual([false]);
  expect(await redis.client.info('commandstats')).not.toMatch(/cmdstat_(lpos|lrem)/);
});

it('reschedules a task from the middle', async () => {
  await using q = await openLongQueue([125_000]);

  const isMoved = await q.broker.reschedule(q.name, { state: 'pending' }, '125000', q.clock.nowMs() + 60_000);

  expect(isMoved).toBe(true);
  expect(await size(q)).toBe(LENGTH - 1);
});

it('repairs without reading the list', async () => {
  await using q = await openLongQueue([]);
  await q.inject({ leases: { gone: 1 }, scheduled: { gone: 1 } });
  await redis.client.config('RESETSTAT');

  const report = await q.broker.repair(q.name, 100);

  expect(report).toEqual({ leasesAdded: 0, orphansRemoved: 1 });
  expect(await redis.client.info('commandstats')).not.toMatch(/cmdstat_lrem/);
  expect(await size(q)).toBe(LENGTH);
});
