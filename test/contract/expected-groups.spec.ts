import { expect, it } from 'vitest';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { member } from './grouped-tasks.js';
import { shareRedis } from './shared-redis.js';

const LIMIT = 100;
const redis = shareRedis();

const expected = (q: TestQueue): Promise<string[]> =>
  redis.client.zrange(`asynq:{${q.name}}:expected_groups`, '0', '-1');

const scheduleIn = (q: TestQueue, delayMs: number, group: string) =>
  q.broker.enqueue([{ ...member(q, `of ${group}`, group), processAtMs: q.clock.nowMs() + delayMs }]);

it('does not keep names of groups forever when no server of ours runs', async () => {
  await using q = openRedisQueue(redis.client);
  await scheduleIn(q, 60_000, 'old');
  await scheduleIn(q, 2 * 60_000, 'later');
  await q.clock.advance('1d');
  await q.clock.advance('60s');

  await scheduleIn(q, 60_000, 'new');

  expect(await expected(q)).toEqual(['later', 'new']);
});

it('keeps the latest due time of the tasks of a group', async () => {
  await using q = openRedisQueue(redis.client);
  await scheduleIn(q, 3 * 3_600_000, 'digest');
  await q.broker.enqueue([{ ...member(q, 'earlier'), processAtMs: q.clock.nowMs() + 1_000 }]);
  await q.clock.advance('1h');

  await q.broker.nameLostGroups(q.name, LIMIT);

  expect(await expected(q)).toEqual(['digest']);
});

it("forgets a group at the leader's check two minutes later", async () => {
  await using q = openRedisQueue(redis.client);
  await scheduleIn(q, 1_000, 'digest');
  await q.clock.advance('121s');

  await q.broker.nameLostGroups(q.name, LIMIT);

  expect(await expected(q)).toEqual([]);
});

it('forgets all groups when no task is left that could join one', async () => {
  await using q = openRedisQueue(redis.client);
  await scheduleIn(q, 30 * 86_400_000, 'far');
  await scheduleIn(q, 30 * 86_400_000, 'too');
  await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['of far'], 'deleted');
  await q.broker.nameLostGroups(q.name, LIMIT);
  const some = await expected(q);
  await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['of too'], 'deleted');

  await q.broker.nameLostGroups(q.name, LIMIT);

  expect([some, await expected(q)]).toEqual([['far', 'too'], []]);
});

it('keeps the names at most a day longer than the last of them', async () => {
  await using q = openRedisQueue(redis.client);
  const ttlS = () => redis.client.ttl(`asynq:{${q.name}}:expected_groups`);
  await scheduleIn(q, 3_600_000, 'late');
  await scheduleIn(q, 1_000, 'soon');

  expect(await ttlS()).toBeGreaterThan(86_400 + 3_500);
  expect(await ttlS()).toBeLessThanOrEqual(86_400 + 3_600);
});

it.each(['removeQueue', 'purgeQueue'] as const)('forgets them with their queue: %s', async (remove) => {
  await using q = openRedisQueue(redis.client);
  await scheduleIn(q, 60_000, 'digest');
  await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['of digest'], 'deleted');

  await q.broker[remove](q.name);

  expect(await expected(q)).toEqual([]);
});
