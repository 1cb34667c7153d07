import { Client, openBroker, Server, silentLogger, type TaskEvent } from '@nestjs-asynq/core';
import type { Redis } from 'ioredis';
import { describe, expect, it, vi } from 'vitest';
import { openCable } from '../support/cable.js';
import { documentedRights, setUser } from '../support/documented-rights.js';
import { shareRedis } from './shared-redis.js';

const LONG_MS = 60_000;
const NEXT = { leaseMs: 30_000, withSince: true };
const LEADER = 'asynq:{default}:leader';

const redis = shareRedis();

/** A queue, its watch, and what lies in Redis. */
async function openWatched(url = redis.server.url) {
  await redis.client.flushall();
  const broker = openBroker({ url }, { logger: silentLogger });
  const client = new Client({ connection: { url: redis.server.url }, logger: silentLogger });
  const watch = (await broker.openWatch('default'))!;
  return {
    watch,
    client,
    fetchNext: (timeoutMs = LONG_MS) => watch.fetchNext!(timeoutMs, NEXT),
    lists: async () => ({
      pending: await redis.client.lrange('asynq:{default}:pending', 0, -1),
      active: await redis.client.lrange('asynq:{default}:active', 0, -1),
      leases: await redis.client.zrange('asynq:{default}:lease', '0', '-1'),
    }),
    async [Symbol.asyncDispose]() {
      await watch.close();
      await client.close();
      await broker.close();
    },
  };
}

/** Until the connection blocks: what is enqueued then comes while it waits. */
const blocked = (count = 1): Promise<void> =>
  vi.waitFor(async () => expect(await blockedClients(redis.client)).toBe(count), { timeout: 10_000, interval: 5 });

async function blockedClients(client: Redis): Promise<number> {
  return Number(/blocked_clients:(\d+)/.exec(await client.info('clients'))![1]);
}

async function scriptCalls(): Promise<number> {
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1] ?? 0);
}

describe('a watch that fetches the task that it waits for', () => {
  it('leases the first of the tasks that come, for as long as it should', async () => {
    await using q = await openWatched();
    const fetched = q.fetchNext();
    await blocked();

    await q.client.enqueueMany(['a', 'b'].map((taskId) => ({ type: 'mail', payload: taskId, options: { taskId } })));
    const fetchedAtMs = Date.now();

    const reply = await fetched;
    expect(reply).toMatchObject({ isPaused: false, remaining: 1, tasks: [{ message: { id: 'a', type: 'mail' } }] });
    const [task] = typeof reply === 'object' ? reply.tasks : [];
    expect(task!.leaseExpiresAtS * 1000).toBeGreaterThan(fetchedAtMs + 29_000);
    expect(task!.leaseExpiresAtS * 1000).toBeLessThan(fetchedAtMs + 31_500);
    expect(Math.floor(task!.pendingSinceMs!)).toBeLessThanOrEqual(fetchedAtMs); // which has no fractions
    expect(await q.lists()).toEqual({ pending: ['b'], active: ['a'], leases: ['a'] });
    expect(await redis.client.zscore('asynq:{default}:lease', 'a')).toBe(String(task!.leaseExpiresAtS));
    expect(await redis.client.hget('asynq:{default}:t:a', 'state')).toBe('active');
  });

  it('gives up after its timeout, and leaves later tasks alone', async () => {
    await using q = await openWatched();

    expect(await q.fetchNext(20)).toBe(false);
    await q.client.enqueue('mail', 1, { taskId: 'later' });

    expect(await q.lists()).toEqual({ pending: ['later'], active: [], leases: [] });
  });

  it('takes nothing from a paused queue, and says so', async () => {
    await using q = await openWatched();
    await redis.client.set('asynq:{default}:paused', 1);
    await q.client.enqueue('mail', 1, { taskId: 'a' });

    expect(await q.fetchNext()).toEqual({ tasks: [], isPaused: true, remaining: 0 });
    expect((await q.lists()).pending).toEqual(['a']);
  });

  it('drops an id without a task, and names it', async () => {
    await using q = await openWatched();
    await redis.client.lpush('asynq:{default}:pending', 'gone');

    expect(await q.fetchNext()).toEqual({ tasks: [], isPaused: false, remaining: 0, orphans: ['gone'] });
    expect(await q.lists()).toEqual({ pending: [], active: [], leases: [] });
  });

  it('leaves the task to an ordinary fetch after SCRIPT FLUSH, and fetches the next one', async () => {
    await using q = await openWatched();
    await q.fetchNext(20);
    const fetched = q.fetchNext();
    await blocked();
    await redis.client.script('FLUSH');

    await q.client.enqueue('mail', 1, { taskId: 'a' });

    expect(await fetched).toBe(true);
    expect((await q.lists()).pending).toEqual(['a']);
    expect(await q.fetchNext()).toMatchObject({ tasks: [{ message: { id: 'a' } }] });
  });

  it('leaves tasks to ordinary fetches where a script may not ask for the time', async () => {
    const { worker } = await documentedRights();
    await setUser(redis.client, 'timeless', [...worker, '-time']);
    const { host, port } = redis.server;
    await using q = await openWatched(`redis://timeless:secret@${host}:${port}`);

    await q.client.enqueue('mail', 1, { taskId: 'a' });

    expect(await q.fetchNext()).toBe(true);
    expect(await q.fetchNext()).toBe(true);
    expect((await q.lists()).pending).toEqual(['a']);
  });

  it('leaves tasks in the queue while another server stands by, which takes them should this one be frozen', async () => {
    await using q = await openWatched();
    const fetched = q.fetchNext();
    await blocked();
    await redis.client.set('asynq:{default}:standby', 'another-server');

    await q.client.enqueue('mail', 1, { taskId: 'a' });

    expect(await fetched).toBe(true);
    const before = await scriptCalls();
    expect(await q.fetchNext()).toBe(true);
    expect(await scriptCalls()).toBe(before);
    expect(await q.lists()).toEqual({ pending: ['a'], active: [], leases: [] });
  });

  it('takes nothing once it is closed', async () => {
    await using q = await openWatched();
    const fetched = q.fetchNext();
    await blocked();

    await q.watch.close();
    await q.client.enqueue('mail', 1, { taskId: 'a' });

    expect(await fetched).toBe(false);
    expect(await q.lists()).toEqual({ pending: ['a'], active: [], leases: [] });
  });

  it.each(['the next wait', 'the end'])('returns a task whose reply was lost, at %s', async (when) => {
    await using cable = await openCable(redis.server);
    await using q = await openWatched(cable.url);
    await q.fetchNext(20); // which loads the script
    cable.loseReply('watch', 'blmove', Promise.resolve());
    const fetched = q.fetchNext();
    await blocked();

    const enqueued = q.client.enqueue('mail', 1, { taskId: 'a' });

    await Promise.all([expect(fetched).rejects.toThrow('BLMOVE'), enqueued]);
    expect((await q.lists()).active).toEqual(['a']);
    if (when === 'the end') {
      await q.watch.close();
      expect(await q.lists()).toEqual({ pending: ['a'], active: [], leases: [] });
    } else {
      expect(await q.fetchNext()).toMatchObject({ tasks: [{ message: { id: 'a' }, crashes: undefined }] });
    }
  });
});

