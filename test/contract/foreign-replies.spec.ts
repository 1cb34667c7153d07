import { QueueError, RedisCommandError } from '@nestjs-asynq/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyGuard, openRedisQueue, type TestQueue } from '../support/test-queue.js';
import { shareRedis } from './shared-redis.js';

const RUNS = 40;

/** Of the shape of a fetch, with ids that do not belong to the messages, or notes of no task. */
const FETCH_REPLIES = [
  '{ 0, 5, 0, "2:id3:abc", {}, "x" }',
  '{ 0, 5, 0, "2:id", {}, "x", "y" }',
  '{ 0, 5, 0, "9:id", {}, "x" }',
  '{ 0, 5, 0, "-1:id", {}, "x" }',
  '{ 0, 5, 0, "id", {}, "x" }',
  '{ 0, 5, 0, "1e9:id", {}, false }',
  '{ 0, 5, 0, "2:id", { 0, "x", "y", 5, 7, false, false, false }, "x" }',
  '{ 0, 5, 0, "2:id", { -1, "x", "y", 5 }, false }',
];

/** A reply as Lua text. */
const anyReply = fc.letrec<{ reply: string; list: string; value: string }>((tie) => ({
  reply: fc.oneof(
    { weight: 4, arbitrary: tie('value') },
    { weight: 5, arbitrary: tie('list') },
    { weight: 1, arbitrary: fc.constantFrom(...FETCH_REPLIES) },
  ),
  list: fc
    .array(fc.oneof({ weight: 6, arbitrary: tie('value') }, { weight: 1, arbitrary: tie('list') }), { maxLength: 8 })
    .map((values) => `{ ${values.join(', ')} }`),
  value: fc.oneof(
    fc.integer({ min: -5, max: 5 }).map(String),
    fc.integer().map(String),
    fc.string({ maxLength: 6 }).map((text) => JSON.stringify(text).replace(/\\u00/g, '\\x')),
    fc.constantFrom('false', '{ ok = "OK" }', '"id"', '"5"', '"1 2:id"'),
  ),
})).reply;

const redis = shareRedis();
const replies = fc.sample(anyReply, { numRuns: 5_000, seed: 42 });
/** Only notes which scripts have run. */
const guard = new KeyGuard();
let next = 0;

/** A queue whose scripts do nothing and reply anything, except the first of a call, which work. */
function openQueue(
  given: string[],
  working: number,
  options: Pick<NonNullable<Parameters<typeof openRedisQueue>[1]>, 'declaredKeysOnly' | 'hasRedisTime'>,
): TestQueue {
  let calls = 0;
  const prepareScript = ({ name, lua }: { readonly name: string; readonly lua: string }): string => {
    if (calls++ < working) return lua;
    guard.prepareScript({ name, lua });
    const reply = replies[next++ % replies.length]!;
    given.push(`${name}: ${reply}`);
    return `return ${reply}`;
  };
  return openRedisQueue(redis.client, { guard: { prepareScript }, ...options });
}

type Call = (q: TestQueue) => Promise<unknown>;

const settle =
  (outcome: Parameters<TestQueue['broker']['settle']>[1][number]['outcome']): Call =>
  (q) =>
    q.broker.settle(
      q.name,
      ['a', 'b'].map((id) => ({ message: q.message(id), claim: q.claim(id), outcome })),
    );

const grouped = (q: TestQueue) => ({
  group: 'g',
  setId: 'set',
  deadlineS: 5,
  tasks: [q.message('m', { groupKey: 'g' })],
});

const schedule = (q: TestQueue) => ({
  queue: q.name,
  name: 's',
  spec: '@every 1m',
  template: { message: q.message('s') },
});

