import { describe, expect, it } from 'vitest';
import { KeyGuard, openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { allGroups } from './grouped-tasks.js';
import { interfere } from './interfere.js';
import { shareRedis } from './shared-redis.js';

/** Changes the first call of a script. */
class Interference extends KeyGuard {
  private isOver = false;

  constructor(
    private readonly name: string,
    private readonly change: (lua: string) => string,
  ) {
    super();
  }

  override readonly prepareScript = ({ name, lua }: { readonly name: string; readonly lua: string }): string => {
    if (this.isOver || name !== this.name) return lua;
    this.isOver = true;
    return this.change(lua);
  };
}

/** The script runs, and its caller gets no reply. */
const loseReply = (lua: string): string =>
  `local function run()\n${lua}\nend\nrun()\nreturn redis.error_reply('LOADING the reply was lost')`;

/** The task is also handled before its client repeats the call. */
const loseReplyOfHandled = (lua: string): string =>
  `local function run()\n${lua}\nend\nrun()
for _, key in ipairs(KEYS) do if string.find(key, ':t:', 1, true) then redis.call('DEL', key) end end
redis.call('DEL', KEYS[1], KEYS[2])
return redis.error_reply('LOADING the reply was lost')`;

/** A command of another client comes right before. */
const after =
  (command: string) =>
  (lua: string): string =>
    `${command}\n${lua}`;

const KINDS = [
  { kind: 'pending', script: 'enqueue-pending', groupKey: '', processInMs: undefined },
  { kind: 'scheduled', script: 'enqueue', groupKey: '', processInMs: 60_000 },
  { kind: 'aggregating', script: 'enqueue', groupKey: 'digest', processInMs: undefined },
] as const;

type FetchReply = Awaited<ReturnType<TestQueue['broker']['fetch']>>;

describe('interference between two commands of a broker on Redis', () => {
  const redis = shareRedis();

  const open = (script: string, change: (lua: string) => string): TestQueue =>
    openRedisQueue(redis.client, { guard: new Interference(script, change) });

  describe('fetches a task whose reply takes longer than its lease', () => {
    const LEASE_MS = 30_000;
    /** Time for the clock of the test to advance before the reply is there. */
    const SLOWLY = 'for _ = 1, 5e6 do end';

    /** Delays the reply; `meanwhile` is the script of another server. */
    const fetchLate = async (
      meanwhile: string,
    ): Promise<{ reply: FetchReply; expiresAtMs: number; leases: unknown }> => {
      let arrived: Promise<unknown> = Promise.resolve();
      await using q: TestQueue = open('fetch', (lua) => {
        arrived = q.clock.advance(LEASE_MS + 1_000);
        return `local function run()\n${lua}\nend\nlocal reply = run()\n${meanwhile}\n${SLOWLY}\nreturn reply`;
      });
      await q.seed({ pending: ['late'] });
      const reply = await q.broker.fetch(q.name, 1, LEASE_MS);
      await arrived;
      return { reply, expiresAtMs: q.clock.nowMs() + LEASE_MS, leases: (await q.dump()).leases };
    };

    it('with a new lease while it is still its own', async () => {
      const { reply, expiresAtMs, leases } = await fetchLate('');

      expect(reply.tasks.map(({ message }) => message.id)).toEqual(['late']);
      expect(reply.tasks[0]!.leaseExpiresAtS * 1_000).toBeGreaterThanOrEqual(expiresAtMs);
      expect(leases).toEqual({ late: reply.tasks[0]!.leaseExpiresAtS });
    });

    it('not at all once another server has taken it', async () => {
      const { reply } = await fetchLate("redis.call('ZINCRBY', KEYS[4], 7, 'late')");

      expect(reply.tasks).toEqual([]);
    });
  });

  describe('deletes as many ended tasks as it may, although another janitor deletes one of them', () => {
    /** Another one deletes the first task right after this command has found some. */
    const deleteAfter = (q: TestQueue, command: 'zrange' | 'zrangebyscore', state: 'archived' | 'completed') =>
      interfere(command, 'after', async () => {
        await redis.client.zrem(`asynq:{${q.name}}:${state}`, 'a');
        await redis.client.del(`asynq:{${q.name}}:t:a`);
      });

    it('when their retention has ended', async () => {
      await using q = openRedisQueue(redis.client);
      await q.seed({ completed: { a: '1s', b: '2s', c: '3s', d: '4s' } });
      await q.clock.advance('1m');
      deleteAfter(q, 'zrangebyscore', 'completed');

      expect(await q.broker.deleteExpiredCompleted(q.name, 2)).toBe(2);
      expect(Object.keys((await q.dump()).tasks)).toEqual(['d']);
    });

    it('when the archive is too large', async () => {
      await using q = openRedisQueue(redis.client);
      await q.seed({ archived: { a: '5s', b: '4s', c: '3s', d: '2s', e: '1s' } });
      deleteAfter(q, 'zrange', 'archived');

      expect(await q.broker.trimArchived(q.name, { maxAgeMs: 3_600_000, maxSize: 1 }, 2)).toBe(2);
      expect(Object.keys((await q.dump()).tasks).toSorted()).toEqual(['d', 'e']);
    });
  });

  describe('reads a task that fails meanwhile', () => {
    /** The task fails before this command, or right after it. */
    const failAt = (q: TestQueue, command: 'lrange' | 'zscore', when: 'before' | 'after') => {
      const retryAtMs = q.clock.nowMs() + 60_000;
      const outcome = { kind: 'retry', retryAtMs, error: 'boom', isFailure: true } as const;
      const end = { message: q.message('mine'), claim: q.claim('mine'), outcome };
      return interfere(command, when, () => q.broker.settle(q.name, [end]));
    };

    it('in a list, and does not call it orphaned', async () => {
      await using q = openRedisQueue(redis.client);
      await q.seed({ active: ['mine'] });
      failAt(q, 'lrange', 'after');

      const tasks = await q.broker.listTasks(q.name, { state: 'active' }, 0, 10);

      expect(tasks.map(({ isOrphaned }) => isOrphaned)).toEqual([false]);
      expect((await q.dump()).tasks['mine']).toMatchObject({ state: 'retry' });
    });

    it('by its id, and shows it as it is then', async () => {
      await using q = openRedisQueue(redis.client);
      await q.seed({ active: ['mine'] });
      failAt(q, 'zscore', 'before');

      const task = await q.broker.findTask(q.name, 'mine');

      expect(task).toMatchObject({ state: 'retry', isOrphaned: false, nextProcessAtMs: q.clock.nowMs() + 60_000 });
    });
  });

  it.each(KINDS)('finds its $kind task when the reply was lost', async ({ kind, script, groupKey, processInMs }) => {
    await using q = open(script, loseReply);
    const message = q.message('mine', { groupKey });
    const processAtMs = processInMs === undefined ? undefined : q.clock.nowMs() + processInMs;

    const outcomes = await q.broker.enqueue([{ message, processAtMs }]);

    expect(outcomes).toEqual([{ status: kind }]);
    expect((await q.dump()).tasks).toMatchObject({ mine: { state: kind, message } });
  });

  it('finds its task when the reply was lost and the task failed before the repeat', async () => {
    await using q = open('enqueue-pending', loseReply);
    const message = q.message('mine', { headers: { trace: 'x', user: 'y' } });

    const enqueued = q.broker.enqueue([{ message }]);
    const task = await firstOf(q);
    const outcome = { kind: 'retry', retryAtMs: q.clock.nowMs() + 60_000, error: 'boom', isFailure: true } as const;
    await q.broker.settle(q.name, [{ message: task.message, claim: q.claim(task), outcome }]);

    expect(await enqueued).toEqual([{ status: 'pending' }]);
    expect((await q.dump()).tasks).toMatchObject({ mine: { state: 'retry', message: { retried: 1 } } });
  });

  it.each(KINDS)('does not write its $kind task again when it was handled before the repeat', async (task) => {
    const { kind, script, groupKey, processInMs } = task;
    await using q = open(script, loseReplyOfHandled);
    const processAtMs = processInMs === undefined ? undefined : q.clock.nowMs() + processInMs;

    const outcomes = await q.broker.enqueue([{ message: q.message('mine', { groupKey }), processAtMs }]);

    expect(outcomes).toEqual([{ status: kind }]);
    expect((await q.dump()).tasks).toEqual({});
  });

  it('writes those tasks of a lost call again that the call did not write', async () => {
    await using q = open('enqueue-pending', loseReplyOfHandled);
    await q.seed({ archived: { taken: 0 } });

    const outcomes = await q.broker.enqueue([{ message: q.message('taken') }, { message: q.message('mine') }]);

    expect(outcomes).toEqual([{ status: 'pending' }, { status: 'pending' }]);
    expect(Object.keys((await q.dump()).tasks)).toEqual(['taken']);
  });

  it.each(KINDS)('does not mistake another task for its $kind one then', async ({ script, groupKey, processInMs }) => {
    await using q = open(script, loseReply);
    await q.seed({ archived: { taken: 0 } });
    const before = await q.dump();
    const message = q.message('taken', { groupKey, type: 'another' });
    const processAtMs = processInMs === undefined ? undefined : q.clock.nowMs() + processInMs;

    const outcomes = await q.broker.enqueue([{ message, processAtMs }]);

    expect(outcomes).toEqual([{ status: 'idConflict' }]);
    expect(await q.dump()).toEqual({ ...before, isAnnounced: true });
  });

  it('does not change the payload of a task that is rescheduled in between', async () => {
    await using q = open('update-message', after("redis.call('HSET', KEYS[1], 'state', 'pending')"));
    await q.seed({ scheduled: { s: '1h' } });

    expect(await q.broker.updatePayload(q.name, 's', Uint8Array.of(1))).toBe('pending');

    expect((await q.dump()).tasks['s']?.message).toEqual(q.message('s'));
  });

  it('changes the payload of a message that was rewritten in between', async () => {
    // The retention behind the message as it was read.
    await using q = open('update-message', after("redis.call('HSET', KEYS[1], 'msg', ARGV[1] .. '\\96\\5')"));
    await q.seed({ scheduled: { s: '1h' } });

    expect(await q.broker.updatePayload(q.name, 's', Uint8Array.of(1))).toBe('scheduled');

    const message = { ...q.message('s', { retentionS: 5n }), payload: Uint8Array.of(1) };
    expect((await q.dump()).tasks['s']?.message).toEqual(message);
  });

  it('returns a group that it may have taken, when the reply was lost', async () => {
    await using q = open('take-group', loseReply);
    await q.broker.enqueue([{ message: q.message('member', { groupKey: 'digest' }) }]);
    const before = await q.dump();
    const full = { gracePeriodS: 60, maxDelayS: 0, maxSize: 1 };
    await expect(q.broker.takeRipe(q.name, 'digest', full)).rejects.toThrow();

    const groups = await allGroups(q.broker, q.name);

    expect(groups).toMatchObject([{ name: 'digest', size: 1 }]);
    expect(await q.dump()).toEqual(before);
  });

  it('returns the valid tasks of a fetch when a broken one cannot be archived', async () => {
    await using q = open('quarantine', () => "return redis.error_reply('OOM no memory left')");
    await q.seed({ pending: ['sound', 'fine'] });
    await q.inject({ nextUp: ['broken'], tasks: { broken: { msg: Uint8Array.from([0xff, 0xff]), state: 'pending' } } });

    const { tasks } = await q.broker.fetch(q.name, 10, 30_000);

    expect(tasks.map(({ message }) => message.id)).toEqual(['sound', 'fine']);
    await q.clock.advance('1m');
    await q.broker.recoverExpired(q.name, { graceMs: 2_000, maxCrashes: 5, limit: 10 });
    await q.broker.fetch(q.name, 10, 30_000);
    expect((await q.dump()).tasks).toMatchObject({ broken: { state: 'archived' } });
  });

  it('returns the tasks of a fetch in two steps when ids without a task cannot be dropped', async () => {
    const guard = new Interference('drop-orphans', () => "return redis.error_reply('OOM no memory left')");
    await using q = openRedisQueue(redis.client, { guard, declaredKeysOnly: true });
    await q.seed({ pending: ['sound'] });
    await q.inject({ nextUp: ['gone'] });

    const { tasks } = await q.broker.fetch(q.name, 10, 30_000);

    expect(tasks.map(({ message }) => message.id)).toEqual(['sound']);
  });

  it('keeps every active id when Redis has no memory to rewrite the list', async () => {
    const refuse = (lua: string): string => `
      local real = redis
      local redis = setmetatable({}, { __index = real })
      redis.pcall = function(name, ...)
        if name == 'RPUSH' then return real.error_reply('OOM no memory left') end
        return real.pcall(name, ...)
      end
      ${lua}`;
    await using q = open('done', refuse);
    const ids = Array.from({ length: 100 }, (_, at) => `task-${at}`);
    await q.seed({ active: ids });
    const ending = ids.filter((_, at) => at % 3 === 0);
    const done = ending.map((id) => ({
      message: q.message(id),
      claim: q.claim(id),
      outcome: { kind: 'done' } as const,
    }));

    await q.broker.settle(q.name, done);

    expect((await q.dump()).active).toEqual(ids.filter((id) => !ending.includes(id)));
  });

  it('forwards a task once that a call names twice', async () => {
    const again = 'KEYS[#KEYS + 1] = KEYS[3]\nfor at = 2, 4 do ARGV[#ARGV + 1] = ARGV[at] end';
    await using q = open('forward', after(again));
    await q.seed({ retry: { due: 100 } });
    await q.clock.advance('1s');

    const { moved } = await q.broker.forwardDue(q.name, 100);

    expect(moved).toBe(1);
    expect((await q.dump()).nextUp).toEqual(['due']);
  });

  it('takes no tasks of a group that was empty when its tasks were listed', async () => {
    await using q = open('take-group', after("for i = 1, 3 do redis.call('ZADD', KEYS[1], 1, 'joined-' .. i) end"));

    const set = await q.broker.takeRipe(q.name, 'digest', { gracePeriodS: 60, maxDelayS: 0, maxSize: 2 });

    expect(set).toBeUndefined();
    expect(await redis.client.zcard(`asynq:{${q.name}}:g:digest`)).toBe(3);
  });

  it('does not forward a task of a group that is rescheduled in between', async () => {
    await using q = open('forward-to-group', after("redis.call('ZADD', KEYS[1], 9999999999, ARGV[3])"));
    await q.seed({ retry: { put: 1, due: 1 } });
    await q.inject({ tasks: { put: { group: 'digest' }, due: { group: 'digest' } } });
    await q.clock.advance('1s');

    await q.broker.forwardDue(q.name, 10);

    const { groups, retry, tasks } = await q.dump();
    const [[putOff]] = Object.entries(retry) as [[string, number]];
    expect(retry).toEqual({ [putOff]: 9_999_999_999 });
    expect(tasks[putOff]).toMatchObject({ state: 'retry' });
    expect(Object.keys(groups['digest']!)).toEqual(['put', 'due'].filter((id) => id !== putOff));
  });
});

/** Polls until there is one. */
async function firstOf(q: TestQueue): Promise<FetchReply['tasks'][number]> {
  for (;;) {
    const { tasks } = await q.broker.fetch(q.name, 1, 30_000);
    if (tasks[0]) return tasks[0];
  }
}
