import { Scheduler, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { sleep } from '../support/load.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';

/** Longer than a connection may be silent, so that a tick that waits for it is missed. */
const SILENT_MS = 9_000;

describe.concurrent('a master that falls silent, of a cluster with schedules', () => {
  it.each(['asynq:queues', 'asynq:schedule_queues'])(
    'delays no tick and no new schedule of queues on other masters, when it holds %s',
    async (set) => {
      await using cluster = await startCluster(3, { args: ['--cluster-require-full-coverage', 'no'] });
      const queues = await cluster.queuePerNode('mail');
      const silent = await ownerOf(cluster, set);
      const [first, second] = queues.filter((_, node) => node !== silent) as [string, string];
      const fired = new Map<string, number>();
      await using scheduler = new Scheduler({
        connection: { cluster: cluster.addresses },
        logger: silentLogger,
        onEvent: ({ type }) => void fired.set(type, (fired.get(type) ?? 0) + 1),
      });
      for (const queue of queues) scheduler.register('@every 1s', queue, {}, { queue });
      await scheduler.start();
      while (queues.some((queue) => !fired.has(queue))) await sleep(50);

      await cluster.nodes[silent]!.freeze();
      fired.clear();
      scheduler.register('@every 1s', 'new', {}, { queue: second });
      await sleep(SILENT_MS);
      const during = [first, second, 'new'].map((type) => fired.get(type) ?? 0);
      await cluster.nodes[silent]!.thaw();

      expect(Math.min(...during), `ticks of ${SILENT_MS} ms: ${during.join(', ')}`).toBeGreaterThanOrEqual(5);
    },
  );
});

/** Which node of the cluster answers for a key. */
async function ownerOf(cluster: RedisCluster, key: string): Promise<number> {
  for (const [index, { url }] of cluster.nodes.entries()) {
    const node = new Redis(url);
    const isOwner = await node.exists(key).then(
      () => true,
      () => false,
    );
    node.disconnect();
    if (isOwner) return index;
  }
  throw new Error(`no node holds ${key}`);
}
