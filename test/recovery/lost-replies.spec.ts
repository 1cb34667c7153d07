import { Client, openBroker, RedisCommandError, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { describe, expect, it, vi } from 'vitest';
import { openCable } from '../support/cable.js';
import { startRedis } from '../support/redis-server.js';

const PATIENCE = { timeout: 20_000, interval: 20 };

async function scriptCalls(redis: Redis): Promise<number> {
  const stats = await redis.info('commandstats');
  return [...stats.matchAll(/cmdstat_evalsha:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

describe('an enqueue whose reply is lost', () => {
  it('runs its task once, even if it was handled before the repeat', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    const runs = new Map<unknown, number>();
    await using server = new Server({ connection: { url: redis.url }, concurrency: 4, logger: silentLogger });
    await server.start((payload) => void runs.set(payload, (runs.get(payload) ?? 0) + 1));
    await using client = new Client({ connection: { url: cable.url }, logger: silentLogger });
    await client.enqueue('first', 'first'); // loads the script

    for (let nth = 0; nth < 5; nth++) {
      const isHandled = vi.waitFor(() => expect(runs.get(nth)).toBe(1), PATIENCE);
      cable.loseReply('commands', `lost-${nth}`, isHandled);
      await client.enqueue(`lost-${nth}`, nth);
    }

    const last = await client.enqueue('last', 'last', { retention: '1m' });
    await last.wait({ timeout: '20s' });
    expect(runs).toEqual(new Map<unknown, number>(['first', 0, 1, 2, 3, 4, 'last'].map((name) => [name, 1])));
  });

  it('runs its task once, even if the first copy of the call arrives after the repeat and later calls', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    await using client = new Client({ connection: { url: cable.url }, logger: silentLogger });
    const direct = new Redis(redis.url);
    await client.ping();

    const held = cable.hold('commands', 'late-one');
    await client.enqueue('late-one');
    await direct.del('asynq:{default}:pending', ...(await direct.keys('asynq:{default}:t:*'))); // handled
    await client.enqueue('next');
    const before = await scriptCalls(direct);
    (await held)();
    await vi.waitFor(async () => expect(await scriptCalls(direct)).toBeGreaterThan(before), PATIENCE);

    expect(await direct.llen('asynq:{default}:pending')).toBe(1);
    direct.disconnect();
  });

  it('fails with an unknown outcome when no repeat is answered', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    await using client = new Client({ connection: { url: cable.url }, logger: silentLogger });
    await client.ping();
    const never = new Promise<void>(() => undefined);
    cable.loseReply('commands', 'unanswered', never);

    const failure = await client.enqueue('unanswered').catch((error: unknown) => error);

    expect(failure).toBeInstanceOf(RedisCommandError);
    expect(failure).toMatchObject({ isTransient: true, isOutcomeUnknown: true });
  });

  it('fails with a known outcome when it could not be sent at all', async () => {
    await using redis = await startRedis();
    await using client = new Client({ connection: { url: redis.url }, logger: silentLogger });
    await redis.stop();

    const failure = await client.enqueue('unsent').catch((error: unknown) => error);

    expect(failure).toMatchObject({ isTransient: true, isOutcomeUnknown: false });
  });
});

describe('a fetch whose reply is lost', () => {
  const TASKS = Array.from({ length: 20 }, (_, nth) => ({ type: 'lost', payload: nth }));
  /** Only the scripts that take ids name the key `paused`, and only those that read tasks a task. */
  const FORMS = [
    ['in one step', false, ':paused'],
    ['of ids', true, ':paused'],
    ['of tasks', true, ':t:'],
  ] as const;

  /** So that the calls that matter find the scripts loaded. */
  async function loadScripts(client: Client, url: string, declaredKeysOnly: boolean): Promise<void> {
    await using server = new Server({ connection: { url, declaredKeysOnly }, logger: silentLogger });
    await server.start(() => undefined);
    const task = await client.enqueue('first', undefined, { retention: '1m' });
    await task.wait({ timeout: '20s' });
  }

  it.each(FORMS)('leaves no task waiting for its lease, and counts no crash: %s', async (_, declaredKeysOnly, text) => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    const runs = new Map<unknown, number>();
    const events: string[] = [];
    await using client = new Client({ connection: { url: redis.url }, logger: silentLogger });
    await using server = new Server({
      connection: { url: cable.url, declaredKeysOnly },
      concurrency: 50,
      leaseDuration: '1h',
      logger: silentLogger,
      onEvent: ({ kind }) => void events.push(kind),
    });
    await loadScripts(client, redis.url, declaredKeysOnly);
    await client.enqueueMany(TASKS);

    cable.loseReply('commands', text, Promise.resolve());
    await server.start((payload) => void runs.set(payload, (runs.get(payload) ?? 0) + 1));
    await vi.waitFor(() => expect(runs.size).toBe(TASKS.length), PATIENCE);

    expect([...runs.values()]).toEqual(TASKS.map(() => 1));
    expect(events).not.toContain('recovered');
  });

  it('returns its tasks before those of a later one that was under way with it', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    await using client = new Client({ connection: { url: redis.url }, logger: silentLogger });
    const broker = openBroker({ url: cable.url }, { logger: silentLogger });
    await broker.fetch('default', 1, 30_000); // loads the script
    await client.enqueueMany(TASKS.map((task) => ({ ...task, options: { taskId: `t${task.payload}` } })));

    cable.loseReply('commands', ':paused', Promise.resolve());
    const lost = [broker.fetch('default', 10, 30_000), broker.fetch('default', 10, 30_000)];
    await Promise.all(lost.map(async (fetch) => expect(fetch).rejects.toThrow('fetch')));
    const { tasks } = await broker.fetch('default', TASKS.length, 30_000);

    expect(tasks.map(({ message }) => message.id)).toEqual(TASKS.map(({ payload }) => `t${payload}`));
    await broker.close();
  });

  it.each(FORMS.slice(0, 2))('takes nothing when it arrives late: %s', async (_, declaredKeysOnly, text) => {
    await using redis = await startRedis();
    await using cable = await openCable(redis);
    const direct = new Redis(redis.url);
    let runs = 0;
    await using client = new Client({ connection: { url: redis.url }, logger: silentLogger });
    const server = new Server({ connection: { url: cable.url, declaredKeysOnly }, logger: silentLogger });
    await loadScripts(client, redis.url, declaredKeysOnly);
    await client.enqueueMany(TASKS);
    const held = cable.hold('commands', text);
    await server.start(() => void runs++);
    await vi.waitFor(() => expect(runs).toBe(TASKS.length), PATIENCE);
    await server.shutdown();
    await client.enqueueMany(TASKS);

    const before = await scriptCalls(direct);
    (await held)();
    await vi.waitFor(async () => expect(await scriptCalls(direct)).toBeGreaterThan(before), PATIENCE);

    expect(await direct.llen('asynq:{default}:pending')).toBe(TASKS.length);
    expect(await direct.llen('asynq:{default}:active')).toBe(0);
    direct.disconnect();
  });
});
