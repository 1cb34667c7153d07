import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Inspector, Server, silentLogger } from '@nestjs-asynq/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../support/redis-server.js';
import { type Sentinel, startSentinel } from '../support/sentinel.js';

let dir: string;
let redis: RedisServer;
let sentinel: Sentinel;
let cluster: RedisCluster;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nestjs-asynq-socket-'));
  redis = await startRedis({ args: ['--unixsocket', join(dir, 'redis.sock'), '--unixsocketperm', '777'] });
  sentinel = await startSentinel(redis, 'guard');
  cluster = await startCluster();
});

afterAll(async () => {
  await sentinel[Symbol.asyncDispose]();
  await Promise.all([redis.stop(), cluster.stop()]);
  await rm(dir, { recursive: true });
});

it.each<[string, () => string]>([
  ['host:port', () => `127.0.0.1:${redis.port}`],
  ['redis:', () => `${redis.url}/1`],
  ['redis-socket:', () => `redis-socket://${dir}/redis.sock?db=2`],
  ['redis-sentinel:', () => `redis-sentinel://:guard@127.0.0.1:${sentinel.port}/3?master=main`],
  ['redis-cluster:', () => `redis-cluster://${cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`],
])('a task is enqueued, handled and seen over %s', async (_, url) => {
  const connection = { url: url() };
  await using client = new Client({ connection, logger: silentLogger });
  await using server = new Server({ connection, queues: { mail: 1 }, logger: silentLogger });
  await using inspector = new Inspector({ connection, logger: silentLogger });
  await server.start(() => 'sent');

  const task = await client.enqueue('email:welcome', {}, { queue: 'mail', retention: '1m' });

  expect(await task.result({ timeout: '10s' })).toBe('sent');
  expect(await inspector.queues()).toEqual(['mail']);
});
