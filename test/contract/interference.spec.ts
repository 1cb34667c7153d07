import { KeyGuard, openRedisQueue, type TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
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

/** The script runs, and its caller does not hear of it. */
const loseReply = (lua: string): string =>
  `local function run()\n${lua}\nend\nrun()\nreturn redis.error_reply('LOADING the reply was lost')`;

/** Somebody else's command comes right before. */
const after =
  (command: string) =>
  (lua: string): string =>
    `${command}\n${lua}`;

const KINDS = [
  { kind: 'pending', groupKey: '', processInMs: undefined },
  { kind: 'scheduled', groupKey: '', processInMs: 60_000 },
  { kind: 'aggregating', groupKey: 'digest', processInMs: undefined },
] as const;

type FetchReply = Awaited<ReturnType<TestQueue['broker']['fetch']>>;

describe('what comes between two commands of a broker on Redis', () => {
  const redis = shareRedis();

  const open = (script: string, change: (lua: string) => string): TestQueue =>
    openRedisQueue(redis.client, { guard: new Interference(script, change) });

  it.each(KINDS)('finds its $kind task when the reply was lost', async ({ kind, groupKey, processInMs }) => {
    await using q = open('enqueue', loseReply);
    const message = q.message('mine', { groupKey });
    const processAtMs = processInMs === undefined ? undefined : q.clock.nowMs() + processInMs;

    const outcomes = await q.broker.enqueue([{ message, processAtMs }]);

    expect(outcomes).toEqual([{ status: kind }]);
    expect((await q.dump()).tasks).toMatchObject({ mine: { state: kind, message } });
  });

  it('finds its task when the reply was lost and the task failed before the repeat', async () => {
    await using q = open('enqueue', loseReply);
    const message = q.message('mine', { headers: { trace: 'x', user: 'y' } });

    const enqueued = q.broker.enqueue([{ message }]);
    const task = await firstOf(q);
    const outcome = { kind: 'retry', retryAtMs: q.clock.nowMs() + 60_000, error: 'boom', isFailure: true } as const;
    await q.broker.settle(q.name, [{ message: task.message, claim: q.claim(task), outcome }]);

    expect(await enqueued).toEqual([{ status: 'pending' }]);
    expect((await q.dump()).tasks).toMatchObject({ mine: { state: 'retry', message: { retried: 1 } } });
  });

  it.each(KINDS)('takes no other task for its $kind one then', async ({ groupKey, processInMs }) => {
    await using q = open('enqueue', loseReply);
    await q.seed({ archived: { taken: 0 } });
    const before = await q.dump();
    const message = q.message('taken', { groupKey, type: 'another' });
    const processAtMs = processInMs === undefined ? undefined : q.clock.nowMs() + processInMs;

    const outcomes = await q.broker.enqueue([{ message, processAtMs }]);

    expect(outcomes).toEqual([{ status: 'idConflict' }]);
    expect(await q.dump()).toEqual({ ...before, isAnnounced: true });
  });

  it('gives no payload to a task that begins to wait meanwhile', async () => {
    await using q = open('update-message', after("redis.call('HSET', KEYS[1], 'state', 'pending')"));
    await q.seed({ scheduled: { s: '1h' } });

    expect(await q.broker.updatePayload(q.name, 's', Uint8Array.of(1))).toBe('pending');

    expect((await q.dump()).tasks['s']?.message).toEqual(q.message('s'));
  });

  it('gives a payload to the message that another left meanwhile', async () => {
    // The retention behind the message as it was read.
    await using q = open('update-message', after("redis.call('HSET', KEYS[1], 'msg', ARGV[1] .. '\\96\\5')"));
    await q.seed({ scheduled: { s: '1h' } });

    expect(await q.broker.updatePayload(q.name, 's', Uint8Array.of(1))).toBe('scheduled');

    const message = { ...q.message('s', { retentionS: 5n }), payload: Uint8Array.of(1) };
    expect((await q.dump()).tasks['s']?.message).toEqual(message);
  });

  it('gives a group back that it may have taken, when the reply was lost', async () => {
    await using q = open('take-group', loseReply);
    await q.broker.enqueue([{ message: q.message('member', { groupKey: 'digest' }) }]);
    const before = await q.dump();
    const full = { gracePeriodS: 60, maxDelayS: 0, maxSize: 1 };
    await expect(q.broker.takeRipe(q.name, 'digest', full)).rejects.toThrow();

    const groups = await q.broker.waitingGroups(q.name);

    expect(groups).toMatchObject([{ name: 'digest', size: 1 }]);
    expect(await q.dump()).toEqual(before);
  });

  it('hands out the sound tasks of a fetch when a broken one cannot be archived', async () => {
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

  it('hands out the tasks of a fetch in two steps when ids without a task cannot be dropped', async () => {
    const guard = new Interference('drop-orphans', () => "return redis.error_reply('OOM no memory left')");
    await using q = openRedisQueue(redis.client, { guard, declaredKeysOnly: true });
    await q.seed({ pending: ['sound'] });
    await q.inject({ nextUp: ['gone'] });

    const { tasks } = await q.broker.fetch(q.name, 10, 30_000);

    expect(tasks.map(({ message }) => message.id)).toEqual(['sound']);
  });

  it('keeps every active id when Redis has no memory for the list that is written anew', async () => {
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

  it('leaves a task of a group alone that is put off while it is forwarded', async () => {
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

/** Asks until there is one. */
async function firstOf(q: TestQueue): Promise<FetchReply['tasks'][number]> {
  for (;;) {
    const { tasks } = await q.broker.fetch(q.name, 1, 30_000);
    if (tasks[0]) return tasks[0];
  }
}
