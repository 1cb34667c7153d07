import { Client, Inspector, InvalidOptionsError, RedisCommandError, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { startCluster, startReplicaOf, startRedis } from '../support/redis-server.js';

it('acknowledges an enqueue once a replica has the task', async () => {
  await using master = await startRedis();
  await using replica = await startReplicaOf(master);
  await using client = new Client({ connection: { url: master.url, waitForReplicas: 1 }, logger: silentLogger });
  const reader = new Redis(replica.url);

  const tasks = await Promise.all(Array.from({ length: 50 }, () => client.enqueue('email')));
  const found = await Promise.all(tasks.map(({ id }) => reader.exists(`asynq:{default}:t:${id}`)));

  expect(found).toEqual(tasks.map(() => 1));
  reader.disconnect();
});

it('rejects an enqueue that no replica confirms, and takes the same task once when one is back', async () => {
  await using master = await startRedis();
  await using replica = await startReplicaOf(master);
  const connection = { url: master.url, waitForReplicas: 1 };
  await using client = new Client({ connection, logger: silentLogger });
  await using inspector = new Inspector({ connection: { url: master.url }, logger: silentLogger });
  await client.enqueue('email', {}, { taskId: 'before' });

  await replica.freeze();
  const unconfirmed = await client.enqueue('email', {}, { taskId: 'held' }).catch((error: unknown) => error);
  const call = client.enqueue('email', {}, { taskId: 'later' });
  await replica.thaw();
  await call;

  expect(unconfirmed).toBeInstanceOf(RedisCommandError);
  expect(unconfirmed).toMatchObject({ isTransient: true, command: 'WAIT' });
  expect((unconfirmed as Error).message).toContain('0 of 1 replicas');
  expect((await inspector.queueInfo('default')).pending).toBe(3);
});

it('works through a cluster too, where it lacks replicas', async () => {
  await using cluster = await startCluster();
  const connection = { cluster: cluster.addresses, waitForReplicas: 1 };
  await using client = new Client({ connection, logger: silentLogger });

  const unconfirmed = await client.enqueue('email').catch((error: unknown) => error);

  expect((unconfirmed as Error).message).toContain('0 of 1 replicas');
});

it.each([-1, 1.5, '1', 100])('refuses waitForReplicas: %j', (waitForReplicas) => {
  const open = () =>
    new Client({ connection: { url: 'redis://127.0.0.1:1', waitForReplicas: waitForReplicas as number } });

  expect(open).toThrow(InvalidOptionsError);
  expect(open).toThrow('connection.waitForReplicas');
});
