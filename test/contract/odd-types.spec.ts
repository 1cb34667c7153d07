import { Client, Inspector, Scheduler, Server, SkipRetry } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { quiet } from '../support/quiet.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';

/** What a key may be instead of itself. */
const TYPES = ['string', 'list', 'set', 'zset', 'hash'] as const;
type Type = (typeof TYPES)[number];

const PLANT: Record<Type, (redis: Redis, key: string) => Promise<unknown>> = {
  string: (redis, key) => redis.set(key, 'odd'),
  list: (redis, key) => redis.lpush(key, 'odd'),
  set: (redis, key) => redis.sadd(key, 'odd'),
  zset: (redis, key) => redis.zadd(key, 1, 'odd'),
  hash: (redis, key) => redis.hset(key, 'odd', 'odd'),
};

const PLAIN = Array.from({ length: 20 }, (_, i) => `plain-${i}`);
const SPECIAL = ['due', 'fails', 'grouped', 'kept', 'locked', 'skips'] as const;
type Special = (typeof SPECIAL)[number];

interface Case {
  readonly key: string;
  readonly type: Type;
  /** Tasks that cannot end before the key is fixed; `all`: the plain ones either. */
  readonly stops?: 'all' | readonly Special[];
  /** The heartbeat uses the key, so it runs where it does by default; a thread takes long to start. */
  readonly heartbeat?: 'thread';
}

const today = new Date().toISOString().slice(0, 10);

/** Every key that a server uses; `{q}` stands for the queue in question. */
const CASES: readonly Case[] = [
  { key: 'asynq:queues', type: 'set' },
  { key: 'asynq:servers', type: 'zset', heartbeat: 'thread' },
  { key: 'asynq:workers', type: 'zset', heartbeat: 'thread' },
  { key: 'asynq:{q}:pending', type: 'list', stops: 'all' },
  { key: 'asynq:{q}:active', type: 'list', stops: 'all' },
  { key: 'asynq:{q}:lease', type: 'zset', stops: 'all', heartbeat: 'thread' },
  { key: 'asynq:{q}:scheduled', type: 'zset', stops: ['due'] },
  { key: 'asynq:{q}:retry', type: 'zset', stops: ['fails'] },
  { key: 'asynq:{q}:archived', type: 'zset', stops: ['skips'] },
  { key: 'asynq:{q}:completed', type: 'zset' },
  { key: 'asynq:{q}:processed', type: 'string' },
  { key: 'asynq:{q}:failed', type: 'string' },
  { key: `asynq:{q}:processed:${today}`, type: 'string' },
  { key: `asynq:{q}:failed:${today}`, type: 'string' },
  { key: 'asynq:{q}:groups', type: 'set', stops: ['grouped'] },
  { key: 'asynq:{q}:g:digest', type: 'zset', stops: ['grouped'] },
  { key: 'asynq:{q}:aggregation_sets', type: 'zset', stops: ['grouped'] },
  { key: 'asynq:{q}:unique:*', type: 'string' },
  { key: 'asynq:{q}:leader', type: 'string' },
  { key: 'asynq:{q}:standby', type: 'string' },
  { key: 'asynq:{q}:wake', type: 'list' },
  { key: 'asynq:{q}:schedules', type: 'set' },
  { key: 'asynq:schedule_queues', type: 'set' },
  { key: 'asynq:{q}:awaited', type: 'zset' },
  { key: 'asynq:{q}:full_sizes', type: 'zset' },
  { key: 'asynq:{q}:expected_groups', type: 'zset' },
  { key: 'asynq:{q}:groups_by_newest', type: 'zset' },
  { key: 'asynq:{q}:groups_by_oldest', type: 'zset' },
  { key: 'asynq:{q}:rescheduled', type: 'set' },
];

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

let queues = 0;

