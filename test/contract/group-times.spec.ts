import { expect, it } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { allGroups, member, MINUTE } from './grouped-tasks.js';
import { shareRedis } from './shared-redis.js';

const redis = shareRedis();

async function calls(...commands: readonly string[]): Promise<number> {
  const { calls: counts } = await CommandCount.read(redis.client);
  return commands.reduce((sum, command) => sum + (counts[command] ?? 0), 0);
}

const key = (q: TestQueue, name: string): string => `asynq:{${q.name}}:${name}`;
const inOrder = async (q: TestQueue): Promise<string[]> =>
  (await q.broker.groupsByTime(q.name, 'newest', undefined, 10)).map(({ name }) => name);

/** As Go does. */
const addAsGo = async (q: TestQueue, id: string, group: string): Promise<void> => {
  await redis.client.zadd(key(q, `g:${group}`), q.clock.nowMs() / 1000, id);
  await redis.client.sadd(key(q, 'groups'), group);
};

it('finds the ripe groups by a few commands, however many others there are', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.orderGroups(q.name, ['newest']);
  await q.broker.enqueue([member(q, 'a', 'ripe')]);
  await q.clock.advance('1m');
  await q.broker.enqueue(Array.from({ length: 2_000 }, (_, n) => member(q, `t-${n}`, `g-${n}`)));
  await redis.client.config('RESETSTAT');

  const groups = await q.broker.groupsByTime(q.name, 'newest', undefined, 16);

  expect(groups[0]?.name).toBe('ripe');
  expect(await calls('zcard', 'zrange', 'zrevrangebyscore', 'smembers', 'sscan')).toBe(1);
  expect(await calls('zcount')).toBe(2);
});

it('shares round trips between groups that are taken at a time', async () => {
  await using q = openRedisQueue(redis.client);
  const names = Array.from({ length: 50 }, (_, n) => `g-${n}`);
  await q.broker.enqueue(names.map((name) => member(q, `of ${name}`, name)));
  await q.clock.advance('1m');
  await q.broker.takeSmall(q.name, 'none', MINUTE); // loads the script
  await redis.client.config('RESETSTAT');

  const sets = await Promise.all(names.map((name) => q.broker.takeSmall(q.name, name, MINUTE)));

  expect(sets.map((set) => (set === 'tooLarge' ? set : set?.group))).toEqual(names);
  expect(await calls('eval', 'evalsha')).toBe(50); // which also return the messages
  expect(await calls('hmget')).toBe(0);
});

it('writes the order only while an aggregator asks for it', async () => {
  await using q = openRedisQueue(redis.client);

  await q.broker.enqueue([member(q, 'a', 'unseen')]);
  const isNew = [await q.broker.orderGroups(q.name, ['newest']), await q.broker.orderGroups(q.name, ['newest'])];
  await q.broker.enqueue([member(q, 'b', 'seen')]);

  expect(isNew).toEqual([true, false]);
  expect(await inOrder(q)).toEqual(['seen']);
  expect(await redis.client.exists(key(q, 'groups_by_oldest'))).toBe(0);
  expect(await redis.client.pttl(key(q, 'groups_by_newest'))).toBeGreaterThan(3_000_000);
});

it('puts the groups into the order that Go or an older program has filled, when it reads them', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.orderGroups(q.name, ['newest']);
  await addAsGo(q, 'a', 'of Go');
  const before = await inOrder(q);

  await allGroups(q.broker, q.name);

  expect([before, await inOrder(q)]).toEqual([[], ['of Go']]);
});

it('follows the tasks that Go adds to a group of ours', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.orderGroups(q.name, ['newest']);
  await q.broker.enqueue([member(q, 'a')]);
  await q.clock.advance('59s');
  await addAsGo(q, 'b', 'digest');
  await q.clock.advance('1s');

  const set = await q.broker.takeSmall(q.name, 'digest', MINUTE);

  expect(set).toBeUndefined();
  expect(await q.broker.groupsByTime(q.name, 'newest', undefined, 1)).toEqual([
    { name: 'digest', atS: q.clock.nowMs() / 1000 - 1 },
  ]);
});

it('forgets groups that Go has taken', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.orderGroups(q.name, ['newest']);
  const names = Array.from({ length: 600 }, (_, n) => `g-${n}`);
  await q.broker.enqueue(names.map((name) => member(q, `of ${name}`, name)));
  await redis.client.del(key(q, 'groups'), ...names.map((name) => key(q, `g:${name}`)));

  for (let page = 0; page < 7; page++) await q.broker.waitingGroups(q.name);

  expect(await inOrder(q)).toEqual([]);
});

it('takes a group whose oldest id is not text', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.enqueue([member(q, 'a')]);
  await redis.client.zadd(key(q, 'g:digest'), -1, Buffer.from([0xfe, 0x67]));
  const full = { ...MINUTE, maxSize: 1 };

  const sets = [await q.broker.takeRipe(q.name, 'digest', full), await q.broker.takeRipe(q.name, 'digest', full)];

  expect(sets.map((set) => set?.tasks.map(({ id }) => id))).toEqual([['a'], undefined]);
});

it('keeps the order when a group has an empty name', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.orderGroups(q.name, ['newest']);
  await redis.client.sadd(key(q, 'groups'), '');

  await q.broker.waitingGroups(q.name);
  await q.broker.enqueue([member(q, 'a')]);

  expect(await inOrder(q)).toEqual(['digest']);
});
