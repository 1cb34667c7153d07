import {
  Client,
  Inspector,
  MissingRightsError,
  RedisCommandError,
  Server,
  type ServerOptions,
} from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { documentedRights, setUser } from '../support/documented-rights.js';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../support/redis-server.js';
import { type LogLine, quiet } from '../support/quiet.js';

let redis: RedisServer;
let cluster: RedisCluster;
/** Since Redis 7 scripts can ask what their user may do, and a user may lack a part of a command. */
let isRedis7: boolean;
const NEEDS_REDIS_7 = 'needs the finer rights of Redis 7';

beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startCluster()]);
  const client = new Redis(redis.url);
  isRedis7 = (await client.eval('return redis.acl_check_cmd and 1', 0)) === 1;
  client.disconnect();
});
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

/** Every right of the server; each case takes some away. */
const ALL = ['~*', '&*', '+@all'];
let users = 0;

const WAIT = { timeout: 20_000, interval: 50 };

async function addUser(nodes: readonly RedisServer[], rules: readonly string[]): Promise<string> {
  const name = `user-${++users}`;
  for (const { url } of nodes) {
    const admin = new Redis(url);
    await setUser(admin, name, rules);
    admin.disconnect();
  }
  return name;
}

async function connect(rules: readonly string[]): Promise<ServerOptions['connection']> {
  const username = await addUser([redis], rules);
  return { url: redis.url, options: { username, password: 'secret' } };
}

/** Runs a task of each kind through a queue, and tells what was warned of. */
async function runTasks(connection: ServerOptions['connection'], ofServer = connection) {
  const { logger, lines } = quiet();
  const serverLog = quiet();
  const queue = `rights-${++users}`;
  const settings = { connection, logger };
  await using client = new Client(settings);
  await using inspector = new Inspector(settings);
  const ran: string[] = [];
  await using server = new Server({
    connection: ofServer,
    logger: serverLog.logger,
    queues: { [queue]: 1 },
    retryDelay: () => 100,
    delayedTaskCheckInterval: '300ms',
    taskCheckInterval: '100ms',
    heartbeatInterval: '500ms',
  });
  const isShown = async (id: string): Promise<boolean> =>
    (await inspector.servers()).some(({ workers }) => workers.some(({ taskId }) => taskId === id));
  await server.start(async (_payload, { id, retried }) => {
    if (id === 'first') await vi.waitUntil(() => isShown(id), WAIT); // the heartbeat has run its script
    if (id === 'fails once' && retried === 0) throw new Error('not yet');
    ran.push(id);
    return 'done';
  });
  const first = await client.enqueue('task', {}, { queue, taskId: 'first' });
  await first
    .wait({ timeout: '20s' })
    .catch((error: unknown) => void (ran.includes('first') || expect.fail(String(error))));
  const tasks = await client.enqueueMany([
    { type: 'task', options: { queue, taskId: 'second', processIn: '300ms' } },
    { type: 'task', options: { queue, taskId: 'fails once', processIn: '300ms' } },
    { type: 'task', options: { queue, taskId: 'kept', processIn: '300ms', retention: '1h' } },
  ]);
  const ends = await Promise.all(tasks.map(async ({ task, error }) => (task ? task.wait({ timeout: '20s' }) : error)));
  await inspector.pauseQueue(queue);
  await inspector.unpauseQueue(queue);
  const { memoryBytes } = await inspector.queueInfo(queue, { memory: true });
  return {
    ran: ran.toSorted(),
    ends: ends.map((end) => (end instanceof Error ? end : end?.state)),
    hasMemory: memoryBytes !== undefined,
    troubles: troublesIn(lines),
    /** Of the server alone: its main thread and that of the heartbeat have a connection each. */
    serverTroubles: troublesIn(serverLog.lines),
  };
}

const troublesIn = (lines: readonly LogLine[]): string[] =>
  lines
    .filter(({ level, message }) => /warn|error/.test(level) && !message.startsWith('task failed'))
    .map(({ message }) => message);

