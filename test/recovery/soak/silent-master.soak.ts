import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { openRecorder, quantile, type Recorder, sleep } from '../../support/load.js';
import { type RedisCluster, type RedisServer, startCluster, startRedis } from '../../support/redis-server.js';
import { printFigures } from './figures.js';

/** The same load before, with all masters healthy: the baseline of the machine. */
const BEFORE_MS = 20_000;
/** One master of three is stopped for so long, and then goes on. */
const SILENT_MS = 25_000;
const AFTER_MS = 10_000;
const PERIOD_MS = 50;

const ARGS = ['--cluster-require-full-coverage', 'no'];

describe('one silent master of three', () => {
  const rows: Record<string, number | string>[] = [];
  afterAll(() => printFigures('one silent master of three: calls to, and tasks of, the two healthy queues', rows));

  it.each([{ hasReplica: false }, { hasReplica: true }])(
    'costs the other queues nothing, with a replica to take over: $hasReplica',
    async ({ hasReplica }) => {
      await using cluster = await startCluster(3, { args: ARGS });
      const queues = await cluster.queuePerNode('mail');
      await using replica = hasReplica ? await addReplica(cluster, cluster.nodes[1]!) : undefined;
      const connection = { cluster: cluster.addresses };
      await using client = new Client({ connection, logger: silentLogger });
      await using server = new Server({
        connection,
        queues: Object.fromEntries(queues.map((queue) => [queue, 1])),
        logger: silentLogger,
      });
      const before = openRecorder();
      const healthy = openRecorder();
      const unresponsive = openRecorder();
      await server.start((_payload, { id }) => {
        for (const recorder of [before, healthy]) recorder.start(id);
        unresponsive.start(id);
      });
      for (const queue of queues) await healthy.enqueue(client, queue); // every node is in use
      await healthy.settled();

      await load({ client, queues, healthy: before, unresponsive, untilMs: Date.now() + BEFORE_MS });
      await before.settled();

      await cluster.nodes[1]!.freeze();
      const untilMs = Date.now() + SILENT_MS;
      await load({ client, queues, healthy, unresponsive, untilMs });
      await cluster.nodes[1]!.thaw();
      await load({ client, queues, healthy, unresponsive, untilMs: untilMs + AFTER_MS });
      await healthy.settled();

      rows.push({
        replica: replica ? 'takes over' : 'none',
        calls: healthy.callMs.length + healthy.failures.length,
        failed: healthy.failures.length,
        'call p99 ms before': quantile(before.callMs, 0.99),
        'call p50 ms': quantile(healthy.callMs, 0.5),
        'call p99 ms': quantile(healthy.callMs, 0.99),
        'pick-up p99 ms before': quantile(before.pickUpMs, 0.99),
        'pick-up max ms before': Math.max(...before.pickUpMs),
        'pick-up p50 ms': quantile(healthy.pickUpMs, 0.5),
        'pick-up p99 ms': quantile(healthy.pickUpMs, 0.99),
        'pick-up max ms': Math.max(...healthy.pickUpMs),
        'failed on the silent one': unresponsive.failures.length,
      });
      expect(healthy.failures).toEqual([]);
      for (const times of ['callMs', 'pickUpMs'] as const) {
        expect(quantile(healthy[times], 0.99), times).toBeLessThan(50);
      }
    },
  );
});

interface Load {
  readonly client: Client;
  /** The second one is that of the master that falls silent. */
  readonly queues: readonly string[];
  readonly healthy: Recorder;
  readonly unresponsive: Recorder;
  readonly untilMs: number;
}

async function load({ client, queues, healthy, unresponsive, untilMs }: Load): Promise<void> {
  while (Date.now() < untilMs) {
    void healthy.enqueue(client, queues[0]!);
    void healthy.enqueue(client, queues[2]!);
    void unresponsive.enqueue(client, queues[1]!);
    await sleep(PERIOD_MS);
  }
}

async function addReplica(cluster: RedisCluster, master: RedisServer): Promise<RedisServer> {
  const replica = await startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...ARGS] });
  const of = new Redis(master.url);
  const client = new Redis(replica.url);
  const id = String(await of.call('CLUSTER', 'MYID'));
  for (const node of cluster.nodes) await client.call('CLUSTER', 'MEET', node.host, String(node.port));
  while (!String(await client.cluster('NODES')).includes(id)) await sleep(50);
  await client.call('CLUSTER', 'REPLICATE', id);
  while (!(await client.info('replication')).includes('master_link_status:up')) await sleep(50);
  while (!String(await of.cluster('NODES')).includes('slave')) await sleep(50);
  of.disconnect();
  client.disconnect();
  return replica;
}
