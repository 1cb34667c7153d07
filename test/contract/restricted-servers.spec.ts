import { Client, DuplicateTaskError, Inspector, Scheduler, Server, silentLogger } from '@nestjs-asynq/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MINIMAL_PROXY, openProxy, PROXY_CLUSTER, type ProxyProfile, type RedisProxy } from '../support/redis-proxy.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

/** Polls: most awaited changes happen on the server, without a notification. */
const until = (holds: () => boolean | Promise<boolean>): Promise<boolean> =>
  vi.waitUntil(holds, { timeout: 30_000, interval: 20 });

const words = (undeclaredKey: string): ProxyProfile => ({ undeclaredKey });
const without = (...refused: string[]): ProxyProfile => ({ refused });

const PROFILES: Readonly<Record<string, ProxyProfile>> = {
  'a proxy cluster': PROXY_CLUSTER,
  'a minimal proxy': MINIMAL_PROXY,
  "Dragonfly's text for an undeclared key": words('script tried accessing undeclared key, key: asynq'),
  "Alibaba's words for an undeclared key": words(
    'ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the KEYS array',
  ),
  'another text for an undeclared key': words('ERR command key not in KEYS'),
  'no INFO': without('INFO'),
  'no BLMOVE': without('BLMOVE'),
  'no blocking commands': without('BLMOVE', 'BLPOP'),
  'no SUBSCRIBE': without('SUBSCRIBE'),
  'no PUBLISH': without('PUBLISH'),
  'no EVALSHA and no SCRIPT': without('EVALSHA', 'SCRIPT'),
  'no TIME and no CLIENT': without('TIME', 'CLIENT'),
  'commands refused with another text': {
    refused: ['SUBSCRIBE', 'BLMOVE', 'INFO', 'TIME'],
    refusal: 'ERR %s is disabled',
  },
};

const JOBS = ['run', 'delay', 'retry', 'lock', 'result', 'cancel', 'move', 'pause', 'tick', 'parts'] as const;
type Job = (typeof JOBS)[number];

describe.each(Object.entries(PROFILES))('%s', (_, profile) => {
  let redis: RedisServer;
  let proxy: RedisProxy;
  let client: Client;
  let inspector: Inspector;
  let server: Server;
  /** Ids of the attempts that have begun, by queue. */
  let attempts: Record<Job, string[]>;

  beforeAll(async () => {
    redis = await startRedis();
    proxy = await openProxy(redis, profile);
    const options = { connection: { url: proxy.url }, logger: silentLogger };
    client = new Client({ ...options, partitions: { parts: 2 } });
    inspector = new Inspector(options);
    attempts = Object.fromEntries(JOBS.map((job) => [job, [] as string[]])) as typeof attempts;
    server = new Server({
      ...options,
      queues: { ...Object.fromEntries(JOBS.map((job) => [job, 1])), parts: { weight: 1, partitions: 2 } },
      taskCheckInterval: '50ms',
      heartbeatInterval: '200ms',
      retryDelay: () => 0,
    });
    await server.start(async (payload, { id, queue, retried, signal }) => {
      attempts[queue as Job].push(id);
      if (payload === 'fail once' && retried === 0) throw new Error('failed');
      if (payload === 'until canceled') {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw signal.reason;
      }
      return { done: id };
    });
  });

  afterAll(async () => {
    await server.shutdown();
    await inspector.close();
    await client.close();
    await proxy[Symbol.asyncDispose]();
    await redis.stop();
  });

  const enqueue = (queue: Job, payload: unknown, options: object = {}) =>
    client.enqueue('job', payload, { queue, ...options });
  const begun = (queue: Job, count: number) => until(() => attempts[queue].length >= count);

  it('runs a task, and one enqueued while it is idle', async () => {
    const first = await enqueue('run', 'a');
    await begun('run', 1);
    const second = await enqueue('run', 'b');
    await begun('run', 2);

    expect(attempts.run).toEqual([first.id, second.id]);
  });

  it('runs a delayed task', async () => {
    const { id } = await enqueue('delay', 'later', { processIn: '300ms' });
    await begun('delay', 1);

    expect(attempts.delay).toEqual([id]);
  });

  it('retries', async () => {
    const { id } = await enqueue('retry', 'fail once');
    await begun('retry', 2);

    expect(attempts.retry).toEqual([id, id]);
  });

  it('keeps a task unique while it exists', async () => {
    await enqueue('lock', 'x', { unique: '1m', processIn: '1h' });

    await expect(enqueue('lock', 'x', { unique: '1m' })).rejects.toBeInstanceOf(DuplicateTaskError);
  });

  it('waits for a result', async () => {
    const task = await enqueue('result', 'x', { retention: '1m' });

    expect(await task.result({ timeout: '20s' })).toEqual({ done: task.id });
  });

  it('cancels a running task', async () => {
    const { id } = await enqueue('cancel', 'until canceled');
    await begun('cancel', 1);
    await inspector.cancel('cancel', id, { outcome: 'archive' });

    await until(async () => (await inspector.taskInfo('cancel', id)).state !== 'active');
    expect(await inspector.taskInfo('cancel', id)).toMatchObject({ state: 'archived' });
  });

  it('inspects, searches and moves', async () => {
    const one = await enqueue('move', 'x', { processIn: '1h' });
    const two = await enqueue('move', 'y', { processIn: '1h' });

    expect((await inspector.listTasks('move', 'scheduled')).map(({ id }) => id).toSorted()).toEqual(
      [one.id, two.id].toSorted(),
    );
    expect((await inspector.findTasks({ queue: 'move', state: 'scheduled' })).tasks).toHaveLength(2);
    expect((await inspector.queueInfo('move')).scheduled).toBe(2);
    expect(await inspector.queues()).toContain('move');
    await until(async () => (await inspector.servers()).length === 1);
    await inspector.archiveTask('move', one.id);
    await inspector.runTask('move', two.id);
    await begun('move', 1);
    expect(attempts.move).toEqual([two.id]);
    expect(await inspector.runAll('move', 'archived')).toBe(1);
    await begun('move', 2);
  });

  it('pauses a queue', async () => {
    await inspector.pauseQueue('pause');
    const { id } = await enqueue('pause', 'x');
    expect((await inspector.taskInfo('pause', id)).state).toBe('pending');
    await inspector.unpauseQueue('pause');

    await begun('pause', 1);
  });

  it('fires periodic tasks', async () => {
    await using scheduler = new Scheduler({ connection: { url: proxy.url }, logger: silentLogger });
    scheduler.register('@every 1s', 'job', 'tick', { queue: 'tick' });
    await scheduler.start();

    await begun('tick', 1);
    expect(await inspector.schedulerEntries()).toHaveLength(1);
  });

  it('runs the tasks of a partitioned queue', async () => {
    const tasks = await Promise.all([1, 2, 3, 4].map((n) => enqueue('parts', n)));
    await begun('parts', 4);

    expect(attempts.parts.toSorted()).toEqual(tasks.map(({ id }) => id).toSorted());
    expect(await inspector.queues()).toContain('parts');
  });

  it('deletes tasks and the queue', async () => {
    const { id } = await client.enqueue('job', 'x', { queue: 'unserved', processIn: '1h' });
    await client.enqueue('job', 'y', { queue: 'unserved', processIn: '1h' });
    await inspector.deleteTask('unserved', id);
    expect(await inspector.deleteAll('unserved', 'scheduled')).toBe(1);
    await inspector.deleteQueue('unserved');

    expect(await inspector.queues()).not.toContain('unserved');
  });
});
