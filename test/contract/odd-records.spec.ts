import { Inspector, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { CommandCount } from '../support/command-count.js';
import { openRedisQueue } from '../support/test-queue.js';
import { shareRedis } from './shared-redis.js';
import { TASK_HASH_FIELDS } from './task-hash-fields.js';

const redis = shareRedis();

it('shows and moves the others when a key of another type has the name of a task', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.enqueue([{ message: q.message('a') }, { message: q.message('odd') }, { message: q.message('b') }]);
  await q.seed({ retry: { r: '1h', 'r-odd': '2h' } });
  for (const id of ['odd', 'r-odd']) {
    await redis.client.del(`asynq:{${q.name}}:t:${id}`);
    await redis.client.set(`asynq:{${q.name}}:t:${id}`, 'no hash');
  }
  const inspector = new Inspector({ connection: q.broker, logger: silentLogger });
  const ids = (tasks: readonly { id: string }[]) => tasks.map(({ id }) => id);

  const pending = await inspector.listTasks(q.name, 'pending');
  const found = await inspector.findTasks({ queue: q.name, state: 'pending' });
  const retried = await inspector.runAll(q.name, 'retry');
  const deleted = await inspector.deleteAll(q.name, 'pending');

  expect([ids(pending), ids(found.tasks)]).toEqual([
    ['a', 'b'],
    ['b', 'a'],
  ]);
  expect([retried, deleted]).toEqual([1, 4]); // an id without a message counts as deleted
  expect(await redis.client.exists(`asynq:{${q.name}}:t:odd`)).toBe(0);
});

describe('scores that other programs wrote', () => {
  /** Of tasks in these sets, seconds from now. */
  const SCORES = { never: '+inf', far: '1e300', first: '-inf', early: '-1e300', negative: '-5' };

  async function openWithScores(state: 'scheduled' | 'retry' | 'archived' | 'completed') {
    const q = openRedisQueue(redis.client);
    await q.broker.enqueue([{ message: q.message('announced') }]);
    await q.seed({ [state]: Object.fromEntries([...Object.keys(SCORES), 'usual'].map((id) => [id, '1m'])) });
    for (const [id, score] of Object.entries(SCORES)) {
      await redis.client.zadd(`asynq:{${q.name}}:${state}`, score, id);
    }
    return q;
  }

  it.each(['scheduled', 'retry'] as const)(
    'move the tasks of %s in time, and those of no time never',
    async (state) => {
      await using q = await openWithScores(state);
      const ids = async () => (await redis.client.lrange(`asynq:{${q.name}}:pending`, '0', '-1')).toSorted();

      const startMs = q.clock.nowMs();
      const now = await q.broker.forwardDue(q.name, 100);
      const atOnce = await ids();
      await q.clock.advance('1m');
      const later = await q.broker.forwardDue(q.name, 100);

      expect(now.nextDueAtMs).toBeGreaterThan(startMs + 50_000);
      expect(atOnce).toEqual(['announced', 'early', 'first', 'negative']);
      expect(await ids()).toEqual([...atOnce, 'usual']);
      expect(later.nextDueAtMs).toBeGreaterThan(q.clock.nowMs());
    },
  );

  it.each(['scheduled', 'retry'] as const)('let no task of %s run that is never due', async (state) => {
    await using q = openRedisQueue(redis.client);
    await q.seed({ [state]: { never: '1m' } });
    await redis.client.zadd(`asynq:{${q.name}}:${state}`, '+inf', 'never');

    expect(await q.broker.forwardDue(q.name, 100)).toEqual({ moved: 0, nextDueAtMs: Infinity });
  });

  it.each(['scheduled', 'retry', 'archived', 'completed'] as const)('show the tasks of %s', async (state) => {
    await using q = await openWithScores(state);
    const inspector = new Inspector({ connection: q.broker, logger: silentLogger });

    const listed = await inspector.listTasks(q.name, state);
    const { tasks: found } = await inspector.findTasks({ queue: q.name, state });
    const single = await inspector.taskInfo(q.name, 'never');

    const ids = ['early', 'far', 'first', 'negative', 'never', 'usual'];
    for (const tasks of [listed, found]) expect(tasks.map(({ id }) => id).toSorted()).toEqual(ids);
    for (const { nextProcessAt } of [...listed, ...found, single]) {
      if (nextProcessAt) expect(nextProcessAt.getTime()).not.toBeNaN();
    }
    expect(await inspector.deleteAll(q.name, state)).toBe(6);
  });

  it('recover leases of all ends but those that never end', async () => {
    await using q = openRedisQueue(redis.client);
    await q.seed({ active: ['first', 'early', 'usual', 'never'] });
    for (const [id, score] of Object.entries({ first: '-inf', early: '-1e300', never: '+inf' })) {
      await redis.client.zadd(`asynq:{${q.name}}:lease`, score, id);
    }
    await q.clock.advance('1m');

    const options = { graceMs: 0, maxCrashes: 5, limit: 100 };
    const { recovered, nextExpiryAtMs } = await q.broker.recoverExpired(q.name, options);

    expect(recovered.map(({ message }) => message.id).toSorted()).toEqual(['early', 'first', 'usual']);
    expect(nextExpiryAtMs).toBe(Infinity);
  });

  it('name the groups of tasks that are never due', async () => {
    await using q = await openWithScores('retry');
    for (const id of ['never', 'far', 'usual']) {
      await redis.client.hset(`asynq:{${q.name}}:t:${id}`, 'group', `group of ${id}`);
    }
    await redis.client.zadd(`asynq:{${q.name}}:g:group of usual`, 1, 'member');

    expect(await q.broker.nameLostGroups(q.name, 100)).toBe(1);
    expect(await redis.client.ttl(`asynq:{${q.name}}:expected_groups`)).toBeGreaterThan(86_400);
  });
});