describe('an idle server', () => {
  async function startIdle(handler: (payload: unknown) => unknown, concurrency = 4) {
    await redis.client.flushall();
    const connection = { url: redis.server.url };
    const events: TaskEvent[] = [];
    const server = new Server({
      connection,
      concurrency,
      logger: silentLogger,
      onEvent: (event) => events.push(event),
    });
    const client = new Client({ connection, logger: silentLogger });
    await server.start(handler);
    await client.enqueue('first', 0, { retention: '1m' }).then((task) => task.wait({ timeout: '10s' }));
    await expect.poll(async () => redis.client.exists(LEADER)).toBe(1);
    await blocked();
    return {
      server,
      client,
      events,
      async [Symbol.asyncDispose]() {
        await client.close();
        await server.shutdown();
      },
    };
  }

  it('picks a task up in the round trip in which it waits: four script calls for its life', async () => {
    await using idle = await startIdle(() => 'done');
    for (let nth = 0; nth < 3; nth++) await runOne(idle.client); // every script is known
    const before = await scriptCalls();

    for (let nth = 0; nth < 10; nth++) await runOne(idle.client);

    expect(await scriptCalls()).toBe(before + 10 * 4); // enqueue, fetch, settle, read the result
  });

  it('starts tasks in their order, those after the first in one ordinary fetch', async () => {
    const started: unknown[] = [];
    await using idle = await startIdle((payload) => started.push(payload), 1);

    await idle.client.enqueueMany([1, 2, 3, 4, 5].map((payload) => ({ type: 'mail', payload })));

    await vi.waitFor(() => expect(started).toEqual([0, 1, 2, 3, 4, 5]), { timeout: 10_000 });
  });

  it('returns a task that came when it took no more, untouched', async () => {
    await using idle = await startIdle(() => 'done');
    await idle.server.stop();

    await idle.client.enqueue('mail', 1, { taskId: 'late' });

    await expect.poll(async () => redis.client.llen('asynq:{default}:active')).toBe(0);
    expect(await redis.client.lrange('asynq:{default}:pending', 0, -1)).toEqual(['late']);
    await idle.server.shutdown();
    expect(await redis.client.lrange('asynq:{default}:pending', 0, -1)).toEqual(['late']);
    expect(idle.events.filter(({ id, kind }) => id === 'late' && kind === 'started')).toEqual([]);
  });

  async function runOne(client: Client): Promise<void> {
    const task = await client.enqueue('mail', 1, { retention: '1m' });
    await task.wait({ timeout: '10s' });
    await blocked();
  }
});
