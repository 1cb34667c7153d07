import {
  Client,
  Inspector,
  MissingRightsError,
  QueueEvents,
  RedisCommandError,
  Scheduler,
  Server,
} from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { documentedRights, setUser } from '../support/documented-rights.js';
import { quiet } from '../support/quiet.js';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../support/redis-server.js';

const USERS = ['enqueuer', 'inspector', 'viewer'] as const;
const { logger } = quiet();
const HOUR_MS = 3_600_000;

let redis: RedisServer;
let cluster: RedisCluster;
let queues = 0;

beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startCluster()]);
  const rights = await documentedRights();
  for (const node of [redis, ...cluster.nodes]) {
    await using admin = openAdmin(node);
    for (const user of USERS) await setUser(admin.client, user, rights[user]);
  }
});
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));

function openAdmin({ url }: RedisServer): { readonly client: Redis } & AsyncDisposable {
  const client = new Redis(url);
  return { client, [Symbol.asyncDispose]: async () => void (await client.quit()) };
}

const STAGES = {
  'one Redis': {
    nodes: () => [redis],
    connect: (login?: object) => ({ url: redis.url, options: { ...login } }),
  },
  'a cluster': {
    nodes: () => cluster.nodes,
    connect: (login?: object) => ({ cluster: cluster.addresses, options: { redisOptions: { ...login } } }),
  },
} as const;

/** What the server has refused to a user, in its own words. */
async function refusals(nodes: readonly RedisServer[], user: string): Promise<string[]> {
  const entries = await Promise.all(
    nodes.map(async (node) => {
      await using admin = openAdmin(node);
      const log = (await admin.client.call('ACL', 'LOG')) as (string | number)[][];
      await admin.client.call('ACL', 'LOG', 'RESET');
      return log.map((pairs) => Object.fromEntries(pairs.map((value, i) => [pairs[i - 1], value])));
    }),
  );
  return entries.flat().flatMap((entry) => (entry['username'] === user ? [String(entry['object'])] : []));
}

