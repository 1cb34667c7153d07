import { Inspector, type TaskInfo } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { GoPeer, type GoTaskInfo, hasGoPeer } from '../support/go-peer.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { factName, type Facts, readFacts } from './golden-facts.js';

const QUEUE = 'judged';
const STATES = ['pending', 'scheduled', 'retry', 'archived', 'completed'] as const;

/** One call, made by Go and by us on equal queues. */
interface Call {
  readonly what: string;
  byGo(go: GoPeer): Promise<unknown>;
  byUs(inspector: Inspector): Promise<unknown>;
  /** Intended differences, see "Where we differ" in docs/wire.md. */
  readonly kinder?: Difference;
}

/** `writesPendingSince`: of tasks that run again. `releasesLocks`: of tasks that Go deletes without. */
type Difference = 'writesPendingSince' | 'releasesLocks';

const all = (op: 'runAll' | 'archiveAll' | 'deleteAll', state: (typeof STATES)[number]): Call => ({
  what: `${op} ${state}`,
  byGo: (go) => go.moveAll(op, QUEUE, state),
  byUs: (inspector) => inspector[op](QUEUE, state),
});

const allOfGroup = (op: 'runAll' | 'archiveAll' | 'deleteAll'): Call => ({
  what: `${op} of a group`,
  byGo: (go) => go.moveAll(op, QUEUE, 'aggregating', 'digest'),
  byUs: (inspector) => inspector[op](QUEUE, 'aggregating', { group: 'digest' }),
});

const one = (op: 'run' | 'archive' | 'delete', taskId: string): Call => ({
  what: `${op} ${taskId}`,
  byGo: (go) => go[op](QUEUE, taskId),
  byUs: (inspector) => inspector[`${op}Task`](QUEUE, taskId),
});

const runs = (call: Call): Call => ({ ...call, kinder: 'writesPendingSince' });
const unlocks = (call: Call): Call => ({ ...call, kinder: 'releasesLocks' });

const CALLS: readonly Call[] = [
  ...['scheduled-1', 'retry-1', 'archived-1', 'completed-1', 'group-1'].map((id) => runs(one('run', id))),
  ...['pending-1', 'scheduled-1', 'retry-1', 'completed-1', 'group-1'].map((id) => one('archive', id)),
  ...['pending-1', 'scheduled-1', 'retry-1', 'archived-1', 'completed-1', 'group-1'].map((id) => one('delete', id)),
  ...(['scheduled', 'retry', 'archived'] as const).map((state) => runs(all('runAll', state))),
  ...(['pending', 'scheduled', 'retry'] as const).map((state) => all('archiveAll', state)),
  ...(['scheduled', 'retry', 'archived', 'completed'] as const).map((state) => all('deleteAll', state)),
  unlocks(all('deleteAll', 'pending')),
  runs(allOfGroup('runAll')),
  allOfGroup('archiveAll'),
  unlocks(allOfGroup('deleteAll')),
  {
    what: 'give a scheduled task another payload',
    byGo: (go) => go.updatePayload(QUEUE, 'scheduled-1', Buffer.from('{"n":2}')),
    byUs: (inspector) => inspector.updateTaskPayload(QUEUE, 'scheduled-1', { n: 2 }),
  },
  unlocks({
    what: 'delete the queue by force',
    byGo: (go) => go.deleteQueue(QUEUE, true),
    byUs: (inspector) => inspector.deleteQueue(QUEUE, { force: true }),
  }),
];

const REFUSED: readonly Call[] = [
  one('run', 'pending-1'),
  one('archive', 'archived-1'),
  one('delete', 'nothing'),
  {
    what: 'give a pending task another payload',
    byGo: (go) => go.updatePayload(QUEUE, 'pending-1', Buffer.from('{}')),
    byUs: (inspector) => inspector.updateTaskPayload(QUEUE, 'pending-1', {}),
  },
  {
    what: 'delete a queue with tasks',
    byGo: (go) => go.deleteQueue(QUEUE, false),
    byUs: (inspector) => inspector.deleteQueue(QUEUE),
  },
];

