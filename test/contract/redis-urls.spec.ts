import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Inspector, type RedisConnection, Server, silentLogger } from '@nestjs-asynq/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../support/redis-server.js';
import { type Sentinel, startSentinel } from '../support/sentinel.js';
import { startTlsRedis, type TlsRedis } from '../support/tls-redis.js';

let dir: string;
let redis: RedisServer;
let sentinel: Sentinel;
let cluster: RedisCluster;
/** Without, the server knows no TLS. */
let secure: { readonly redis: TlsRedis; readonly sentinel: Sentinel } | undefined;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nestjs-asynq-socket-'));
  redis = await startRedis({ args: ['--unixsocket', join(dir, 'redis.sock'), '--unixsocketperm', '777'] });
  sentinel = await startSentinel(redis, 'guard');
  cluster = await startCluster();
  secure = await startSecure();
});

afterAll(async () => {
  await sentinel[Symbol.asyncDispose]();
  await secure?.sentinel[Symbol.asyncDispose]();
  await secure?.redis[Symbol.asyncDispose]();
  await Promise.all([redis.stop(), cluster.stop()]);
  await rm(dir, { recursive: true });
});

async function startSecure(): Promise<typeof secure> {
  const tls = await startTlsRedis();
  if (!tls) return undefined;
  const { server, tlsPort, tlsArgs } = tls;
  return { redis: tls, sentinel: await startSentinel({ host: server.host, port: tlsPort }, 'guard', { tlsArgs }) };
}

/** The result of a task that was enqueued and handled, and the queues that an inspector sees then. */
async function handleOne(connection: RedisConnection): Promise<{ result: unknown; queues: string[] }> {
  await using client = new Client({ connection, logger: silentLogger });
  await using server = new Server({ connection, queues: { mail: 1 }, logger: silentLogger });
  await using inspector = new Inspector({ connection, logger: silentLogger });
  await server.start(() => 'sent');
  const task = await client.enqueue('email:welcome', {}, { queue: 'mail', retention: '1m' });
  return { result: await task.result({ timeout: '10s' }), queues: await inspector.queues() };
}

it.each<[string, () => string]>([
  ['host:port', () => `127.0.0.1:${redis.port}`],
  ['redis:', () => `${redis.url}/1`],
  ['redis-socket:', () => `redis-socket://${dir}/redis.sock?db=2`],
  ['redis-sentinel:', () => `redis-sentinel://:guard@127.0.0.1:${sentinel.port}/3?master=main`],
  ['redis-cluster:', () => `redis-cluster://${cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`],
])('a task is enqueued, handled and seen over %s', async (_, url) => {
  expect(await handleOne({ url: url() })).toEqual({ result: 'sent', queues: ['mail'] });
});

it.for<[string, (to: NonNullable<typeof secure>) => string]>([
  ['rediss:', (to) => `rediss://127.0.0.1:${to.redis.tlsPort}/1`],
  ['rediss-sentinel:', (to) => `rediss-sentinel://:guard@127.0.0.1:${to.sentinel.port}/2?master=main`],
])('a task is enqueued, handled and seen over %s', async ([, url], { skip }) => {
  if (!secure) return skip('the server was built without TLS');
  const handled = await handleOne({ url: url(secure), options: { tls: { ca: secure.redis.ca } } });
  expect(handled).toEqual({ result: 'sent', queues: ['mail'] });
});
