import { describe, expect, it } from 'vitest';
import { openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { shareRedis } from './shared-redis.js';

const LEASE_MS = 30_000;
const FULL = '9223372036854775807';

/** Keys of an unexpected type: one of them must not stop a queue. */
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

  it('under an id refuses only that new task', async () => {
    await using q = open();
    await spoil(q, 'odd');

    const outcomes = await q.broker.enqueue([{ message: q.message('odd') }, { message: q.message('sound') }]);

    expect(outcomes).toEqual([{ status: 'idConflict' }, { status: 'pending' }]);
  });

  it('under a lock refuses a task that needs it, and lets its holder end', async () => {
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

  it.each(['awaited', 'full_sizes', 'expected_groups', 'groups_by_newest', 'groups_by_oldest', 'paused'])(
    'under "%s" stops no task',
    async (name) => {
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
      expect((await q.dump()).tasks).toMatchObject({
        grouped: { state: 'aggregating' },
        later: { state: 'scheduled' },
      });
    },
  );

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

    it('does not hide the queue', async () => {
      await using q = open();
      await q.broker.enqueue([{ message: q.message('mine') }]);
      await plant(q);

      const processedToday = value === FULL ? Number(FULL) : 0;
      expect(await q.broker.queueStats(q.name)).toMatchObject({ counts: { pending: 1 }, processedToday });
      expect(await q.broker.dailyCounts(q.name, 1)).toMatchObject([{ processed: processedToday }]);
    });
  });

  /** Keys of another type in place of the lists and sets that scripts write. */
  describe('under a list of the queue', () => {
    const outcomes = {
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

    it('keep no task that has succeeded, and let none run again: "completed"', async () => {
      await using q = open();
      const uniqueKey = key(q, 'unique:type:digest');
      await q.seed({ active: ['a'], messages: { a: { retentionS: 60n, uniqueKey } } });
      await redis.client.set(key(q, 'completed'), 'odd');

      const outcome = { kind: 'complete', result: Buffer.from('1') } as const;
      const replies = await q.broker.settle(q.name, [{ message: q.message('a'), claim: q.claim('a'), outcome }]);

      expect(replies).toEqual(['settled']);
      expect(await redis.client.exists(key(q, 't:a'), key(q, 'active'), key(q, 'lease'), uniqueKey)).toBe(0);
      expect(await redis.client.get(key(q, 'processed'))).toBe('1');
    });

    it('refuse only the tasks that need it', async () => {
      await using q = open();
      await redis.client.set(key(q, 'groups'), 'odd');
      await redis.client.set(key(q, 'scheduled'), 'odd');

      const outcomes = await q.broker.enqueue([
        { message: q.message('now') },
        { message: q.message('grouped', { groupKey: 'digest' }) },
        { message: q.message('later'), processAtMs: q.clock.nowMs() + 60_000 },
      ]);

      const failed = (name: string) => ({
        status: 'failed',
        error: { message: expect.stringContaining(key(q, name)) },
      });
      expect(outcomes).toMatchObject([{ status: 'pending' }, failed('groups'), failed('scheduled')]);
      expect(await redis.client.keys(key(q, 't:*'))).toEqual([key(q, 't:now')]);
    });

    it.each([
      ['scheduled', 'retry'],
      ['retry', 'scheduled'],
    ] as const)('let tasks of other lists become due: "%s"', async (name, other) => {
      await using q = open();
      await q.seed({ [other]: { a: '1s' } });
      await redis.client.set(key(q, name), 'odd');
      await q.clock.advance('2s');

      expect(await q.broker.forwardDue(q.name, 10)).toMatchObject({ moved: 1 });
    });

    it('keep a task from its group until the key is fixed, and delay no other', async () => {
      await using q = open();
      await q.seed({ retry: { a: '1s', b: '1s', c: '1s' } });
      await q.inject({ tasks: { a: { group: 'digest' }, b: { group: 'other' } } });
      await redis.client.set(key(q, 'g:digest'), 'odd');
      await q.clock.advance('2s');

      const { moved } = await q.broker.forwardDue(q.name, 10);
      const { nextDueAtMs } = await q.broker.forwardDue(q.name, 10);
      const waitsMs = nextDueAtMs! - q.clock.nowMs();
      await redis.client.del(key(q, 'g:digest'));
      await q.clock.advance('61s');

      expect([moved, waitsMs > 30_000]).toEqual([2, true]);
      expect(await q.broker.forwardDue(q.name, 10)).toMatchObject({ moved: 1 });
      expect(await redis.client.zrange(key(q, 'g:digest'), '0', '-1')).toEqual(['a']);
    });

    it('name a group that a task has joined once "groups" is fixed', async () => {
      await using q = open();
      await q.seed({ retry: { a: '1s' } });
      await q.inject({ tasks: { a: { group: 'digest' } } });
      await redis.client.set(key(q, 'groups'), 'odd');
      await q.clock.advance('2s');

      const { moved } = await q.broker.forwardDue(q.name, 10);
      await q.clock.advance('1h');
      await q.broker.nameLostGroups(q.name, 10);
      await redis.client.del(key(q, 'groups'));
      await q.broker.nameLostGroups(q.name, 10);

      expect(moved).toBe(1);
      expect(await redis.client.smembers(key(q, 'groups'))).toEqual(['digest']);
    });

    it('let other tasks be recovered when one cannot be archived', async () => {
      await using q = open();
      await q.seed({ active: ['poison', 'sound'] });
      await redis.client.hset(key(q, 't:poison'), 'crashes', '20 0 0');
      await redis.client.set(key(q, 'archived'), 'odd');
      await q.clock.advance('1m');
      const recover = () => q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 5, limit: 100 });

      const ids = (await recover()).recovered.map(({ message }) => message.id);
      await redis.client.del(key(q, 'archived'));
      const later = (await recover()).recovered.map(({ message, outcome }) => [message.id, outcome]);

      expect([ids, later]).toEqual([['sound'], [['poison', 'archived']]]);
    });

    it('let the rest of the queue be repaired', async () => {
      for (const name of ['active', 'lease', 'scheduled', 'retry', 'archived', 'completed', 'aggregation_sets']) {
        await using q = open();
        await redis.client.set(key(q, name), 'odd');
        const other = name === 'archived' ? 'completed' : 'archived';
        await redis.client.zadd(key(q, other), 1, 'orphan');

        const { orphansRemoved } = await q.broker.repair(q.name, 100);
        await q.broker.nameLostGroups(q.name, 100);
        await q.broker.reclaimSets(q.name, 100);

        expect([name, orphansRemoved]).toEqual([name, 1]);
      }
    });

    it('let the other lists be trimmed', async () => {
      await using q = open();
      await redis.client.set(key(q, 'completed'), 'odd');
      await redis.client.set(key(q, 'archived'), 'odd');

      expect(await q.broker.deleteExpiredCompleted(q.name, 10)).toBe(0);
      expect(await q.broker.trimArchived(q.name, { maxAgeMs: 1, maxSize: 1 }, 10)).toBe(0);
    });

    it('are shown to inspectors, and hide nothing else', async () => {
      await using q = open();
      await q.broker.enqueue([{ message: q.message('a') }, { message: q.message('b', { groupKey: 'sound' }) }]);
      await redis.client.sadd(key(q, 'groups'), 'digest');
      const odd = ['active', 'retry', 'archived', 'completed', 'processed', 'g:digest'].map((name) => key(q, name));
      for (const name of odd) await redis.client.hset(name, 'no', 'such type');

      const stats = await q.broker.queueStats(q.name);

      expect(stats).toMatchObject({ counts: { pending: 1, aggregating: 1, retry: 0 }, groups: 2 });
      expect(stats!.wrongTypeKeys.toSorted()).toEqual(odd.toSorted());
      expect(await q.broker.groupSizes(q.name)).toEqual([
        { group: 'digest', size: 0 },
        { group: 'sound', size: 1 },
      ]);
    });

    it.each([
      ['retry', (q: TestQueue) => q.broker.listTasks(q.name, { state: 'retry' }, 0, 10)],
      ['pending', (q: TestQueue) => q.broker.listTasks(q.name, { state: 'pending' }, 0, 10)],
      ['archived', (q: TestQueue) => q.broker.scanIds(q.name, { state: 'archived' }, undefined, 10)],
      ['completed', (q: TestQueue) => q.broker.listSize(q.name, { state: 'completed' })],
      ['groups', (q: TestQueue) => q.broker.groupSizes(q.name)],
      ['schedules', (q: TestQueue) => q.broker.schedules(q.name)],
      ['lease', (q: TestQueue) => q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 5, limit: 1 })],
      ['lease', (q: TestQueue) => q.broker.extendLeases(q.name, [{ id: 'a', expiriesS: [1] }], 2)],
      ['lease', (q: TestQueue) => q.broker.writeResult(q.name, { id: 'a', expiriesS: [1] }, Buffer.from('1'))],
      ['retry', (q: TestQueue) => q.broker.moveTasks(q.name, { state: 'retry' }, ['a'], 'deleted')],
      ['pending', (q: TestQueue) => q.broker.moveTasks(q.name, { state: 'pending' }, ['a'], 'archived')],
    ])('are named, with what they hold and should hold, by a call that needs them: "%s"', async (name, call) => {
      await using q = open();
      await q.broker.enqueue([{ message: q.message('a') }]);
      await redis.client.del(key(q, name));
      await redis.client.hset(key(q, name), 'no', 'such type');

      const text = new RegExp(`WRONGTYPE asynq:\\{${q.name}\\}:${name} holds a hash, not a \\w+: rename or delete`);
      await expect(call(q)).rejects.toThrow(text);
    });

    it.each(['leader', 'standby'] as const)('keep no server from being "%s"', async (duty) => {
      await using q = open();
      for (const plant of [
        () => redis.client.hset(key(q, duty), 'no', 'such type'),
        () => redis.client.set(key(q, duty), 'a text that never expires'),
      ]) {
        await plant();
        await q.clock.advance('1m');

        expect(await q.broker.takeDuty(q.name, duty, 'mine', 10_000)).toBe(true);
        expect(await q.broker.takeDuty(q.name, duty, 'other', 10_000)).toBe(false);
        expect(await q.broker.keepDuty(q.name, duty, 'mine', 10_000)).toBe(true);
        await redis.client.del(key(q, duty));
      }
    });

    it('let a leader whose key was overwritten lead again', async () => {
      await using q = open();
      await q.broker.takeDuty(q.name, 'leader', 'mine', 10_000);
      await redis.client.del(key(q, 'leader'));
      await redis.client.hset(key(q, 'leader'), 'no', 'such type');

      expect(await q.broker.keepDuty(q.name, 'leader', 'mine', 10_000)).toBe(false);
      expect(await q.broker.takeDuty(q.name, 'leader', 'mine', 10_000)).toBe(true);
    });

    it('let wake tokens be left and awaited', async () => {
      await using q = open();
      await redis.client.hset(key(q, 'wake'), 'no', 'such type');
      const watch = await q.broker.openWatch(q.name);

      const isWoken = await watch!.awaitToken(1_000);
      await redis.client.hset(key(q, 'wake'), 'no', 'such type');
      await q.broker.wakeIdle(q.name, 1);

      expect([isWoken, await watch!.awaitToken(1_000)]).toEqual([false, true]);
      await watch!.close();
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
