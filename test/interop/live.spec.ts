import {
  Client,
  type EnqueuedTask,
  Inspector,
  RevokeTask,
  Server,
  ServeMux,
  silentLogger,
  type TaskContext,
} from '@nestjs-asynq/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { type GoEnqueued, GoPeer, type GoQueueInfo, hasGoPeer } from '../support/go-peer.js';
import { startRedis, type RedisServer } from '../support/redis-server.js';
import { forGo, forUs, type MixedTask, mixedTasks } from './mixed-tasks.js';

const QUEUES = { mixed: 3, 'mixed-low': 1 };

/** One attempt of a task, by either side. */
interface Attempt {
  readonly id: string;
  readonly payload: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly atMs: number;
}

/** The handlers of the Go peer, on our side. */
class OurHandlers {
  readonly attempts: Attempt[] = [];
  private readonly conditions = new Conditions();

  readonly mux = new ServeMux()
    .handle('mix:succeed', (payload, context) => this.note(payload, context))
    .handle('mix:fail-once', (payload, context) => {
      this.note(payload, context);
      if (context.retried === 0) throw new Error('fails once');
    })
    .handle('mix:fail-always', (payload, context) => {
      this.note(payload, context);
      throw new Error('fails always');
    })
    .handle('mix:revoke', (payload, context) => {
      this.note(payload, context);
      throw new RevokeTask();
    })
    .handle('mix:echo', async (payload, context) => {
      await context.writeResult(context.payloadBytes);
      this.note(payload, context);
    });

  until(holds: () => boolean): Promise<void> {
    return this.conditions.until(holds);
  }

  private note(payload: unknown, { id, headers }: TaskContext): void {
    this.attempts.push({ id, payload, headers, atMs: Date.now() });
    this.conditions.check();
  }
}

