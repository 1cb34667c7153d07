import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisCluster, startCluster } from '../support/redis-server.js';
import { openRedisQueue } from '../support/test-queue.js';
import { describeEveryRole } from './every-role.js';

let cluster: RedisCluster;
let client: Cluster;

beforeAll(async () => {
  cluster = await startCluster();
  client = new Cluster(cluster.addresses);
});

afterAll(async () => {
  client.disconnect();
  await cluster.stop();
});

describeEveryRole('Redis Cluster', () => openRedisQueue(client));

it('finds the slot of a queue and its node, as Redis does', async () => {
  await using q = openRedisQueue(client);
  const slot = await client.cluster('KEYSLOT', `asynq:{${q.name}}:pending`);

  expect(await q.broker.clusterSlot(q.name)).toBe(slot);
  const [node] = await q.broker.clusterNodes(q.name);
  expect(client.slots[slot]![0]).toBe(node!.address);
});