describe.each(['one Redis', 'a cluster'] as const)('the rights that the guide names for a duty, on %s', (on) => {
  const { nodes, connect } = STAGES[on];
  const as = (username: string) => ({ connection: connect({ username, password: 'secret' }), logger });
  const asAdmin = () => ({ connection: connect(), logger });

  it('let an enqueuer enqueue and wait, and no more', async () => {
    const queue = `mail-${++queues}`;
    const partitions = { [`parted-${queue}`]: 3 };
    await using client = new Client({ ...as('enqueuer'), partitions, publishEvents: true });
    await using server = new Server({ ...asAdmin(), queues: { [queue]: 1 } });
    await server.start(() => 'done');

    await client.ping();
    const task = await client.enqueue('t', {}, { queue, taskId: 'a', retention: '1h' });
    const end = await task.wait({ timeout: '20s' });
    const tasks = await client.enqueueMany([
      { type: 't', options: { queue, processIn: '1h', taskId: 'later' } },
      { type: 't', options: { queue, group: 'digest' } },
      { type: 't', options: { queue, group: 'digest', processIn: '1h' } },
      { type: 't', options: { queue, unique: '1h', processIn: '1h' } },
      { type: 't', options: { queue: `parted-${queue}`, partitionKey: 'ann' } },
    ]);
    const conflicts = await client.enqueueMany([
      { type: 't', options: { queue, taskId: 'later' } },
      { type: 't', options: { queue, unique: '1h', processIn: '1h' } },
    ]);
    const state = await tasks[0]!.task!.state();
    const refused = await refusals(nodes(), 'enqueuer');
    await using eager = new Server({ ...as('enqueuer'), queues: { [queue]: 1 } });

    expect(end.state).toBe('completed');
    expect(tasks.map(({ error }) => error)).toEqual(tasks.map(() => undefined));
    expect(conflicts.map(({ task: written }) => written)).toEqual([undefined, undefined]);
    expect(state).toBe('scheduled');
    expect(refused).toEqual([]);
    await expect(eager.start(() => undefined)).rejects.toThrow(MissingRightsError);
  });

  it('let an inspector do all that an inspector can', async () => {
    const queue = `mail-${++queues}`;
    const facts = new Conditions();
    let isRunning = false;
    await using client = new Client(asAdmin());
    await using scheduler = new Scheduler(asAdmin());
    await using server = new Server({ ...asAdmin(), queues: { [queue]: 1 }, concurrency: 1 });
    scheduler.register('0 3 * * *', 't', {}, { queue, name: 'nightly' });
    await scheduler.start();
    await server.start(async (_payload, { id, signal }) => {
      if (id !== 'running') return;
      isRunning = true;
      facts.check();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw signal.reason;
    });
    await client.enqueue('t', {}, { queue, taskId: 'running' });
    await facts.until(() => isRunning);
    for (const taskId of ['a', 'b', 'c', 'd']) await client.enqueue('t', { taskId }, { queue, taskId });
    await client.enqueue('t', {}, { queue, taskId: 'locked', unique: '1h' });
    await client.enqueue('t', {}, { queue, taskId: 'later', processIn: '1h' });
    await client.enqueue('t', {}, { queue, taskId: 'member', group: 'digest' });
    await using inspector = new Inspector(as('inspector'));

    await readAll(inspector, queue);
    await inspector.pauseQueue(queue);
    await inspector.cancel(queue, 'running', { outcome: 'archive' });
    await inspector.cancelTask('running');
    await inspector
      .task(queue, 'running')
      .wait({ timeout: '20s' })
      .catch(() => undefined);
    await inspector.updateTaskPayload(queue, 'later', { changed: true });
    await inspector.reschedule(queue, 'later', new Date(Date.now() + 2 * HOUR_MS));
    await inspector.moveToQueue(queue, 'a', `other-${queue}`);
    await inspector.archiveTask(queue, 'b');
    await inspector.runTask(queue, 'b');
    await inspector.runNext(queue, 'c');
    await inspector.deleteTask(queue, 'locked');
    const grouped = await inspector.runAll(queue, 'aggregating', { group: 'digest' });
    const archived = await inspector.archiveMatching({ queue, state: 'pending', type: 't' });
    const run = await inspector.runAll(queue, 'archived');
    await inspector.archiveAll(queue, 'pending');
    const deleted = await inspector.deleteAll(queue, 'archived');
    await inspector.pauseSchedule(queue, 'nightly');
    await inspector.resumeSchedule(queue, 'nightly');
    const ran = await inspector.runSchedule(queue, 'nightly');
    await inspector.removeSchedule(queue, 'nightly');
    await inspector.unpauseQueue(queue);
    await inspector.deleteQueue(`other-${queue}`, { force: true });
    await scheduler.shutdown();
    await server.shutdown();
    await inspector.purgeQueue(queue);

    expect({ grouped, archived, run, deleted }).toEqual({ grouped: 1, archived: 4, run: 5, deleted: 5 });
    expect(ran.initialState).toBe('pending');
    expect(await inspector.queues()).not.toContain(queue);
    expect(await refusals(nodes(), 'inspector')).toEqual([]);
  });

  it('let a viewer look, and change nothing', async () => {
    const queue = `mail-${++queues}`;
    await using client = new Client({ ...asAdmin(), publishEvents: true });
    await client.enqueue('t', {}, { queue, taskId: 'a' });
    await client.enqueue('t', {}, { queue, taskId: 'member', group: 'digest' });
    await using viewer = new Inspector(as('viewer'));
    await using events = new QueueEvents(as('viewer'));
    const acts = [
      () => viewer.pauseQueue(queue),
      () => viewer.archiveTask(queue, 'a'),
      () => viewer.deleteAll(queue, 'pending'),
      () => viewer.cancelTask('a'),
      () => viewer.purgeQueue(queue),
    ];

    await readAll(viewer, queue);
    const { value: event } = await events.read(queue, { after: '0' }).next();
    const refused = await refusals(nodes(), 'viewer');
    const errors = await Promise.all(acts.map((act) => act().catch((error: unknown) => error)));

    expect(event).toMatchObject({ kind: 'enqueued', queue });
    expect(refused).toEqual([]);
    expect(errors).toEqual(acts.map(() => expect.any(RedisCommandError) as unknown));
    expect(await viewer.queueInfo(queue)).toMatchObject({ pending: 1, aggregating: 1, isPaused: false });
  });
});

async function readAll(inspector: Inspector, queue: string): Promise<void> {
  await inspector.queues();
  await inspector.partitions(queue);
  await inspector.queueInfo(queue, { memory: true });
  await inspector.dailyStats(queue, 7);
  await inspector.groups(queue);
  for (const state of ['pending', 'active', 'scheduled', 'retry', 'archived', 'completed'] as const) {
    await inspector.listTasks(queue, state);
    await inspector.findTasks({ queue, state, type: 't' });
  }
  await inspector.listTasks(queue, 'aggregating', { group: 'digest' });
  await inspector.taskInfo(queue, 'a');
  await inspector.servers();
  for (const { id } of await inspector.schedulerEntries()) await inspector.schedulerEvents(id);
  await inspector.schedules();
  await inspector.clusterSlot(queue);
  await inspector.redisInfo();
  await inspector.redisNodes();
}
