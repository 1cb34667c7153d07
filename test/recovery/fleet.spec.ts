import { setTimeout as delay } from 'node:timers/promises';
import { Client, openBroker, Server, ServeMux } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { CommandCount } from '../support/command-count.js';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { WorkerProcess } from '../support/worker-process.js';

const SERVERS = 50;
const TASKS = 30;

/** How long the idle fleet is observed; the measurement is per time. */
const WATCHED_MS = 20_000;

describe(`a fleet of ${SERVERS} idle servers on one queue`, () => {
  let redis: RedisServer;
  let admin: Redis;
  let client: Client;
  let leader: WorkerProcess;
  const fleet: Server[] = [];
  const conditions = new Conditions();
  let startedByFleet = 0;
  /** What all of them ask of Redis while there is nothing to do. */
  let idle: ReturnType<CommandCount['since']>;

  beforeAll(async () => {
    redis = await startRedis({ args: ['--maxclients', '1000'] });
    admin = new Redis(redis.url);
    client = new Client({ connection: { url: redis.url } });
    leader = await WorkerProcess.start({ connection: { url: redis.url }, queues: { fleet: 1 }, concurrency: 10 });
    const mux = new ServeMux();
    mux.handle('quick', () => {
      startedByFleet++;
      conditions.check();
    });
    for (let i = 1; i < SERVERS; i++) {
      const server = new Server({
        connection: { url: redis.url },
        queues: { fleet: 1 },
        concurrency: 10,
        heartbeat: 'inline', // fifty threads would measure the machine, not the fleet
      });
      fleet.push(server);
      await server.start(mux);
    }
    await allWait();
    const before = await CommandCount.read(admin);
    await delay(WATCHED_MS);
    idle = (await CommandCount.read(admin)).since(before);
  });

  afterAll(async () => {
    await Promise.all(fleet.map((server) => server.shutdown()));
    await leader.terminate();
    await client.close();
    admin.disconnect();
    await redis.stop();
  });

  const nextStartByFleet = (): Promise<void> => {
    const seen = startedByFleet;
    return conditions.until(() => startedByFleet > seen);
  };

  /** Handled by the leader, a process of its own, or by one of the fleet. */
  const nextStart = (): Promise<void> => {
    const seen = leader.started().length;
    return Promise.race([nextStartByFleet(), leader.until(() => leader.started().length > seen)]);
  };

  /** Every server waits in Redis: start-up is over. */
  const allWait = async (): Promise<void> => {
    while (!(await admin.info('clients')).includes(`blocked_clients:${SERVERS}`));
  };

  it('costs under 60 commands a minute for each server', () => {
    const perServerAndMinute = ((idle.total / SERVERS) * 60_000) / WATCHED_MS;

    console.log(`idle fleet: ${perServerAndMinute.toFixed(1)} commands per server and minute`, idle.calls);
    expect(perServerAndMinute).toBeLessThan(60);
  });

  it('spends at most 10 commands on a task besides its enqueue, fetch and settle', async () => {
    await allWait();
    const needed = await commandsOfTasks(redis.url, admin);

    const before = await CommandCount.read(admin);
    for (let i = 0; i < TASKS; i++) {
      const started = nextStart();
      await client.enqueue('quick', { i }, { queue: 'fleet' });
      await started;
    }
    const spent = (await CommandCount.read(admin)).since(before);

    const idleMeanwhile = (idle.total * spent.elapsedMs) / idle.elapsedMs;
    const besides = (spent.total - needed - idleMeanwhile) / TASKS;
    console.log(`one task in an idle fleet: ${besides.toFixed(1)} commands besides enqueue, fetch and settle`);
    expect(besides).toBeLessThanOrEqual(10);
  });

  it('starts the next task within 3 s of the death of its leader', async () => {
    const leaderId = await admin.get('asynq:{fleet}:leader');
    expect(await admin.zrange('asynq:servers', '0', '-1')).toContainEqual(
      expect.stringContaining(`:${leader.pid}:${leaderId}}`),
    );

    await leader.kill();
    const killedAtMs = Date.now();

    const started = nextStartByFleet();
    await client.enqueue('quick', {}, { queue: 'fleet' });
    await started;

    console.log(`next task after the leader's death: ${Date.now() - killedAtMs} ms`);
    expect(Date.now() - killedAtMs).toBeLessThan(3_000);
  });
});

/** The cost of the same tasks without watches: one enqueue, one fetch and one settle call each. */
async function commandsOfTasks(url: string, admin: Redis): Promise<number> {
  const client = new Client({ connection: { url } });
  const broker = openBroker({ url });
  await broker.ping();
  const before = await CommandCount.read(admin);
  for (let i = 0; i < TASKS; i++) {
    await client.enqueue('quick', { i }, { queue: 'reference' });
    const { tasks } = await broker.fetch('reference', 10, 30_000);
    await broker.settle(
      'reference',
      tasks.map(({ message, leaseExpiresAtS }) => ({
        message,
        claim: { id: message.id, expiriesS: [leaseExpiresAtS] },
        outcome: { kind: 'done' },
      })),
    );
  }
  const { total } = (await CommandCount.read(admin)).since(before);
  await client.close();
  await broker.close();
  return total;
}
