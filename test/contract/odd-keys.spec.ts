import { openRedisQueue, type TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import { shareRedis } from './shared-redis.js';

const LEASE_MS = 30_000;
const FULL = '9223372036854775807';

/** Keys that are not what their names say: one of them must not stop a queue. */
describe('keys of another type', () => {
  const redis = shareRedis();

  const open = (declaredKeysOnly = false): TestQueue => openRedisQueue(redis.client, { declaredKeysOnly });
  const key = (q: TestQueue, name: string): string => `asynq:{${q.name}}:${name}`;
  const day = (q: TestQueue): string => new Date(q.clock.nowMs()).toISOString().slice(0, 10);

  /** Puts a text in place of a task's hash. */
  async function spoil(q: TestQueue, taskId: string): Promise<void> {
    await redis.client.set(key(q, `t:${taskId}`), 'no hash');
  }

  const spoiled = (q: TestQueue, taskId: string): Promise<string | null> => redis.client.get(key(q, `t:${taskId}`));

  it.each([false, true])('under a task lets the others be fetched (declared keys only: %s)', async (declared) => {
    await using q = open(declared);
    await q.seed({ pending: ['odd', 'sound'] });
    await spoil(q, 'odd');

    const { tasks } = await q.broker.fetch(q.name, 10, LEASE_MS);

    expect(tasks.map(({ message }) => message.id)).toEqual(['sound']);
    expect(await redis.client.lrange(key(q, 'active'), '0', '-1')).toEqual(['sound']);
    expect(await redis.client.llen(key(q, 'pending'))).toBe(0);
    expect(await spoiled(q, 'odd')).toBe('no hash');
  });

  it.each(['scheduled', 'retry'] as const)('under a task lets the others in %s become due', async (state) => {
    await using q = open();
    await q.seed({ [state]: { odd: '1s', sound: '2s' } });
    await spoil(q, 'odd');
    await q.clock.advance('3s');

    expect(await q.broker.forwardDue(q.name, 10)).toMatchObject({ moved: 1 });

    expect(await redis.client.lrange(key(q, 'pending'), '0', '-1')).toEqual(['sound']);
    expect(await redis.client.zcard(key(q, state))).toBe(0);
    expect(await spoiled(q, 'odd')).toBe('no hash');
  });

  it('under a task lets the others be recovered and repaired', async () => {
    await using q = open();
    await q.seed({ active: ['odd', 'sound'] });
    await spoil(q, 'odd');
    await q.broker.repair(q.name, 100);
    await q.clock.advance('1m');

    const { recovered } = await q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 5, limit: 100 });

    expect(recovered.map(({ message }) => message.id)).toEqual(['sound']);
    expect(await redis.client.zrange(key(q, 'lease'), '0', '-1')).toEqual([]);
    expect(await redis.client.lrange(key(q, 'active'), '0', '-1')).toEqual([]);
  });

  it('under a task lets inspectors see and move the others', async () => {
    await using q = open();
    await q.seed({ archived: { odd: '2s', sound: '1s' }, completed: { 'odd too': '1h', done: '1h' } });
    await spoil(q, 'odd');
    await spoil(q, 'odd too');

    const archived = await q.broker.listTasks(q.name, { state: 'archived' }, 0, 10);
    const moved = await q.broker.moveTasks(q.name, { state: 'archived' }, ['odd', 'sound'], 'pending');
    const scanned = await q.broker.scanTasks(q.name, { state: 'completed' }, undefined, 10);

    expect(archived.map(({ message }) => message.id)).toEqual(['sound']);
    expect(moved).toEqual([false, true]);
    expect(scanned.tasks.map(({ task }) => task.message.id)).toEqual(['done']);
    expect(await q.broker.findTask(q.name, 'odd')).toBeUndefined();
    expect(await spoiled(q, 'odd')).toBe('no hash');
  });

  it('under a task that ran drops its outcome and stores those of others', async () => {
    await using q = open();
    const ids = ['odd', 'sound'];
    await q.seed({ active: ids, messages: { odd: { retentionS: 60n }, sound: { retentionS: 60n } } });
    await spoil(q, 'odd');

    const replies = await q.broker.settle(
      q.name,
      ids.map((id) => ({ message: q.message(id), claim: q.claim(id), outcome: { kind: 'complete' } as const })),
    );

    expect(replies).toEqual(['leaseLost', 'settled']);
    expect(await redis.client.zrange(key(q, 'completed'), '0', '-1')).toEqual(['sound']);
    expect(await redis.client.lrange(key(q, 'active'), '0', '-1')).toEqual([]);
  });

  it('under an id refuses that new task alone', async () => {
    await using q = open();
    await spoil(q, 'odd');

    const outcomes = await q.broker.enqueue([{ message: q.message('odd') }, { message: q.message('sound') }]);

    expect(outcomes).toEqual([{ status: 'idConflict' }, { status: 'pending' }]);
  });

  it('under a lock refuses the task that asks for it, and lets its holder end', async () => {
    await using q = open();
    const uniqueKey = key(q, 'unique:type:digest');
    await q.seed({ active: ['holder'], messages: { holder: { uniqueKey } } });
    await redis.client.del(uniqueKey);
    await redis.client.lpush(uniqueKey, 'no text');

    const message = q.message('second', { uniqueKey });
    const outcomes = await q.broker.enqueue([{ message, uniqueTtlS: 60 }, { message: q.message('other') }]);
    const holder = { message: q.message('holder'), claim: q.claim('holder'), outcome: { kind: 'done' } as const };

    expect(outcomes).toEqual([{ status: 'duplicate', holderId: undefined }, { status: 'pending' }]);
    expect(await q.broker.settle(q.name, [holder])).toEqual(['settled']);
  });

  it.each(['awaited', 'full_sizes', 'expected_groups', 'paused'])('under "%s" stops no task', async (name) => {
    await using q = open();
    await redis.client.hset(key(q, name), 'no', 'such type');
    await q.broker.enqueue([
      { message: q.message('now') },
      { message: q.message('grouped', { groupKey: 'digest' }) },
      { message: q.message('later', { groupKey: 'digest' }), processAtMs: q.clock.nowMs() + 60_000 },
    ]);
    if (name === 'paused') await q.broker.unpause(q.name); // it counts as paused, whatever its type

    const [task] = (await q.broker.fetch(q.name, 10, LEASE_MS)).tasks;
    const settlement = { message: task!.message, claim: q.claim(task!), outcome: { kind: 'done' } as const };

    expect(await q.broker.settle(q.name, [settlement])).toEqual(['settled']);
    expect(await q.broker.awaitTask(q.name, 'grouped')).toBe('aggregating');
    expect((await q.dump()).tasks).toMatchObject({ grouped: { state: 'aggregating' }, later: { state: 'scheduled' } });
  });

  it.each(['awaited', 'schedules', 'pending', 'active', 'completed', 'groups'])(
    'under "%s" can be purged',
    async (name) => {
      await using q = open();
      await q.broker.enqueue([{ message: q.message('a') }]);
      await redis.client.del(key(q, name));
      await redis.client.set(key(q, name), 'no such type');

      await q.broker.purgeQueue(q.name);

      expect(await redis.client.keys(key(q, '*'))).toEqual([]);
      expect(await q.broker.queueNames()).not.toContain(q.name);
    },
  );

  describe.each(['no number', FULL, ['a list']])('a counter that is %j', (value) => {
    const COUNTERS = ['processed', 'failed'] as const;

    const plant = (q: TestQueue): Promise<unknown> =>
      Promise.all(
        COUNTERS.flatMap((name) => [key(q, name), key(q, `${name}:${day(q)}`)]).map((counter) =>
          typeof value === 'string' ? redis.client.set(counter, value) : redis.client.lpush(counter, ...value),
        ),
      );

    it.each([
      { kind: 'done' },
      { kind: 'complete' },
      { kind: 'archive', error: 'boom' },
      { kind: 'retry', retryAtMs: 4_102_438_500_000, error: 'boom', isFailure: true },
    ] as const)('keeps no outcome from being stored: $kind', async (outcome) => {
      await using q = open();
      await q.seed({ active: ['mine'] });
      await plant(q);

      const replies = await q.broker.settle(q.name, [{ message: q.message('mine'), claim: q.claim('mine'), outcome }]);

      expect(replies).toEqual(['settled']);
      const counters = await redis.client.mget(key(q, 'processed'), key(q, `processed:${day(q)}`));
      expect(counters).toEqual(['1', '1']);
    });

    it('is no reason to show nothing of the queue', async () => {
      await using q = open();
      await q.broker.enqueue([{ message: q.message('mine') }]);
      await plant(q);

      const processedToday = value === FULL ? Number(FULL) : 0;
      expect(await q.broker.queueStats(q.name)).toMatchObject({ counts: { pending: 1 }, processedToday });
      expect(await q.broker.dailyCounts(q.name, 1)).toMatchObject([{ processed: processedToday }]);
    });
  });

  /** What every list and set of a queue that a script fills may be in place of itself. */
  describe('under a list of the queue', () => {
    const outcomes = {
      completed: { kind: 'complete' },
      archived: { kind: 'archive', error: 'boom' },
      retry: { kind: 'retry', retryAtMs: 0, error: 'boom', isFailure: true },
      pending: { kind: 'requeue' },
    } as const;

    it.each([
      ['active', false],
      ['lease', false],
      ['active', true],
      ['lease', true],
    ] as const)('lose no task that is fetched: "%s" (declared keys only: %s)', async (name, declared) => {
      await using q = open(declared);
      await q.seed({ pending: ['a', 'b'] });
      await redis.client.set(key(q, name), 'odd');

      await expect(q.broker.fetch(q.name, 10, LEASE_MS)).rejects.toThrow(key(q, name));

      expect(await redis.client.lrange(key(q, 'pending'), '0', '-1')).toEqual(['b', 'a']);
    });

    it.each(Object.entries(outcomes))('lose no task that ends: "%s"', async (name, outcome) => {
      await using q = open();
      await q.seed({ pending: ['a'] });
      const { tasks } = await q.broker.fetch(q.name, 1, LEASE_MS);
      await redis.client.set(key(q, name), 'odd');

      const settled = q.broker.settle(q.name, [{ message: tasks[0]!.message, claim: q.claim(tasks[0]!), outcome }]);

      await expect(settled).rejects.toThrow(key(q, name));
      expect(await redis.client.lrange(key(q, 'active'), '0', '-1')).toEqual(['a']);
      expect(await redis.client.zrange(key(q, 'lease'), '0', '-1')).toEqual(['a']);
      expect(await redis.client.hget(key(q, 't:a'), 'state')).toBe('active');
    });

    it('lose no task that becomes due', async () => {
      await using q = open();
      await q.seed({ scheduled: { a: '1s' } });
      await redis.client.set(key(q, 'pending'), 'odd');
      await q.clock.advance('2s');

      await expect(q.broker.forwardDue(q.name, 10)).rejects.toThrow(key(q, 'pending'));

      expect(await redis.client.zrange(key(q, 'scheduled'), '0', '-1')).toEqual(['a']);
    });

    it.each([
      ['archived', 'archived'],
      ['pending', 'pending'],
    ] as const)('lose no task that an inspector moves: "%s"', async (name, to) => {
      await using q = open();
      await q.seed({ scheduled: { a: '1s' } });
      await redis.client.set(key(q, name), 'odd');

      await expect(q.broker.moveTasks(q.name, { state: 'scheduled' }, ['a'], to)).rejects.toThrow(key(q, name));

      expect(await redis.client.zrange(key(q, 'scheduled'), '0', '-1')).toEqual(['a']);
    });

    it('write no task that is enqueued', async () => {
      await using q = open();
      await redis.client.set(key(q, 'pending'), 'odd');

      const [outcome] = await q.broker.enqueue([{ message: q.message('a') }]);

      expect(outcome).toMatchObject({
        status: 'failed',
        error: { message: expect.stringContaining(key(q, 'pending')) },
      });
      expect(await redis.client.exists(key(q, 't:a'))).toBe(0);
    });
  });
});