describe.skipIf(!hasGoPeer)('side by side with Go', () => {
  let redis: RedisServer;
  let go: GoPeer;
  let client: Client;
  let inspector: Inspector;
  let handlers: OurHandlers;
  /** The warnings of our server: failed attempts, and inconsistent data. */
  let complaints: string[];

  beforeEach(async () => {
    redis = await startRedis();
    go = new GoPeer(redis);
    client = new Client({ connection: { url: redis.url } });
    inspector = new Inspector({ connection: { url: redis.url } });
    handlers = new OurHandlers();
    complaints = [];
  });

  afterEach(async () => {
    await client.close();
    await inspector.close();
    await go[Symbol.asyncDispose]();
    await redis.stop();
  });

  async function startOurServer(queues: Readonly<Record<string, number>>): Promise<Server> {
    const complain = (message: string): void => void complaints.push(message);
    const logger = { ...silentLogger, warn: complain, error: complain };
    const connection = { url: redis.url };
    const server = new Server({ connection, queues, concurrency: 10, retryDelay: () => 0, logger });
    await server.start(handlers.mux);
    return server;
  }

  function serveInGo(queues: Readonly<Record<string, number>>, concurrency = 10): Promise<void> {
    const soon = { taskCheckIntervalMs: 20, delayedTaskCheckIntervalMs: 50 };
    return go.serve({ queues, concurrency, ...soon });
  }

  function goAttempts(): Attempt[] {
    return go.handled.map(({ id, payload, headers, atMs }) => {
      return { id, payload: JSON.parse(payload.toString()) as unknown, headers: headers ?? {}, atMs };
    });
  }

  /** Asserts that both inspectors return the same about a queue; returns it. */
  async function agreedInfo(queue: string): Promise<Partial<GoQueueInfo>> {
    const { size: _, latencyMs: __, memoryUsage, ...theirs } = await go.queueInfo(queue);
    expect(await inspector.queueInfo(queue, { memory: true })).toMatchObject({ ...theirs, memoryBytes: memoryUsage });
    return theirs;
  }

  it('handles 1,000 tasks of all kinds that Go enqueued', async () => {
    const tasks = mixedTasks(1000);
    const enqueued = await go.enqueue(tasks.map(forGo));
    const ids = enqueued.map(idOf);

    const server = await startOurServer(QUEUES);
    await handlers.until(() => handlers.attempts.length >= attemptsOf(tasks));
    await server.shutdown();

    expectAttempts(handlers.attempts, tasks, ids);
    expect(await agreedInfo('mixed')).toMatchObject({ ...AFTER_1000, isPaused: false });
    expect(await agreedInfo('mixed-low')).toMatchObject({ processedTotal: 100, failedTotal: 0, pending: 0, active: 0 });
    await expectSameEcho(ids[3]!);
  });

  it('lets Go handle 1,000 tasks of all kinds, none of them early', async () => {
    const tasks = mixedTasks(1000);
    const results = await client.enqueueMany(tasks.map(forUs));
    const enqueued = results.map(({ task, error }): EnqueuedTask => {
      if (error) throw error;
      return task;
    });

    await serveInGo(QUEUES);
    await go.until(() => go.handled.length >= attemptsOf(tasks));
    await go.shutdown();

    const ids = enqueued.map(({ id }) => id);
    expectAttempts(goAttempts(), tasks, ids);
    const dueAtMs = new Map(enqueued.map(({ id, nextProcessAt }) => [id, nextProcessAt.getTime()]));
    expect(goAttempts().filter(({ id, atMs }) => atMs < dueAtMs.get(id)!)).toEqual([]);
    expect(await agreedInfo('mixed')).toMatchObject(AFTER_1000);
    await expectSameEcho(ids[3]!);
  });

  it('shares a queue of 10,000 with Go: every task handled, none twice', async () => {
    const count = 10_000;
    const each = Array.from({ length: count / 2 }, (_, n) => ({ type: 'mix:succeed', n }));
    const byGo = await go.enqueue(each.map(({ type, n }) => ({ type, queue: 'shared', payload: Buffer.from(`${n}`) })));
    const byUs = await client.enqueueMany(
      each.map(({ type, n }) => ({ type, payload: n, options: { queue: 'shared' } })),
    );
    // Both start on a paused queue, so that neither empties it before the other is ready.
    await go.pause('shared');
    const server = await startOurServer({ shared: 1 });
    // One at a time: ten Go workers might end all tasks before we poll the paused queue again, after a second.
    await serveInGo({ shared: 1 }, 1);

    await inspector.unpauseQueue('shared');
    const isDone = (): boolean => handlers.attempts.length + go.handled.length >= count;
    await Promise.race([handlers.until(isDone), go.until(isDone)]);
    await Promise.all([server.shutdown(), go.shutdown()]);

    const ours = handlers.attempts.map(({ id }) => id);
    const theirs = go.handled.map(({ id }) => id);
    const ids = [...byGo.map(idOf), ...byUs.map(({ task, error }) => task?.id ?? String(error))];
    expect([...ours, ...theirs].toSorted()).toEqual(ids.toSorted());
    expect(ours.length, 'tasks that we took').toBeGreaterThan(0);
    expect(theirs.length, 'tasks that Go took').toBeGreaterThan(0);
    expect(complaints).toEqual([]);
    const idle = { pending: 0, active: 0, scheduled: 0, retry: 0, archived: 0, completed: 0 };
    expect(await agreedInfo('shared')).toMatchObject({ ...idle, processedTotal: count, failedTotal: 0 });
  });

  /** A completed task and its result look the same from both sides. */
  async function expectSameEcho(id: string): Promise<void> {
    const theirs = await go.taskInfo('mixed', id);
    const ours = await inspector.taskInfo('mixed', id);
    expect(theirs).toMatchObject({ state: 'completed', retentionMs: 600_000, result: theirs.payload });
    expect(ours.state).toBe('completed');
    expect(Buffer.from(ours.result!)).toEqual(theirs.result);
  }
});

/** 900 tasks: 100 fail once and are retried, 100 fail permanently, 100 are kept. */
const AFTER_1000 = {
  pending: 0,
  active: 0,
  scheduled: 0,
  retry: 0,
  archived: 100,
  completed: 100,
  processedTotal: 1000,
  failedTotal: 200,
};

/** The id that Go gave a task; its error otherwise, which no task of ours has as its id. */
function idOf(enqueued: GoEnqueued): string {
  return 'id' in enqueued ? enqueued.id : enqueued.error;
}

function attemptsOf(tasks: readonly MixedTask[]): number {
  return tasks.reduce((sum, task) => sum + task.attempts, 0);
}

/** Each task was attempted as often as its kind says, with the payload and headers that were enqueued. */
function expectAttempts(attempts: readonly Attempt[], tasks: readonly MixedTask[], ids: readonly string[]): void {
  const byId = new Map<string, Pick<Attempt, 'payload' | 'headers'>[]>(ids.map((id) => [id, []]));
  for (const { id, payload, headers } of attempts) byId.get(id)?.push({ payload, headers });
  const seen = ids.map((id) => byId.get(id));
  const expected = tasks.map(({ payload, headers = {}, attempts: times }) =>
    Array.from({ length: times }, () => ({ payload, headers })),
  );
  expect(seen).toEqual(expected);
  expect(attempts).toHaveLength(attemptsOf(tasks));
}
