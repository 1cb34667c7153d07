import { Cluster, Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { startCluster, startRedis } from './redis-server.js';

it('keeps its data after a crash with an append-only file', async () => {
  await using server = await startRedis({ appendOnly: true });
  const client = new Redis(server.url);
  await client.set('kept', 'yes');

  await server.restart();

  expect(await client.get('kept')).toBe('yes');
  client.disconnect();
});

it('comes back empty without the file', async () => {
  await using server = await startRedis();
  const client = new Redis(server.url);
  await client.set('lost', 'yes');

  await server.restart();

  expect(await client.exists('lost')).toBe(0);
  client.disconnect();
});

it('accepts no connections once stopped, and can be stopped twice', async () => {
  const server = await startRedis();
  await server.stop();
  await server.stop();

  const client = new Redis(server.url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined);

  await expect(client.connect()).rejects.toThrow();
});

it('forms a cluster whose masters share the slots, before and after a restart', async () => {
  await using servers = await startCluster(3, { appendOnly: true });
  const cluster = new Cluster(servers.addresses);
  const keys = Array.from({ length: 100 }, (_, n) => `key-${n}`);
  await Promise.all(keys.map((key) => cluster.set(key, key)));

  await servers.restart();

  expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(keys);
  const held = await Promise.all(cluster.nodes('master').map((node) => node.dbsize()));
  expect(held).toHaveLength(3);
  expect(held.every((count) => count > 0)).toBe(true);
  cluster.disconnect();
});