it('counts thousands of groups in pieces that block Redis only briefly', async () => {
  await using q = openRedisQueue(redis.client);
  const groups = Array.from({ length: 3_000 }, (_, i) => `group ${i}`);
  for (let at = 0; at < groups.length; at += 500) {
    const tasks = groups
      .slice(at, at + 500)
      .map((groupKey) => ({ message: q.message(`of ${groupKey}`, { groupKey }) }));
    await q.broker.enqueue(tasks);
  }
  const before = await CommandCount.read(redis.client);

  const stats = await q.broker.queueStats(q.name);

  const { calls } = (await CommandCount.read(redis.client)).since(before);
  expect(stats).toMatchObject({ groups: 3_000, counts: { aggregating: 3_000 } });
  expect(calls['smembers']).toBeUndefined();
  expect(calls['sscan']).toBeGreaterThan(3);
  expect([calls['sscan']! <= 20, calls['zcard']! <= 3_010, calls['evalsha']]).toEqual([true, true, 1]);
});

describe('a field of a task that another program wrote', () => {
  const VALUES = [
    '',
    'NaN',
    '-1',
    '1e400',
    '9'.repeat(400),
    '{"share":1e999}',
    '\0\u{1F600}',
    Buffer.from([255, 0, 254]),
  ];
  const RECOVER = { graceMs: 0, maxCrashes: 5, limit: 100 };

  it.each(TASK_HASH_FIELDS)('does not affect other tasks or inspectors: %s', async (field) => {
    for (const [at, value] of VALUES.entries()) {
      await using q = openRedisQueue(redis.client);
      const inspector = new Inspector({ connection: q.broker, logger: silentLogger });
      const states = ['pending', 'active', 'scheduled', 'retry', 'archived', 'completed'] as const;
      await q.broker.enqueue([{ message: q.message('announced') }]);
      await q.seed({
        pending: ['odd pending', 'pending'],
        active: ['odd active', 'active'],
        scheduled: { 'odd scheduled': '1s', scheduled: '1s' },
        retry: { 'odd retry': '1s', retry: '1s' },
        archived: { 'odd archived': '1s', archived: '1s' },
        completed: { 'odd completed': '1h', completed: '1h' },
      });
      for (const state of states) await redis.client.hset(`asynq:{${q.name}}:t:odd ${state}`, field, value);

      const shown: string[] = [];
      for (const state of states) {
        shown.push(...(await inspector.listTasks(q.name, state)).map(({ id }) => id));
        const { tasks } = await inspector.findTasks({ queue: q.name, state });
        expect(tasks.map(({ id }) => id)).toContain(state);
        await inspector.taskInfo(q.name, `odd ${state}`).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'TASK_NOT_FOUND' });
        });
      }
      await inspector.queueInfo(q.name, { memory: true });
      await q.clock.advance('1m');
      await q.broker.forwardDue(q.name, 100);
      const { recovered } = await q.broker.recoverExpired(q.name, RECOVER);
      await q.broker.repair(q.name, 100);
      await q.broker.nameLostGroups(q.name, 100);
      const { tasks } = await q.broker.fetch(q.name, 100, 30_000);

      const context = [field, at];
      expect([context, shown]).toEqual([context, expect.arrayContaining([...states])]);
      expect([context, recovered.map(({ message }) => message.id)]).toEqual([
        context,
        expect.arrayContaining(['active']),
      ]);
      const begun = tasks.map(({ message }) => message.id);
      const expected = expect.arrayContaining(['active', 'pending', 'scheduled', 'retry']) as string[];
      expect([context, begun]).toEqual([context, expected]);
      for (const state of ['archived', 'completed'] as const) await inspector.deleteAll(q.name, state);
      await inspector.deleteQueue(q.name, { force: true }).catch(() => undefined); // it has active ones
    }
  });
});
