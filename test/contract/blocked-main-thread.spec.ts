import { setTimeout as delay } from 'node:timers/promises';
import { Client, Inspector, openBroker, Server, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { openTrackedTasks } from '../support/test-queue.js';
import { shareRedis } from './shared-redis.js';

const LEASE = { leaseMs: 2_000, intervalMs: 500 };
/** A thread on a busy machine takes a while to start. */
const LONG_LEASE = { leaseMs: 6_000, intervalMs: 500 };

/** As a handler that computes, but leaves the processor to other tests. */
function block(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

describe('a server whose event loop is blocked', () => {
  const redis = shareRedis();

  async function prepare(queue: string, ids: readonly string[], lease = LEASE) {
    const { url } = redis.server;
    const broker = openBroker({ url }, { logger: silentLogger });
    const client = new Client({ connection: broker, logger: silentLogger });
    const inspector = new Inspector({ connection: broker });
    const tracked = openTrackedTasks(broker, url, lease);
    await client.enqueueMany(ids.map((taskId) => ({ type: 'test', options: { queue, taskId } })));
    /** Ids next to run first, and those in hand. */
    const places = async () => {
      const pending = await redis.client.lrange(`asynq:{${queue}}:pending`, 0, -1);
      const active = await redis.client.lrange(`asynq:{${queue}}:active`, 0, -1);
      return { nextUp: pending.reverse(), active: active.sort() };
    };
    const isShown = async (id: string): Promise<boolean> =>
      (await inspector.servers()).some(({ workers }) => workers.some(({ taskId }) => taskId === id));
    const close = async (): Promise<void> => {
      await tracked[Symbol.asyncDispose]();
      await broker.close();
    };
    return { broker, client, tracked, places, isShown, [Symbol.asyncDispose]: close };
  }

  it('has its held tasks returned to the head of their queue, in order, and begins none of them', async () => {
    const long = 'long'.repeat(50);
    await using server = await prepare('held', ['runs', 'begun', 'a', 'b', long, 'c']);
    await server.tracked.take('held', 1);
    await expect.poll(() => server.isShown('runs')).toBe(true); // the thread is there
    const tasks = await server.tracked.take('held', 5, 300);
    await server.client.enqueue('test', undefined, { queue: 'held', taskId: 'waiting' });
    const wasOurs = tasks[0]!.begin();

    block(2_000);

    const areOurs = tasks.slice(1).map((task) => task.begin());
    expect([wasOurs, ...areOurs]).toEqual([true, false, false, false, false]);
    expect(await server.places()).toEqual({ nextUp: ['a', 'b', long, 'c', 'waiting'], active: ['begun', 'runs'] });
    const retried = await server.broker.fetch('held', 1, 30_000);
    expect(retried.tasks).toMatchObject([{ message: { id: 'a', retried: 0 } }]);
  });

  it('keeps the leases of tasks that run, whatever was tracked while it was blocked', async () => {
    await using server = await prepare('running', ['first', 'second'], LONG_LEASE);
    await server.tracked.take('running', 1);
    const [second] = await server.tracked.take('running', 1); // the thread may not have started yet

    block(9_000);

    const { recovered } = await server.broker.recoverExpired('running', { graceMs: 0, maxCrashes: 5, limit: 10 });
    expect(recovered).toEqual([]);
    expect(await server.places()).toEqual({ nextUp: [], active: ['first', 'second'] });
    expect(second!.lease.isLost).toBe(false);
    expect(await server.broker.requeue('running', [second!.lease.claim()])).toEqual(['settled']);
  });

  it.each([1, 3, 10])(
    'logs no failure when it was blocked while it connects, %i ms after its start',
    async (waitMs) => {
      const { url } = redis.server;
      const log: string[] = [];
      const note = (message: string, fields: object = {}): void =>
        void log.push(`${message} ${String(Object.values(fields))}`);
      const logger = { ...silentLogger, warn: note, error: note };
      let announce: () => void;
      const handled = new Promise<void>((resolve) => (announce = resolve));
      const queue = `connecting-${waitMs}`;
      await using server = new Server({ connection: { url }, queues: { [queue]: 1 }, logger });
      const starting = server.start(() => announce());
      await delay(waitMs);

      block(1_200); // longer than a connection may take

      await starting;
      await using client = new Client({ connection: { url }, logger });
      await client.enqueue('test', undefined, { queue });
      await handled;
      expect(log).toEqual([]);
    },
  );
});
