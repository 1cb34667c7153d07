import { Cluster, type Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { type Hostility, surviveRandomRecords } from '../../contract/hostile-queue.js';
import { shareRedis } from '../../contract/shared-redis.js';
import { startCluster } from '../../support/redis-server.js';
import { printFigures } from './figures.js';

const shared = shareRedis();

async function survive(redis: Redis | Cluster, hostility: Omit<Hostility, 'seed'>): Promise<number> {
  const startedAtMs = performance.now();

  const survived = await surviveRandomRecords(redis, {
    ...hostility,
    seed: Number(process.env['FUZZ_SEED']) || undefined,
  });

  printFigures('random records of a peer', [
    { ...hostility, 's in all': Math.round((performance.now() - startedAtMs) / 1000) },
  ]);
  return survived;
}

it.each([
  { runs: 1_000, count: 12, largestBytes: 20_000 },
  { runs: 100, count: 40, largestBytes: 2_000_000 },
  { runs: 20, count: 12, largestBytes: 16_000_000 },
])('a server does its work among up to $count random records of a peer, $runs times', async (hostility) => {
  expect(await survive(shared.client, hostility)).toBe(hostility.runs);
});

it('a server does its work among random records of a peer on a cluster', async () => {
  await using cluster = await startCluster();
  const client = new Cluster(cluster.addresses);

  const survived = await survive(client, { runs: 300, count: 12, largestBytes: 20_000 });

  client.disconnect();
  expect(survived).toBe(300);
});
