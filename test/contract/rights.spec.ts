import {
  Client,
  Inspector,
  MissingRightsError,
  RedisCommandError,
  Server,
  type ServerOptions,
} from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../support/redis-server.js';
import { quiet } from '../support/quiet.js';

let redis: RedisServer;
let cluster: RedisCluster;

beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startCluster()]);
});
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

/** Every right of the server; each case takes some away. */
const ALL = ['~*', '&*', '+@all'];
let users = 0;

async function addUser(nodes: readonly RedisServer[], rules: readonly string[]): Promise<string> {
  const name = `user-${++users}`;
  for (const { url } of nodes) {
    const admin = new Redis(url);
    await admin.call('ACL', 'SETUSER', name, 'on', '>secret', ...rules);
    admin.disconnect();
  }
  return name;
}

async function connect(rules: readonly string[]): Promise<ServerOptions['connection']> {
  const username = await addUser([redis], rules);
  return { url: redis.url, options: { username, password: 'secret' } };
}

/** Runs a task of each kind through a queue, and tells what was warned of. */
async function runTasks(connection: ServerOptions['connection']) {
  const { logger, lines } = quiet();
  const queue = `rights-${++users}`;
  const settings = { connection, logger };
  await using client = new Client(settings);
  await using inspector = new Inspector(settings);
  const ran: string[] = [];
  await using server = new Server({
    ...settings,
    queues: { [queue]: 1 },
    retryDelay: () => 100,
    delayedTaskCheckInterval: '300ms',
    taskCheckInterval: '100ms',
  });
  await server.start((_payload, { id, retried }) => {
    if (id === 'fails once' && retried === 0) throw new Error('not yet');
    ran.push(id);
    return 'done';
  });
  const first = await client.enqueue('task', {}, { queue, taskId: 'first' });
  await first
    .wait({ timeout: '5s' })
    .catch((error: unknown) => void (ran.includes('first') || expect.fail(String(error))));
  const tasks = await client.enqueueMany([
    { type: 'task', options: { queue, taskId: 'second', processIn: '300ms' } },
    { type: 'task', options: { queue, taskId: 'fails once', processIn: '300ms' } },
    { type: 'task', options: { queue, taskId: 'kept', processIn: '300ms', retention: '1h' } },
  ]);
  const ends = await Promise.all(tasks.map(async ({ task, error }) => (task ? task.wait({ timeout: '10s' }) : error)));
  await inspector.pauseQueue(queue);
  await inspector.unpauseQueue(queue);
  const { memoryBytes } = await inspector.queueInfo(queue, { memory: true });
  return {
    ran: ran.toSorted(),
    ends: ends.map((end) => (end instanceof Error ? end : end?.state)),
    hasMemory: memoryBytes !== undefined,
    troubles: lines.filter(({ level, message }) => /warn|error/.test(level) && !message.startsWith('task failed')),
  };
}

const ALL_DONE = {
  ran: ['fails once', 'first', 'kept', 'second'],
  ends: ['deleted', 'deleted', 'completed'],
};