describe.skipIf(!hasGoPeer)("our inspector compared with Go's", () => {
  let server: RedisServer;
  let redis: Redis;
  let go: GoPeer;
  let inspector: Inspector;
  let prepared: Snapshot;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    go = new GoPeer(server);
    inspector = new Inspector({ connection: { url: server.url } });
    await prepareInGo(go);
    prepared = await takeSnapshot(redis);
  });

  beforeEach(() => restore(redis, prepared));

  afterAll(async () => {
    await inspector.close();
    await go[Symbol.asyncDispose]();
    redis.disconnect();
    await server.stop();
  });

  it.each(CALLS)('leaves Redis as Go does: $what', async ({ byGo, byUs, kinder }) => {
    const goAnswers = await byGo(go);
    const goLeaves = await readFacts(redis);
    await restore(redis, prepared);
    const weAnswer = await byUs(inspector);
    const weLeave = await readFacts(redis);

    expect(weAnswer).toEqual(goAnswers);
    expect(comparable(weLeave, kinder)).toEqual(comparable(goLeaves, kinder));
    expect(comparable(goLeaves)).not.toEqual(comparable(await readPrepared())); // the call had an effect
  });

  it.each(REFUSED)('refuses what Go refuses, and writes nothing: $what', async ({ byGo, byUs }) => {
    const before = await redis.keys('*');

    await expect(byGo(go)).rejects.toThrow();
    await expect(byUs(inspector)).rejects.toMatchObject({ code: expect.stringMatching(/^(TASK|QUEUE)_/) });

    expect((await redis.keys('*')).toSorted()).toEqual(before.toSorted());
  });

  it.each(STATES)('lists %s tasks as Go does, page by page', async (state) => {
    for (const [page, size] of [
      [1, 30],
      [1, 1],
      [2, 1],
      [3, 1],
      [1, 2],
    ] as const) {
      const theirs = await go.tasks(QUEUE, state, { number: page, size });
      const ours = await inspector.listTasks(QUEUE, state, { page, size });

      expect(ours.map(asGoShows)).toEqual(theirs.map(withoutNow));
    }
  });

  it('returns the same for queues, groups and history', async () => {
    const { size: _, latencyMs: __, memoryUsage, ...info } = await go.queueInfo(QUEUE);

    expect(await inspector.queues()).toEqual(await go.queues());
    const ofGroup = await redis.memory('USAGE', `asynq:{${QUEUE}}:g:digest`); // which Go leaves out of its estimate
    const memoryBytes = memoryUsage + ofGroup!;
    expect(await inspector.queueInfo(QUEUE, { memory: true })).toMatchObject({ ...info, memoryBytes });
    expect(await inspector.groups(QUEUE)).toEqual(await go.groups(QUEUE));
    expect(await inspector.dailyStats(QUEUE, 3)).toEqual(await go.history(QUEUE, 3));
    expect(info).toMatchObject({ pending: 2, scheduled: 2, retry: 2, archived: 2, completed: 2, aggregating: 2 });
  });

  it('shows Go servers as Go does, with the tasks that they run', async () => {
    await go.enqueue([{ queue: QUEUE, taskId: 'running', type: 'a:block', payload: Buffer.from('{"n":1}') }]);
    await go.serve({ queues: { [QUEUE]: 3 }, concurrency: 1, strictPriority: true, taskCheckIntervalMs: 20 });
    await vi.waitFor(async () => expect((await go.servers())[0]?.activeTaskIds).toHaveLength(1), 10_000);

    const [theirs] = await go.servers();
    const [ours] = await inspector.servers();
    const active = await inspector.listTasks(QUEUE, 'active');

    const { startedAtMs, activeTaskIds, ...config } = theirs!;
    expect(ours).toMatchObject({ ...config, startedAt: new Date(startedAtMs) });
    expect(ours!.workers.map(({ taskId }) => taskId)).toEqual(activeTaskIds);
    expect(ours!.workers[0]).toMatchObject({
      queue: QUEUE,
      taskType: active[0]!.type,
      taskPayload: active[0]!.payload,
    });
    expect(active.map(asGoShows)).toEqual((await go.tasks(QUEUE, 'active')).map(withoutNow));
    await go.cancel(activeTaskIds[0]!);
    await go.shutdown();
  });

  it('leaves no key of a queue that it purges', async () => {
    await inspector.purgeQueue(QUEUE);

    expect((await redis.keys('*')).filter((key) => key.includes(QUEUE))).toEqual([]);
    expect(await go.queues()).toEqual([]);
  });

  async function readPrepared(): Promise<Facts> {
    await restore(redis, prepared);
    return readFacts(redis);
  }
});