describe.each(CASES)('a server meets $key', ({ key: pattern, type, stops = [], heartbeat }) => {
  const test = pattern.includes('{q}') ? it.concurrent : it; // side by side, unless the key is there once
  test.each(TYPES.filter((found) => found !== type))(`that is a %s, not a ${type}`, async (found) => {
    const [odd, other, saved] = [`odd-${++queues}`, `other-${queues}`, `saved-${queues}`];
    const connection = { url: server.url };
    const { logger, lines } = quiet();
    await using client = new Client({ connection, logger });
    const plain = (queue: string) => PLAIN.map((taskId) => ({ type: 'plain', options: { queue, taskId } }));
    const tasks = await client.enqueueMany([
      ...plain(odd),
      ...plain(other),
      { type: 'due', options: { queue: odd, taskId: 'due', processIn: '200ms' } },
      { type: 'fails', options: { queue: odd, taskId: 'fails' } },
      { type: 'digest', options: { queue: odd, taskId: 'member', group: 'digest' } },
      { type: 'kept', options: { queue: odd, taskId: 'kept', retention: '1h' } },
      { type: 'locked', options: { queue: odd, taskId: 'locked', unique: '1h' } },
      { type: 'skips', options: { queue: odd, taskId: 'skips' } },
    ]);
    expect(tasks.flatMap(({ error }) => error ?? [])).toEqual([]);
    const name = pattern.replace('{q}', `{${odd}}`);
    const key = name.endsWith('*') ? (await redis.keys(name))[0]! : name;
    const existed = (await redis.exists(key)) === 1;
    if (existed) await redis.rename(key, saved);
    await PLANT[found](redis, key);

    const facts = new Conditions();
    const ran: Record<string, string[]> = { [odd]: [], [other]: [] };
    const ended = new Set<string>();
    await using worker = new Server({
      connection,
      logger,
      concurrency: 10,
      heartbeat: heartbeat ?? 'inline',
      queues: { [odd]: 1, [other]: 1 },
      retryDelay: () => 3_600_000,
      groupAggregator: { gracePeriod: '1s', maxSize: 1, aggregate: () => ({ type: 'grouped' }) },
      onEvent: (event) => {
        if (!['succeeded', 'retried', 'archived'].includes(event.kind)) return;
        ended.add(event.queue === other ? event.id : event.type === 'plain' ? `odd ${event.id}` : event.type);
        facts.check();
      },
    });
    await worker.start((_payload, { queue, id, type: taskType }) => {
      ran[queue]!.push(taskType === 'plain' ? id : taskType);
      facts.check();
      if (taskType === 'fails') throw new Error('boom');
      if (taskType === 'skips') throw new SkipRetry('no use');
      return taskType === 'kept' ? 'result' : undefined;
    });

    // What does not need the key is done while it is odd.
    const others = stops === 'all' ? [] : SPECIAL.filter((special) => !stops.includes(special));
    const now = stops === 'all' ? PLAIN : [...PLAIN, ...PLAIN.map((id) => `odd ${id}`), ...others];
    await facts.until(() => now.every((id) => ended.has(id)));
    const isNeeded = stops === 'all' || stops.length > 0;
    if (isNeeded) {
      const told = (): boolean =>
        lines.some((line) => line.level === 'error' && inspect(line).includes(`${key} holds a ${found}`));
      await vi.waitUntil(told, { timeout: 10_000 });
    }

    // The rest, when somebody has fixed it.
    await (existed ? redis.rename(saved, key) : redis.del(key)); // in one step: else a server could write between two
    await facts.until(() => [...PLAIN.map((id) => `odd ${id}`), ...SPECIAL].every((id) => ended.has(id)));
    expect(ran[other]!.toSorted()).toEqual(PLAIN.toSorted());
    expect(ran[odd]!.toSorted()).toEqual([...PLAIN, ...SPECIAL].toSorted());
  });
});

/** Every key that a scheduler uses. */
const PLAN_CASES = [
  { key: 'asynq:{q}:schedules', type: 'set' },
  { key: 'asynq:schedule_queues', type: 'set' },
  { key: 'asynq:schedulers', type: 'zset' },
  { key: 'asynq:queues', type: 'set' },
] as const;