describe('a Redis user who lacks what is only a help', () => {
  it.each([
    { lacks: 'nothing', rules: [], told: [] },
    { lacks: 'channels', rules: ['resetchannels'], told: ['subscriptions'] },
    { lacks: 'SUBSCRIBE', rules: ['-subscribe'], told: ['subscriptions'] },
    { lacks: 'PUBLISH', rules: ['-publish'], told: [] },
    { lacks: 'all of pub/sub', rules: ['-@pubsub'], told: ['subscriptions'] },
    { lacks: 'BLMOVE', rules: ['-blmove'], told: ['commands that block'] },
    { lacks: 'BLPOP', rules: ['-blpop'], told: [] }, // needed by a third server only
    { lacks: 'all that blocks', rules: ['-@blocking'], told: ['commands that block'] },
    { lacks: 'EVALSHA', rules: ['-evalsha'], told: ['EVALSHA'] },
    { lacks: 'SCRIPT', rules: ['-script'], told: [] },
    { lacks: 'INFO', rules: ['-info'], told: [] },
    { lacks: 'TIME', rules: ['-time'], told: ['its time'] },
    { lacks: 'CLIENT', rules: ['-client'], told: [] },
    { lacks: 'CONFIG', rules: ['-config'], told: [] },
    { lacks: 'CLUSTER', rules: ['-cluster'], told: [] },
    { lacks: 'GETEX', rules: ['-getex'], told: [] },
    { lacks: 'MEMORY', rules: ['-memory'], told: [], hasMemory: false },
    { lacks: 'all that is dangerous', rules: ['-@dangerous'], told: [] },
  ])('works on without $lacks', async ({ rules, told, hasMemory = true }) => {
    const { troubles, ...done } = await runTasks(await connect([...ALL, ...rules]));

    expect(done).toEqual({ ...ALL_DONE, hasMemory });
    const messages = new Set(troubles.map(({ message }) => message)); // client, server and heartbeat tell it once each
    expect(troubles.length).toBeLessThanOrEqual(4 * told.length);
    expect([...messages]).toEqual(told.map((what) => expect.stringContaining(what)));
  });
});

describe('a Redis user who lacks what a server needs', () => {
  it.each([
    { rules: ['-eval'], rights: ['+eval'] },
    { rules: ['-hset', '-zadd'], rights: ['+hset', '+zadd'] },
    { rules: ['resetkeys', '~other:*'], rights: ['~asynq:*'] },
  ])('is told so at the start: $rights', async ({ rules, rights }) => {
    const { logger } = quiet();
    const server = new Server({ connection: await connect([...ALL, ...rules]), logger });

    const started = await server.start(() => undefined).catch((error: unknown) => error);

    expect(started).toBeInstanceOf(MissingRightsError);
    expect(started).toMatchObject({ code: 'MISSING_RIGHTS', rights });
    expect(server.state).toBe('closed');
  });

  it('is told so at the start, also of what a cluster takes', async () => {
    const { logger } = quiet();
    const username = await addUser(cluster.nodes, [...ALL, '-cluster']);
    const options = { redisOptions: { username, password: 'secret' } };
    const server = new Server({ connection: { cluster: cluster.addresses, options }, logger });

    const started = await server.start(() => undefined).catch((error: unknown) => error);

    expect(started).toMatchObject({ code: 'MISSING_RIGHTS', rights: [expect.stringMatching(/^\+cluster/)] });
  });

  it('is told by each call of a client which command is refused', async () => {
    const { logger } = quiet();
    await using client = new Client({ connection: await connect([...ALL, '-eval', '-evalsha']), logger });

    const error = await client.enqueue('task').catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(RedisCommandError);
    expect(error).toMatchObject({ isTransient: false, message: expect.stringContaining("'eval'") as string });
  });
});

describe('the rights that the guide names', () => {
  const guide = fileURLToPath(new URL('../../docs/guide/production.md', import.meta.url));
  const linesOf = async (): Promise<string[][]> => {
    const lines = [...(await readFile(guide, 'utf8')).matchAll(/^ACL SETUSER (\S+) on >\S+ (.*)$/gm)];
    return lines.map(([, , rules = '']) => rules.split(' '));
  };

  it('let everything work on one Redis', async () => {
    const [full] = await linesOf();

    const { troubles, ...done } = await runTasks(await connect(full!));

    expect(done).toEqual({ ...ALL_DONE, hasMemory: true });
    expect(troubles).toEqual([]);
  });

  it('let everything work on a cluster', async () => {
    const [full] = await linesOf();
    const username = await addUser(cluster.nodes, full!);
    const options = { redisOptions: { username, password: 'secret' } };

    const { troubles, ...done } = await runTasks({ cluster: cluster.addresses, options });

    expect(done).toEqual({ ...ALL_DONE, hasMemory: true });
    expect(troubles).toEqual([]);
  });

  it('are enough to work by polling where they are the fewest', async () => {
    const [, fewest] = await linesOf();

    const { ran, ends } = await runTasks(await connect(fewest!));

    expect({ ran, ends }).toEqual(ALL_DONE);
  });
});
