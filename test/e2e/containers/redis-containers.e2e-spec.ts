import { Injectable } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { AsynqModule, TaskDistributor, TaskEvents, TaskHandler, TaskInspector } from 'nestjs-asynq';
import { filter, firstValueFrom, take, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { confineContainers, containersLeft, redisImage } from '../../support/docker.js';
import { type RedisContainer, startRedis, startRedisCluster, startRedisSentinel } from './redis-containers.js';

confineContainers();

@Injectable()
class Reminders {
  readonly sent: string[] = [];

  @TaskHandler('reminder')
  send({ to }: { to: string }) {
    this.sent.push(to);
  }
}

const queues = { webhooks: 1, images: 1, notifications: 1 };

async function startApp({ connection }: RedisContainer): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [AsynqModule.forRoot({ connection, queues })],
    providers: [Reminders],
  }).compile();
  return module.init();
}

/** Resolves when this many tasks have succeeded from now on. */
function succeeded(app: TestingModule, count: number) {
  const events = app.get(TaskEvents).pipe(filter(({ kind }) => kind === 'succeeded'));
  return firstValueFrom(events.pipe(take(count), toArray()));
}

/** A reminder in each queue. */
async function remindInEachQueue(app: TestingModule): Promise<void> {
  const done = succeeded(app, 3);
  for (const queue of Object.keys(queues)) await app.get(TaskDistributor).enqueue('reminder', { to: queue }, { queue });
  await done;
}

describe.skipIf(!redisImage)('an app on Redis in a container (skipped without Docker)', () => {
  it('reminds through a single server', async () => {
    await using redis = await startRedis();
    const app = await startApp(redis);

    await remindInEachQueue(app);
    await app.close();

    expect(app.get(Reminders).sent.toSorted()).toEqual(['images', 'notifications', 'webhooks']);
  });

  it('reminds through a cluster, from a queue on each node', async () => {
    await using redis = await startRedisCluster();
    const app = await startApp(redis);

    await remindInEachQueue(app);
    const nodes = await Promise.all(Object.keys(queues).map((queue) => app.get(TaskInspector).clusterNodes(queue)));
    await app.close();

    expect(app.get(Reminders).sent.toSorted()).toEqual(['images', 'notifications', 'webhooks']);
    expect(nodes.flat().map(({ address }) => address)).toEqual(['127.0.0.1:7000', '127.0.0.1:7001', '127.0.0.1:7002']);
  });

  it('reminds through sentinels, before a fail-over and after it', async () => {
    await using redis = await startRedisSentinel();
    const app = await startApp(redis);
    await remindInEachQueue(app);

    const done = succeeded(app, 1);
    await redis.cli('-p', '26379', 'sentinel', 'failover', 'main');
    await expect.poll(() => redis.cli('-p', '26379', 'sentinel', 'get-master-addr-by-name', 'main')).toContain('6380');
    const remindAda = () =>
      app.get(TaskDistributor).enqueue('reminder', { to: 'ada' }, { queue: 'images', taskId: 'ada' });
    await expect.poll(remindAda, { timeout: 10_000 }).toMatchObject({ id: 'ada' });
    await done;
    await app.close();

    expect(app.get(Reminders).sent.toSorted()).toEqual(['ada', 'images', 'notifications', 'webhooks']);
  });

  it('leaves no container when a test fails', async () => {
    const failingTest = async () => {
      await using redis = await startRedis();
      expect(redis.connection).toBe('another');
    };

    await expect(failingTest()).rejects.toThrow('another');
    expect(containersLeft()).toEqual([]);
  });
});