/** A scheduler with two schedules of an odd queue and one of another, and what it has enqueued. */
function planned() {
  const [odd, other] = [`odd-${++queues}`, `other-${queues}`];
  const { logger, lines } = quiet();
  const facts = new Conditions();
  const fired: string[] = [];
  const scheduler = new Scheduler({
    connection: { url: server.url },
    logger,
    heartbeatInterval: '1s',
    onEvent: ({ type }) => {
      fired.push(type);
      facts.check();
    },
  });
  scheduler.register('@every 1s', 'one', {}, { queue: odd, name: 'one' });
  scheduler.register('@every 1s', 'two', {}, { queue: odd, name: 'two' });
  scheduler.register('@every 1s', 'three', {}, { queue: other, name: 'three' });
  const inspector = new Inspector({ connection: { url: server.url }, logger });
  const told = (key: string): boolean =>
    lines.some(({ level, fields }) => level === 'error' && inspect(fields).includes(`${key} holds a`));
  const until = (...names: string[]): Promise<void> => {
    fired.length = 0;
    return facts.until(() => names.every((name) => fired.includes(name)));
  };
  return { odd, other, scheduler, inspector, told, until };
}

describe.each(PLAN_CASES)('a scheduler meets $key', ({ key: pattern, type }) => {
  it.each(TYPES.filter((found) => found !== type))(`that is a %s, not a ${type}`, async (found) => {
    const { odd, scheduler, inspector, told, until } = planned();
    const key = pattern.replace('{q}', `{${odd}}`);
    await redis.del(key);
    await PLANT[found](redis, key);

    await scheduler.start();
    await until('one', 'two', 'three');

    await expect.poll(() => told(key)).toBe(true);
    await scheduler.shutdown();
    await inspector.close();
    await redis.del(key);
  });
});

it('fires other schedules while one is a key of another type, and that one when it is fixed', async () => {
  const { odd, other, scheduler, inspector, told, until } = planned();
  const key = `asynq:{${odd}}:schedule:one`;
  await redis.set(key, 'odd');

  await scheduler.start();
  await until('two', 'three');
  const shown = await inspector.schedules();
  await expect.poll(() => told(key)).toBe(true);
  await redis.del(key);
  await until('one', 'two', 'three');

  const names = shown.filter(({ queue }) => queue === odd || queue === other).map(({ name }) => name);
  expect(names.toSorted()).toEqual(['three', 'two']);
  await scheduler.shutdown();
  await inspector.close();
});

it('fires on while the plan and the histories of a scheduler are keys of another type', async () => {
  const { odd, other, scheduler, inspector, until } = planned();
  await scheduler.start();
  await until('one', 'two', 'three');
  await expect.poll(async () => (await redis.keys('asynq:scheduler_history:*')).length).toBeGreaterThan(2);
  for (const key of await redis.keys('asynq:scheduler*:*')) {
    await redis.del(key);
    await redis.set(key, 'odd');
  }
  await redis.del(`asynq:{${odd}}:schedules`);
  await redis.set(`asynq:{${odd}}:schedules`, 'odd');

  await until('one', 'two', 'three');

  const isShown = async (): Promise<boolean> => (await inspector.schedulerEntries()).length > 0;
  await expect.poll(isShown, { timeout: 5_000 }).toBe(true); // the next beat writes the plan anew
  expect((await inspector.schedules()).filter(({ queue }) => queue === other)).toHaveLength(1);
  await scheduler.shutdown();
  await inspector.close();
});

it('shows other servers when what one of them wrote is a key of another type', async () => {
  const connection = { url: server.url };
  const { logger } = quiet();
  await using one = new Server({ connection, logger, queues: { [`shown-${++queues}`]: 1 } });
  await using inspector = new Inspector({ connection, logger });
  await one.start(() => undefined);
  await expect.poll(async () => (await inspector.servers()).length).toBeGreaterThan(0);
  const shown = (await inspector.servers()).map(({ id }) => id).toSorted();
  for (const index of ['asynq:servers', 'asynq:workers']) {
    const key = `${index}:{odd:1:odd}`;
    await redis.zadd(index, 9_999_999_999, key);
    await redis.lpush(key, 'odd');
  }

  expect((await inspector.servers()).map(({ id }) => id).toSorted()).toEqual(shown);
});
