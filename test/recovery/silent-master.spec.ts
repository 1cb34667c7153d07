import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { openRecorder, quantile, sleep } from '../support/load.js';
import { startCluster } from '../support/redis-server.js';

/** How long the master is silent: longer than every timeout of a connection, and than every pause between two attempts. */
const SILENT_MS = 15_000;
const PERIOD_MS = 100;

describe('a master of a cluster that falls silent', () => {
  it('neither fails nor delays calls to the queues of other masters', async () => {
    await using cluster = await startCluster(3, { args: ['--cluster-require-full-coverage', 'no'] });
    const connection = { cluster: cluster.addresses };
    const queues = await cluster.queuePerNode('mail');
    const [, unresponsive, healthy] = queues as [string, string, string];
    await using client = new Client({ connection, logger: silentLogger });
    await using server = new Server({
      connection,
      queues: Object.fromEntries(queues.map((queue) => [queue, 1])),
      logger: silentLogger,
    });
    const recorder = openRecorder();
    await server.start((_payload, { id }) => recorder.start(id));
    for (const queue of queues) await recorder.enqueue(client, queue); // every node is in use

    await cluster.nodes[queues.indexOf(unresponsive)]!.freeze();
    const endMs = Date.now() + SILENT_MS;
    while (Date.now() < endMs) {
      void recorder.enqueue(client, healthy);
      void client.enqueue('mail', {}, { queue: unresponsive }).catch(() => undefined); // in the same turn
      await sleep(PERIOD_MS);
    }
    await cluster.nodes[queues.indexOf(unresponsive)]!.thaw();
    await recorder.settled();

    expect(recorder.failures).toEqual([]);
    // An idle machine needs a tenth of it, see `npm run soak`; calls that wait for the silent master take 5 s.
    expect(quantile(recorder.callMs, 0.99)).toBeLessThan(500);
    expect(quantile(recorder.pickUpMs, 0.99)).toBeLessThan(500);
  });
});