const ALL_DONE = {
  ran: ['fails once', 'first', 'kept', 'second'],
  ends: ['deleted', 'deleted', 'completed'],
};

describe('a Redis user who lacks an optional right', () => {
  it.for([
    { lacks: 'nothing', rules: [], told: [] },
    { lacks: 'channels', rules: ['resetchannels'], told: ['subscriptions'] },
    { lacks: 'SUBSCRIBE', rules: ['-subscribe'], told: ['subscriptions'] },
    { lacks: 'PUBLISH', rules: ['-publish'], told: [] },
    { lacks: 'all of pub/sub', rules: ['-@pubsub'], told: ['subscriptions'] },
    { lacks: 'BLMOVE', rules: ['-blmove'], told: ['blocking commands'] },
    { lacks: 'BLPOP', rules: ['-blpop'], told: [] }, // needed by a third server only
    { lacks: 'all blocking commands', rules: ['-@blocking'], told: ['blocking commands'] },
    { lacks: 'EVALSHA', rules: ['-evalsha'], told: ['EVALSHA'] },
    { lacks: 'SCRIPT', rules: ['-script'], told: [] },
    { lacks: 'INFO', rules: ['-info'], told: [] },
    { lacks: 'TIME', rules: ['-time'], told: ['refuses TIME'] },
    { lacks: 'CLIENT', rules: ['-client'], told: [] },
    { lacks: 'CONFIG', rules: ['-config'], told: [] },
    { lacks: 'CLUSTER', rules: ['-cluster'], told: [] },
    { lacks: 'GETEX', rules: ['-getex'], told: [] },
    { lacks: 'MEMORY', rules: ['-memory'], told: [], hasMemory: false },
    { lacks: 'all dangerous commands', rules: ['-@dangerous'], told: [] },
    { lacks: 'all commands for administrators', rules: ['-@admin'], told: [] },
    { lacks: 'all connection commands', rules: ['-@connection'], told: [] },
    { lacks: 'CLIENT INFO', rules: ['-client|info'], told: [] },
  ])('works on without $lacks', async ({ rules, told, hasMemory = true }, { skip }) => {
    skip(!isRedis7 && rules.some((rule) => rule.includes('|')), NEEDS_REDIS_7);

    const { troubles, serverTroubles, ...done } = await runTasks(await connect([...ALL, ...rules]));

    expect(done).toEqual({ ...ALL_DONE, hasMemory });
    expect(serverTroubles.toSorted()).toEqual(told.map((what) => expect.stringContaining(what) as string).toSorted());
    for (const message of troubles) expect(told.some((what) => message.includes(what))).toBe(true);
    expect(troubles.length).toBeLessThanOrEqual(2 * told.length); // the client and the inspector
  });
});