/** Every call of a broker that runs a script. */
const CALLS: Readonly<Record<string, Call>> = {
  enqueue: (q) => q.broker.enqueue([{ message: q.message('a1') }, { message: q.message('b1') }]),
  schedule: (q) => q.broker.enqueue([{ message: q.message('s1'), processAtMs: q.clock.nowMs() + 60_000 }]),
  fetch: async (q) => {
    await q.broker.fetch(q.name, 5, 30_000).catch(own);
    await q.broker.fetch(q.name, 5, 30_000); // asks about the tasks of the first
  },
  fetchNext: async (q) => {
    const watch = (await q.broker.openWatch(q.name))!;
    try {
      await watch.fetchNext?.(50, { leaseMs: 30_000, withSince: true });
    } finally {
      await watch.close();
    }
  },
  extendLeases: (q) => q.broker.extendLeases(q.name, [q.claim('a')], 4_102_448_400),
  noteAlone: (q) => q.broker.noteAlone(q.message('a'), q.claim('a'), true),
  done: settle({ kind: 'done' }),
  complete: settle({ kind: 'complete', result: Buffer.from('r') }),
  retry: settle({ kind: 'retry', retryAtMs: 4_102_448_400_000, error: 'boom', isFailure: true }),
  archive: settle({ kind: 'archive', error: 'boom' }),
  requeue: settle({ kind: 'requeue' }),
  writeResult: (q) => q.broker.writeResult(q.name, q.claim('a'), Buffer.from('r')),
  writeProgress: (q) => q.broker.writeProgress(q.message('a'), q.claim('a'), { share: 0.5, atMs: 5 }),
  readBackoff: async (q) => q.broker.readBackoff(q.name, 'a'),
  forwardDue: (q) => q.broker.forwardDue(q.name, 100),
  recoverExpired: (q) => q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 3, limit: 10 }),
  repair: (q) => q.broker.repair(q.name, 100),
  deleteExpiredCompleted: (q) => q.broker.deleteExpiredCompleted(q.name, 10),
  trimArchived: (q) => q.broker.trimArchived(q.name, { maxAgeMs: 1, maxSize: 1 }, 10),
  wakeIdle: (q) => q.broker.wakeIdle(q.name, 1),
  dropDuty: (q) => q.broker.dropDuty(q.name, 'leader', 's'),
  requestCancel: (q) => q.broker.requestCancel(q.name, 'a', 'archive'),
  takeRipe: (q) => q.broker.takeRipe(q.name, 'g', { gracePeriodS: 0, maxDelayS: 1, maxSize: 1 }),
  waitingGroups: (q) => q.broker.waitingGroups(q.name),
  groupsByTime: (q) => q.broker.groupsByTime(q.name, 'oldest', undefined, 10),
  archiveMembers: (q) => q.broker.archiveMembers(q.name, grouped(q), [q.message('m')]),
  finishSet: (q) => q.broker.finishSet(q.name, grouped(q), { message: q.message('combined') }),
  returnSet: (q) => q.broker.returnSet(q.name, grouped(q)),
  reclaimSets: (q) => q.broker.reclaimSets(q.name, 10),
  nameLostGroups: (q) => q.broker.nameLostGroups(q.name, 10),
  run: (q) => q.broker.moveTasks(q.name, { state: 'retry' }, ['r', 's'], 'pending'),
  archiveTasks: (q) => q.broker.moveTasks(q.name, { state: 'pending' }, ['p', 'x'], 'archived'),
  deleteTasks: (q) => q.broker.moveTasks(q.name, { state: 'archived' }, ['old', 'x'], 'deleted'),
  reschedule: (q) => q.broker.reschedule(q.name, { state: 'scheduled' }, 'due', q.clock.nowMs() + 60_000),
  updatePayload: (q) => q.broker.updatePayload(q.name, 'later', Buffer.from('new')),
  findTask: (q) => q.broker.findTask(q.name, 'p'),
  listTasks: (q) => q.broker.listTasks(q.name, { state: 'pending' }, 0, 10),
  scanTasks: async (q) => {
    const { next: position } = await q.broker.scanTasks(q.name, { state: 'retry' }, undefined, 1);
    await q.broker.scanTasks(q.name, { state: 'retry' }, position, 1);
  },
  findTasks: (q) =>
    q.broker.scanTasks(q.name, { state: 'retry' }, undefined, 10, { texts: [Buffer.from('a')], ignoresCase: false }),
  publishEvents: (q) => q.broker.publishEvents(q.name, ['{}'], { maxLength: 10, lifeMs: 60_000 }),
  scanIds: async (q) => {
    const { next: position } = await q.broker.scanIds(q.name, { state: 'retry' }, undefined, 1);
    await q.broker.scanIds(q.name, { state: 'retry' }, position, 1);
  },
  queueStats: (q) => q.broker.queueStats(q.name),
  removeQueue: (q) => q.broker.removeQueue(q.name),
  purgeQueue: (q) => q.broker.purgeQueue(q.name),
  writePresence: (q) =>
    q.broker.writePresence(
      {
        host: 'h',
        pid: 1,
        serverId: q.name,
        concurrency: 1,
        queues: { [q.name]: 1 },
        strictPriority: false,
        status: 'active',
        startedAtMs: 0,
        activeWorkerCount: 0,
      },
      [],
      10,
    ),
  writePlan: (q) => q.broker.writePlan(q.name, [], 10),
  saveSchedule: (q) => q.broker.saveSchedule(schedule(q)),
  fireTick: (q) =>
    q.broker.fireTick({ ...schedule(q), claimedMs: 1, tickMs: 2, task: { message: q.message('ticked') } }),
  setSchedulePaused: (q) => q.broker.setSchedulePaused(schedule(q), true),
  removeSchedule: (q) => q.broker.removeSchedule(schedule(q)),
  findSchedule: (q) => q.broker.findSchedule(schedule(q)),
  missingRights: (q) => q.broker.missingRights(q.name),
};

