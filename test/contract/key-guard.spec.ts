import { KeyGuard, openRedisQueue } from '@nestjs-asynq/core/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { describeEveryRole } from './every-role.js';

const guard = new KeyGuard();
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

describeEveryRole('one Redis with guarded keys', () => openRedisQueue(client, { guard }));
describeEveryRole('one Redis with declared keys only', () => openRedisQueue(client, { guard, declaredKeysOnly: true }));

it('has watched every script', () => {
  expect(guard.notRun()).toEqual([]);
});

it('notices a key that a script does not declare', async () => {
  const lua = guard.prepareScript({ name: 'test', lua: "return redis.call('GET', 'asynq:{q}:other')" });

  await expect(client.eval(lua, 1, 'asynq:{q}:pending')).rejects.toThrow('undeclared key: asynq:{q}:other');
});

it('notices keys of two slots', async () => {
  const lua = guard.prepareScript({ name: 'test', lua: 'return 1' });

  await expect(client.eval(lua, 2, 'asynq:{a}:pending', 'asynq:{b}:pending')).rejects.toThrow('keys of two slots');
});