describe('a Redis user who lacks a right that a server needs', () => {
  it.for([
    { rules: ['-eval'], rights: ['+eval'] },
    { rules: ['-@scripting'], rights: ['+eval'] },
    { rules: ['resetkeys', '~other:*'], rights: ['~asynq:*'] },
    { rules: ['-@keyspace'], rights: ['+del', '+exists', '+expire', '+pexpire', '+ttl', '+type'], needsRedis7: true },
    { rules: ['-hset', '-zadd'], rights: ['+hset', '+zadd'], needsRedis7: true },
  ])('gets an error at the start: $rights', async ({ rules, rights, needsRedis7 = false }, { skip }) => {
    skip(!isRedis7 && needsRedis7, NEEDS_REDIS_7);
    const { logger } = quiet();
    const server = new Server({ connection: await connect([...ALL, ...rules]), logger });

    const started = await server.start(() => undefined).catch((error: unknown) => error);

    expect(started).toBeInstanceOf(MissingRightsError);
    expect(started).toMatchObject({ code: 'MISSING_RIGHTS', rights });
    expect(server.state).toBe('closed');
  });

  it.for(['-@slow', '-@scripting', '-@keyspace', '-@write', '-@read', '-@fast'])(
    'has enough rights once those named in the errors are granted, without %s',
    { timeout: 60_000 },
    async (rule, { skip }) => {
      skip(!isRedis7, NEEDS_REDIS_7);
      const granted: string[] = [];
      let error: unknown;
      for (let starts = 0; starts < 3; starts++) {
        const server = new Server({ connection: await connect([...ALL, rule, ...granted]), logger: quiet().logger });
        error = await server.start(() => undefined).catch((reason: unknown) => reason);
        await server.shutdown();
        if (!(error instanceof MissingRightsError)) break;
        granted.push(...error.rights);
      }

      const { ran, ends } = await runTasks(await connect(ALL), await connect([...ALL, rule, ...granted]));

      expect(granted).not.toEqual([]);
      expect(error).toBeUndefined();
      expect({ ran, ends }).toEqual(ALL_DONE);
    },
  );

  it.for<[title: string, leave: (own: RedisServer) => Promise<void>, comeBack: (own: RedisServer) => Promise<void>]>([
    ['was unavailable', async (own: RedisServer) => own.kill(), async (own: RedisServer) => own.start()],
    ['was silent', async (own: RedisServer) => own.freeze(), async (own: RedisServer) => own.thaw()],
  ])(
    'gets an error in the log when Redis %s at the start, which does not wait for it',
    async ([, leave, comeBack], { skip }) => {
      skip(!isRedis7, NEEDS_REDIS_7);
      const rules = ['on', '>secret', ...ALL, '-hset'];
      await using own = await startRedis({ args: ['--user', 'app', ...rules] });
      const { logger, lines } = quiet();
      await leave(own);
      const connection = { url: own.url, options: { username: 'app', password: 'secret' } };
      await using server = new Server({ connection, logger });

      await server.start(() => undefined);
      const before = lines.filter(({ message }) => message.includes('+hset'));
      await comeBack(own);
      await vi.waitUntil(() => lines.some(({ message }) => message.includes('+hset')), WAIT);

      expect(before).toEqual([]);
      expect(lines.filter(({ message }) => message.includes('+hset'))).toEqual([
        expect.objectContaining({ level: 'error', message: expect.stringContaining('lacks rights') as string }),
      ]);
    },
  );

  it('gets an error at the start, also for the rights that a cluster needs', async () => {
    const { logger } = quiet();
    const username = await addUser(cluster.nodes, [...ALL, '-cluster']);
    const options = { redisOptions: { username, password: 'secret' } };
    const server = new Server({ connection: { cluster: cluster.addresses, options }, logger });

    const started = await server.start(() => undefined).catch((error: unknown) => error);

    expect(started).toMatchObject({ code: 'MISSING_RIGHTS', rights: [expect.stringMatching(/^\+cluster/)] });
  });

  it('learns from each call of a client which command is refused', async () => {
    const { logger } = quiet();
    await using client = new Client({ connection: await connect([...ALL, '-eval', '-evalsha']), logger });

    const error = await client.enqueue('task').catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(RedisCommandError);
    expect(error).toMatchObject({ isTransient: false, message: expect.stringContaining("'eval'") as string });
  });
});

describe('the rights that the guide names', () => {
  it('let everything work on one Redis', async () => {
    const { worker } = await documentedRights();

    const { troubles, serverTroubles, ...done } = await runTasks(await connect(worker));

    expect(done).toEqual({ ...ALL_DONE, hasMemory: true });
    expect([...troubles, ...serverTroubles]).toEqual([]);
  });

  it('let everything work on a cluster', async () => {
    const { worker } = await documentedRights();
    const username = await addUser(cluster.nodes, worker);
    const options = { redisOptions: { username, password: 'secret' } };

    const { troubles, serverTroubles, ...done } = await runTasks({ cluster: cluster.addresses, options });

    expect(done).toEqual({ ...ALL_DONE, hasMemory: true });
    expect([...troubles, ...serverTroubles]).toEqual([]);
  });

  it('are enough to work by polling in their minimal form', async () => {
    const { fewest } = await documentedRights();

    const { ran, ends } = await runTasks(await connect(fewest));

    expect({ ran, ends }).toEqual(ALL_DONE);
  });
});