/** Two tasks in every state but `active`, some with locks. */
async function prepareInGo(go: GoPeer): Promise<void> {
  const common = { queue: QUEUE, payload: Buffer.from('{"n":1}') };
  const ids = (state: string): string[] => [`${state}-1`, `${state}-2`];
  await go.enqueue([
    ...ids('completed').map((taskId) => ({ ...common, taskId, type: 'a:succeed', retentionMs: 3_600_000 })),
    ...ids('retry').map((taskId) => ({ ...common, taskId, type: `${taskId}:fail-always`, uniqueMs: 3_600_000 })),
  ]);
  await go.serve({ queues: { [QUEUE]: 1 }, concurrency: 4, taskCheckIntervalMs: 20, retryDelayMs: 3_600_000 });
  await go.until(() => go.handled.length === 4);
  await go.shutdown();
  await go.enqueue([
    ...ids('pending').map((taskId) => ({ ...common, taskId, type: taskId, uniqueMs: 3_600_000 })),
    ...ids('scheduled').map((taskId) => ({
      ...common,
      taskId,
      type: taskId,
      processInMs: 60_000,
      uniqueMs: 3_600_000,
    })),
    ...ids('archived').map((taskId) => ({ ...common, taskId, type: taskId, uniqueMs: 3_600_000 })),
    ...ids('group').map((taskId) => ({ ...common, taskId, type: taskId, group: 'digest', uniqueMs: 3_600_000 })),
  ]);
  for (const taskId of ids('archived')) await go.archive(QUEUE, taskId);
}

type Snapshot = readonly { readonly key: string; readonly ttlMs: number; readonly bytes: Buffer }[];

async function takeSnapshot(redis: Redis): Promise<Snapshot> {
  const found = await redis.keys('*');
  return Promise.all(
    found.map(async (key) => ({
      key,
      ttlMs: Math.max(await redis.pttl(key), 0),
      bytes: await redis.dumpBuffer(key),
    })),
  );
}

async function restore(redis: Redis, snapshot: Snapshot): Promise<void> {
  await redis.flushall();
  await Promise.all(snapshot.map(({ key, ttlMs, bytes }) => redis.restore(key, ttlMs, bytes)));
}

/** Without values that differ between two consecutive calls, and without the intended differences. */
function comparable(facts: Facts, kinder?: Difference): Record<string, unknown> {
  const isLeftOut = (name: string): boolean =>
    name.endsWith(factName('', 'ttl_s')) ||
    (kinder === 'writesPendingSince' && name.endsWith('.pending_since')) ||
    (kinder === 'releasesLocks' && name.includes(':unique:'));
  const kept = [...facts].filter(([name]) => !isLeftOut(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, isTimeOfArchiving(name) ? 'a time' : value]));
}

const isTimeOfArchiving = (name: string): boolean => name.startsWith(factName(`asynq:{${QUEUE}}:archived`, 'zset'));

/** Pending tasks are due "now", which each side reads from its own clock. */
function withoutNow({ nextProcessAtMs, ...task }: GoTaskInfo) {
  return { ...task, nextProcessAtMs: task.state === 'pending' ? 'now' : nextProcessAtMs };
}

/** Our view of a task under Go's names, to the second. */
function asGoShows(task: TaskInfo) {
  const ms = (at: Date | undefined): number => at?.getTime() ?? 0;
  const { id, queue, type, state, maxRetry, retried, lastError, isOrphaned, retentionMs } = task;
  return {
    ...{ id, queue, type, state, maxRetry, retried, lastError, isOrphaned, retentionMs },
    payload: Buffer.from(task.payload),
    headers: Object.keys(task.headers).length === 0 ? null : task.headers,
    lastFailedAtMs: ms(task.lastFailedAt),
    timeoutMs: task.timeoutMs ?? 0,
    deadlineAtMs: ms(task.deadline),
    group: task.group ?? '',
    nextProcessAtMs: state === 'pending' ? 'now' : ms(task.nextProcessAt),
    completedAtMs: ms(task.completedAt),
    result: Buffer.from(task.result ?? []),
  };
}
