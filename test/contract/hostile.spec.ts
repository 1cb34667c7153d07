import { Cluster } from 'ioredis';
import { expect, it } from 'vitest';
import { startCluster } from '../support/redis-server.js';
import { surviveRandomRecords } from './hostile-queue.js';
import { shareRedis } from './shared-redis.js';

const shared = shareRedis();

it('a server does its work among random records of a peer', { timeout: 60_000 }, async () => {
  const survived = await surviveRandomRecords(shared.client, { runs: 30, count: 12, largestBytes: 20_000 });

  expect(survived).toBe(30);
});

it('a server does its work among random records of a peer on a cluster', { timeout: 60_000 }, async () => {
  await using cluster = await startCluster();
  const client = new Cluster(cluster.addresses);

  const survived = await surviveRandomRecords(client, { runs: 10, count: 12, largestBytes: 20_000 });

  client.disconnect();
  expect(survived).toBe(10);
});
