import { Client, Inspector, QueueError, Server } from '@nestjs-asynq/core';
import fc from 'fast-check';
import { Cluster, type Redis } from 'ioredis';
import { inspect as show } from 'node:util';
import { expect } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { quiet } from '../support/quiet.js';
import { type Plant, plant, plants } from './hostile-records.js';

const STATES = ['pending', 'active', 'scheduled', 'retry', 'archived', 'completed'] as const;
const SOUND = Array.from({ length: 10 }, (_, i) => `sound-${i}`);
const HELD_UP_MS = 15_000;

const mastersOf = (redis: Redis | Cluster): Redis[] => (redis instanceof Cluster ? redis.nodes('master') : [redis]);

let queues = 0;

/** Fails with the names of the missing steps: nothing here may hang. */
async function within<T>(what: () => string, done: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`held up: ${what()}`)), HELD_UP_MS);
  });
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}

/**
 * Fills a queue with records that a peer may have written, beside ten valid tasks in all kinds of states, and runs a
 * server and an inspector on it. Empties that Redis first.
 */
async function survive(redis: Redis | Cluster, what: readonly Plant[]): Promise<void> {
  await Promise.all(mastersOf(redis).map((master) => master.flushall()));
  const queue = `hostile-${++queues}`;
  const { logger, lines } = quiet();
  const connection = { client: redis };
  const strays: unknown[] = [];
  const onStray = (reason: unknown): void => void strays.push(reason);
  process.on('unhandledRejection', onStray);
  try {
    await using client = new Client({ connection, logger });
    await using inspector = new Inspector({ connection, logger });
    await seedSound(client, redis, queue);
    const keysLast = what.toSorted((a, b) => Number(a.kind === 'key') - Number(b.kind === 'key'));
    for (const one of keysLast) await plant(redis, queue, one);

    const facts = new Conditions();
    const handled = new Set<string>();
    await using server = new Server({
      connection,
      logger,
      concurrency: 10,
      queues: { [queue]: 1 },
      heartbeat: 'inline',
      leaseDuration: '3s',
      recoverGrace: '100ms',
      shutdownTimeout: '1s',
      janitorInterval: '200ms',
      delayedTaskCheckInterval: '100ms',
      groupAggregator: {
        gracePeriod: '1s',
        maxSize: 1,
        aggregate: (_group, tasks) => {
          for (const { id } of tasks) handled.add(id);
          facts.check();
          return { type: 'together' };
        },
      },
    });
    await within(
      () => 'start of the server',
      server.start((_payload, { id }) => {
        handled.add(id);
        facts.check();
      }),
    );
    const answers = await within(() => 'an inspector', Promise.allSettled(inspect(inspector, queue)));
    const missing = (): string[] => SOUND.filter((id) => !handled.has(id));
    await within(
      () => `${missing().join()} ${JSON.stringify(lines.slice(-5))}`,
      facts.until(() => missing().length === 0),
    );
    await within(() => 'an inspector after the work', Promise.allSettled(change(inspector, queue)));
    await within(() => 'shutdown of the server', server.shutdown());

    const odd = answers.flatMap((one) =>
      one.status === 'rejected' && !(one.reason instanceof QueueError) ? [one.reason as unknown] : [],
    );
    expect({ odd, strays }).toEqual({ odd: [], strays: [] });
  } finally {
    process.off('unhandledRejection', onStray);
  }
  expect(await strayKeys(redis, queue, what)).toEqual([]);
}

async function seedSound(client: Client, redis: Redis | Cluster, queue: string): Promise<void> {
  const tasks = SOUND.map((taskId, at) => ({
    type: 'sound',
    options: {
      queue,
      taskId,
      ...(at === 6 && { processIn: '1h' as const }),
      ...(at === 7 && { group: 'sound' }),
      ...(at === 8 && { retention: '1h' as const }),
      ...(at === 9 && { unique: '1h' as const }),
    },
  }));
  expect((await client.enqueueMany(tasks)).flatMap(({ error }) => error ?? [])).toEqual([]);
  await redis.lrem(`asynq:{${queue}}:pending`, 1, SOUND[5]!);
  await redis.lpush(`asynq:{${queue}}:active`, SOUND[5]!);
  await redis.zadd(`asynq:{${queue}}:lease`, 1, SOUND[5]!); // its worker was lost
  await redis.hset(`asynq:{${queue}}:t:${SOUND[5]!}`, 'state', 'active');
  await redis.zadd(`asynq:{${queue}}:scheduled`, 1, SOUND[6]!);
  await redis.hdel(`asynq:{${queue}}:t:${SOUND[6]!}`, 'due_at_ms');
}

/** Every call that reads. */
const inspect = (inspector: Inspector, queue: string): Promise<unknown>[] => [
  inspector.queues(),
  inspector.queueInfo(queue, { memory: true }),
  inspector.dailyStats(queue, 3),
  inspector.groups(queue),
  inspector.servers(),
  inspector.schedules(),
  inspector.schedules(queue),
  inspector.schedulerEntries(),
  inspector.schedulerEvents('odd'),
  inspector.cancel(queue, 'odd', { outcome: 'retry' }),
  ...STATES.flatMap((state) => [inspector.listTasks(queue, state), inspector.findTasks({ queue, state })]),
  ...['odd', 'g:odd'].map((group) => inspector.listTasks(queue, 'aggregating', { group })),
];

/** Calls that write. */
const change = (inspector: Inspector, queue: string): Promise<unknown>[] => [
  ...(['scheduled', 'retry', 'archived', 'completed'] as const).map((state) => inspector.deleteAll(queue, state)),
  inspector.deleteAll(queue, 'aggregating', { group: 'odd' }),
  inspector.pauseSchedule(queue, 'odd'),
];

/** Keys outside of the queue and of the global ones, `asynq:{}…` among them. */
async function strayKeys(redis: Redis | Cluster, queue: string, what: readonly Plant[]): Promise<string[]> {
  const keys = (await Promise.all(mastersOf(redis).map((master) => master.keys('*')))).flat();
  const planted = new Set(what.flatMap((one) => (one.kind === 'key' ? [one.key] : [])));
  return keys.filter(
    (key) =>
      !key.startsWith(`asynq:{${queue}}:`) &&
      !/^asynq:(queues|servers|workers|schedulers|schedule_queues)$/.test(key) &&
      !/^asynq:(servers|workers):\{[^{}]+:\d+:[0-9a-f-]{36}\}$/.test(key) &&
      !planted.has(key),
  );
}

export interface Hostility {
  readonly runs: number;
  /** Maximum number of records in a run. */
  readonly count: number;
  readonly largestBytes: number;
  /** Repeats the runs of an earlier failure. Default: a new one. */
  readonly seed?: number | undefined;
}

/** Runs {@link survive} with random records; how many. A failure prints the seed and the records. */
export async function surviveRandomRecords(
  redis: Redis | Cluster,
  { runs, count, largestBytes, seed }: Hostility,
): Promise<number> {
  const property = fc.asyncProperty(plants(count, largestBytes), (what) => survive(redis, what));
  const details = await fc.check(property, { numRuns: runs, endOnFailure: true, ...(seed !== undefined && { seed }) });
  if (!details.failed) return details.numRuns;
  const records = show(details.counterexample, { depth: 9, breakLength: 120 });
  throw new Error(`seed ${details.seed}, run ${details.numRuns}: ${records}`, { cause: details.errorInstance });
}
