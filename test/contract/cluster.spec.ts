import { openRedisQueue } from '@nestjs-asynq/core/testing';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisCluster, startCluster } from '../support/redis-server.js';
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
