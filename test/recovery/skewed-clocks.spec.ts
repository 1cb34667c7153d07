import { Client, Inspector, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { type WorkerOptions, WorkerProcess, type WorkerReport } from '../support/worker-process.js';

const FAST = { clockSkewMs: 300_000, clockGain: 0 };
const SLOW = { clockSkewMs: -300_000, clockGain: 0 };
/** Five minutes ahead, and a minute more every ten. */
const DRIFTING = { clockSkewMs: 300_000, clockGain: 0.1 };

/** As far apart as the time of Redis is known to its clients. */
const TOLERANCE_MS = 20;

const QUEUE = 'skewed';

/** Two workers whose machines show wrong times; all times here are those of Redis' machine. */
async function openFleet(redis: RedisServer, clocks: readonly (typeof FAST)[], options: Partial<WorkerOptions> = {}) {
  const facts = new Conditions();
  const startedAtMs = new Map<string, number[]>();
  const all: WorkerReport[] = [];
  const note = (report: WorkerReport): void => {
    const { kind, id = '' } = report;
    if (kind === 'started' || kind === 'aggregating') startedAtMs.set(id, [...(startedAtMs.get(id) ?? []), Date.now()]);
    all.push(report);
    facts.check();
  };
  const server = {
    connection: { url: redis.url },
    queues: { [QUEUE]: 1 },
    leaseDuration: '3s',
    recoverGrace: '500ms',
    janitorInterval: '500ms',
    concurrency: 50,
    heartbeat: 'inline', // with the same clock
    ...options,
  } as const;
  const workers: WorkerProcess[] = [];
  for (const clock of clocks) workers.push(await WorkerProcess.start(server, { ...clock, ticks: '@every 1s' }, note));
  const shared = { connection: { url: redis.url }, logger: silentLogger };
  const client = new Client({ ...shared, defaults: { queue: QUEUE } });
  const inspector = new Inspector(shared);
  return {
    client,
    inspector,
    startedAtMs,
    until: (holds: () => boolean) => facts.until(holds),
    /** Kinds of reports on a task, in order. */
    story: (taskId: string) => all.flatMap(({ kind, id }) => (id === taskId ? [kind] : [])),
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.kill()));
      await Promise.all([client.close(), inspector.close()]);
    },
  };
}

describe.each([
  ['a leader 5 minutes ahead', [FAST, SLOW]],
  ['a leader 5 minutes behind', [SLOW, FAST]],
  ['a leader that drifts', [DRIFTING, SLOW]],
])('%s', (_, clocks) => {
  it.concurrent('starts every due task once and none early, and takes no running task away', async () => {
    await using redis = await startRedis();
    await using fleet = await openFleet(redis, clocks);
    const { client, startedAtMs } = fleet;
    const running = Array.from({ length: 4 }, (_unused, n) => `running-${n}`);
    const due = Array.from({ length: 40 }, (_unused, n) => `due-${n}`);
    for (const taskId of running) await client.enqueue('work', { ms: 7_000 }, { taskId });
    const dueAtMs = Date.now() + 4_000;

    await client.enqueueMany(
      due.map((taskId) => ({ type: 'quick', options: { taskId, processAt: new Date(dueAtMs) } })),
    );
    await fleet.until(() => running.every((id) => fleet.story(id).includes('succeeded')));

    const early = due.filter((id) => startedAtMs.get(id)?.some((atMs) => atMs < dueAtMs - TOLERANCE_MS));
    const runs = [...running, ...due].map((id) => startedAtMs.get(id)?.length);
    expect({ early, runs }).toEqual({ early: [], runs: runs.map(() => 1) });
  });

  it.concurrent('keeps deadlines, retention, locks and groups, and fires each tick once', async () => {
    await using redis = await startRedis();
    await using fleet = await openFleet(redis, clocks, { groupAggregator: { gracePeriod: '2s' } as never });
    const { client, inspector, startedAtMs } = fleet;
    const ticks = (): number[] => [...startedAtMs].filter(([id]) => isTick(id)).flatMap(([, atMs]) => atMs);
    const isTick = (id: string): boolean => !['brief', 'kept', 'locked', 'bounded', 'part', 'group'].includes(id);
    const bornAtMs = Date.now();

    await client.enqueue('quick', undefined, { taskId: 'brief', retention: '2s' });
    await client.enqueue('quick', undefined, { taskId: 'kept', retention: '1h' });
    await client.enqueue('work', { ms: 6_000 }, { taskId: 'locked', unique: '1h' });
    await client.enqueue('hang', undefined, { taskId: 'bounded', deadline: new Date(bornAtMs + 3_000), maxRetry: 0 });
    await client.enqueue('quick', undefined, { taskId: 'part', group: 'group' });
    await fleet.until(() => fleet.story('bounded').includes('failed'));
    const endedAtMs = Date.now();
    await fleet.until(() => fleet.story('locked').includes('started') && ticks().length >= 6);

    expect(endedAtMs).toBeGreaterThanOrEqual(bornAtMs + 3_000 - TOLERANCE_MS);
    const duplicate = await client
      .enqueue('work', { ms: 6_000 }, { unique: '1h' })
      .catch((error: { code?: string }) => error.code);
    expect(duplicate).toBe('DUPLICATE_TASK');
    await fleet.until(() => startedAtMs.has('group'));
    expect(startedAtMs.get('group')![0]! - bornAtMs).toBeGreaterThanOrEqual(1_000); // it counts in whole seconds
    await expect.poll(() => inspector.task(QUEUE, 'brief').state()).toBeUndefined();
    expect(await inspector.task(QUEUE, 'kept').state()).toBe('completed');
    const fired = ticks().toSorted((a, b) => a - b);
    const seconds = Math.round((fired.at(-1)! - fired[0]!) / 1_000);
    expect(fired).toHaveLength(seconds + 1);
  });
});