/** Lets errors of this library pass. */
function own(error: unknown): unknown {
  if (error instanceof QueueError) return error;
  throw error;
}

describe('a script that replies anything', () => {
  it.each(Object.entries(CALLS))('makes %s fail with an error of its own, or succeed', async (name, call) => {
    const failures = await Promise.all(
      Array.from({ length: RUNS }, async (_run, i) => {
        const given: string[] = [];
        await using q = openQueue(given, i % 4, { declaredKeysOnly: i % 3 === 0, hasRedisTime: name === 'fetchNext' });
        await q.seed({
          pending: ['p'],
          active: ['a', 'b'],
          scheduled: { due: 0, later: '1h' },
          retry: { r: 0, s: '1h' },
          archived: { old: '1h', older: '2h' },
          completed: { gone: 0 },
        });
        await q.inject({ leases: { a: 5, gone: 5 }, active: ['b', 'a', 'unleased', 'gone'] });
        await redis.client.hset(`asynq:{${q.name}}:t:r`, 'group', 'g');
        await redis.client.rpush(`asynq:{${q.name}}:pending`, 'garbage');
        await redis.client.hset(`asynq:{${q.name}}:t:garbage`, { msg: 'garbage', state: 'pending' });
        await redis.client.zadd(`asynq:{${q.name}}:aggregation_sets`, 5, `asynq:{${q.name}}:g:g:set`);
        await redis.client.zadd(`asynq:{${q.name}}:g:g:set`, 5, 'm');
        await redis.client.sadd(`asynq:{${q.name}}:groups`, 'g');
        await redis.client.zadd(`asynq:{${q.name}}:g:g`, 5, 'm');
        await redis.client.sadd('asynq:queues', q.name);

        const error: unknown = await call(q).then(
          () => undefined,
          (failure: unknown) => failure,
        );
        return { error, given };
      }),
    );

    for (const { error, given } of failures) {
      expect(error === undefined || error instanceof QueueError, `${String(error)}, after:\n${given.join('\n')}`).toBe(
        true,
      );
      if (error instanceof RedisCommandError) expect(given.map((line) => line.split(':')[0])).toContain(error.command);
    }
  });

  it('is each of the scripts above', () => {
    expect(guard.notRun()).toEqual(['take-duty']); // run on a full Redis alone
  });

  it('names the script, the reply it expects, and the kind of the one that came', async () => {
    await using q = openRedisQueue(redis.client, { guard: { prepareScript: () => 'return { 1, "secret" }' } });
    await q.seed({ active: ['a', 'b'] });

    const failure = await settle({ kind: 'done' })(q).catch((error: unknown) => error);

    expect(failure).toMatchObject({ command: 'done', isTransient: true, isOutcomeUnknown: true });
    expect((failure as Error).message).toContain(
      'expected the reply integer | {integer per task}, got list of 2 {integer, text}',
    );
  });

  it('refuses an answer to a return that it does not know, which could be taken for a cancel request', async () => {
    await using q = openRedisQueue(redis.client, { guard: { prepareScript: () => 'return { 7 }' } });
    await q.seed({ active: ['a'] });

    const failure = await q.broker.requeue(q.name, [q.claim('a')]).catch((error: unknown) => error);

    expect(failure).toMatchObject({ command: 'requeue', isTransient: true, isOutcomeUnknown: true });
  });
});
