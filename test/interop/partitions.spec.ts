import { Client, Inspector, Server, silentLogger } from '@nestjs-asynq/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { type RedisCluster, startCluster } from '../support/redis-server.js';

const PARTITIONS = 8;
const QUEUE = 'email';

describe.skipIf(!hasGoPeer)('a partitioned queue beside Go', () => {
  let cluster: RedisCluster;
  let go: GoPeer;
  let client: Client;
  let inspector: Inspector;

  beforeEach(async () => {
    cluster = await startCluster();
    go = new GoPeer(cluster);
    const connection = { cluster: cluster.addresses };
    client = new Client({ connection, logger: silentLogger, partitions: { [QUEUE]: PARTITIONS } });
    inspector = new Inspector({ connection, logger: silentLogger });
  });

  afterEach(async () => {
    await client.close();
    await inspector.close();
    await go[Symbol.asyncDispose]();
    await cluster.stop();
  });

  it('consists of ordinary queues, which a Go server serves', async () => {
    const count = 2 * PARTITIONS;
    const written = await client.enqueueMany(
      Array.from({ length: count }, (_, n) => ({ type: 'mix:succeed', payload: { n }, options: { queue: QUEUE } })),
    );
    const names = await inspector.partitions(QUEUE);

    const listed = await go.queues();
    const pending = await Promise.all(names.map((name) => go.queueInfo(name)));
    await go.serve({ queues: Object.fromEntries(names.map((name) => [name, 1])), concurrency: 4 });
    await go.until(() => go.handled.length === count);

    expect(listed.toSorted()).toEqual([...names].toSorted());
    expect(pending.map((info) => info.pending)).toEqual(new Array(PARTITIONS).fill(2));
    expect(new Set(go.handled.map(({ queue }) => queue))).toEqual(new Set(names));
    const places = written.map(({ task }) => [task!.id, task!.partition]);
    expect(new Map(go.handled.map(({ id, queue }) => [id, queue]))).toEqual(new Map(places as [string, string][]));
  });

  it('runs tasks that Go puts into a partition, and into the queue itself', async () => {
    await client.enqueue('mix:succeed', undefined, { queue: QUEUE, taskId: 'ours' });
    const names = await inspector.partitions(QUEUE);
    await go.enqueue([
      { type: 'mix:succeed', queue: names[3], taskId: 'in-a-partition' },
      { type: 'mix:succeed', queue: QUEUE, taskId: 'in-the-queue' },
    ]);
    const conditions = new Conditions();
    const runs = new Map<string, { queue: string; partition: string | undefined }>();

    await using server = new Server({
      connection: { cluster: cluster.addresses },
      queues: { [QUEUE]: { partitions: PARTITIONS } },
      logger: silentLogger,
    });
    await server.start((_payload, { id, queue, partition }) => {
      runs.set(id, { queue, partition });
      conditions.check();
    });
    await conditions.until(() => runs.size === 3);

    expect(runs.get('in-a-partition')).toEqual({ queue: QUEUE, partition: names[3] });
    expect(runs.get('in-the-queue')).toEqual({ queue: QUEUE, partition: undefined });
    expect(runs.get('ours')).toMatchObject({ queue: QUEUE });
  });
});
