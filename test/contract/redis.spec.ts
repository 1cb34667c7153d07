import { openRedisQueue } from '@nestjs-asynq/core/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeEveryRole } from './every-role.js';

let server: RedisServer;
let client: Redis;

beforeAll(async () => {
  server = await startRedis();
  client = new Redis(server.url);
});

afterAll(async () => {
  client.disconnect();
  await server.stop();
});

describeEveryRole('one Redis', () => openRedisQueue(client));
