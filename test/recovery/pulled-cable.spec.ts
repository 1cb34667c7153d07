import {
  Client,
  Inspector,
  openBroker,
  RedisCommandError,
  Scheduler,
  Server,
  silentLogger,
  WaitTimeoutError,
} from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { describe, expect, it, type TestContext, vi } from 'vitest';
import { openCable } from '../support/cable.js';
import { openRecorder } from '../support/load.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

describe.concurrent('a connection that falls silent', () => {
  it('is closed once for all calls that wait on it', async ({ onTestFinished }) => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    await using client = new Client({ connection: { url: cable.url }, logger: silentLogger });
    const warnings = collectWarnings(onTestFinished);
    await client.ping();

    cable.pull();
    const calls = await Promise.allSettled(Array.from({ length: 20 }, () => client.ping()));
    await client.enqueue('email'); // succeeds without an error

    expect(calls.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'rejected'));
    const [first] = calls as PromiseRejectedResult[];
    expect(first!.reason).toBeInstanceOf(RedisCommandError);
    expect(first!.reason).toMatchObject({ isTransient: true });
    expect(cable.connections).toBe(2);
    expect(warnings).toEqual([]);
  });

  it('does not delay new subscriptions', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    await using client = new Client({ connection: { url: cable.url }, logger: silentLogger });
    const task = await client.enqueue('email');
    await task.wait({ timeout: 1 }).catch(() => undefined); // opens the connection that listens

    cable.pull();
    const wait = task.wait({ timeout: 1 });

    await expect(wait).rejects.toThrow(WaitTimeoutError);
  });

  it('closes blocking connections, too, so that idle servers wake soon', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    await using client = new Client({ connection: { url: redis.url }, logger: silentLogger });
    await using server = new Server({
      connection: { url: cable.url },
      logger: silentLogger,
    });
    let onStarted: (id: string) => void = () => undefined;
    const started = (id: string) => new Promise<void>((resolve) => (onStarted = (of) => of === id && resolve()));
    await server.start((_payload, { id }) => onStarted(id));
    const before = started('before');
    await client.enqueue('email', {}, { taskId: 'before', processIn: '500ms' }); // the server blocks by then
    await before;

    const found = started('found');
    cable.pull();
    const pulledAtMs = Date.now();
    await client.enqueue('email', {}, { taskId: 'found' });
    await found;

    expect(Date.now() - pulledAtMs).toBeLessThan(12_000); // a blocking call alone lasts up to 22 s
  });

  it('costs an idle server at most 12 s when it is the blocking one', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    await using client = new Client({ connection: { url: redis.url }, logger: silentLogger });
    await using server = new Server({ connection: { url: cable.url }, logger: silentLogger });
    const recorder = openRecorder();
    await server.start((_payload, { id }) => recorder.start(id));
    await recorder.enqueue(client, 'default');
    await recorder.settled();
    await vi.waitUntil(async () => /name=asynq:watch:\S* .*cmd=blmove/.test(await ask(redis, 'CLIENT', 'LIST')));

    cable.pull('watch');
    await recorder.enqueue(client, 'default');
    await recorder.settled();

    expect(Math.max(...recorder.pickUpMs)).toBeLessThan(12_000);
  });

  it('is subscribed to all channels again when it is cut at its first command after a reconnect', async ({
    onTestFinished,
  }) => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    const broker = openBroker({ url: cable.url }, { logger: silentLogger });
    await using inspector = new Inspector({ connection: { url: redis.url } });
    const nudged = new Set<string>();
    const queues = ['one', 'two', 'three', 'four'];
    for (const queue of queues) await broker.onNudge(queue, () => nudged.add(queue));
    const unhandled: unknown[] = [];
    const collect = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', collect);
    onTestFinished(() => void process.off('unhandledRejection', collect));

    const cut = cable.cutAt('subscriber', 'subscribe');
    await ask(redis, 'CLIENT', 'KILL', 'TYPE', 'pubsub');
    await cut;
    await vi.waitUntil(
      async () => {
        for (const queue of queues) {
          await inspector.pauseQueue(queue);
          await inspector.unpauseQueue(queue);
        }
        return nudged.size === queues.length;
      },
      { timeout: 10_000, interval: 100 },
    );
    await broker.close();

    expect(unhandled).toEqual([]);
  });

  it('does not delay the shutdown of a scheduler for long', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    let onEvent: () => void = () => undefined;
    const hasFired = new Promise<void>((resolve) => (onEvent = resolve));
    const scheduler = new Scheduler({ connection: { url: cable.url }, logger: silentLogger, onEvent });
    scheduler.register('* * * * * *', 'tick', undefined, { seconds: true });
    await scheduler.start();
    await hasFired;

    cable.pull();
    const startedAtMs = Date.now();
    await scheduler.shutdown();

    expect(Date.now() - startedAtMs).toBeLessThan(8_000);
  });
});

async function ask(redis: RedisServer, command: string, ...args: readonly string[]): Promise<string> {
  const client = new Redis(redis.url, { lazyConnect: true });
  try {
    return String(await client.call(command, ...args));
  } finally {
    client.disconnect();
  }
}

/** What Node prints to the user's terminal, such as that an emitter has too many listeners. */
function collectWarnings(onTestFinished: TestContext['onTestFinished']): Error[] {
  const warnings: Error[] = [];
  const collect = (warning: Error): void => void warnings.push(warning);
  process.on('warning', collect);
  onTestFinished(() => void process.off('warning', collect));
  return warnings;
}
