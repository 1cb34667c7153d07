import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { openRecorder, quantile, sleep } from '../support/load.js';
import { startCluster } from '../support/redis-server.js';

/** How long the master is silent: longer than any patience of a connection. */
const SILENT_MS = 25_000;
const PERIOD_MS = 100;

describe('a master of a cluster that falls silent', () => {
  it('fails no call to the queues of the others, and holds none up', async () => {
    await using cluster = await startCluster(3, { args: ['--cluster-require-full-coverage', 'no'] });
    const connection = { cluster: cluster.addresses };
    const queues = await cluster.queuePerNode('mail');
    const [, sick, healthy] = queues as [string, string, string];
    await using client = new Client({ connection, logger: silentLogger });
    await using server = new Server({
      connection,
      queues: Object.fromEntries(queues.map((queue) => [queue, 1])),
      logger: silentLogger,
    });
    const recorder = openRecorder();
    await server.start((_payload, { id }) => recorder.start(id));
    for (const queue of queues) await recorder.enqueue(client, queue); // every node is in use

    await cluster.nodes[queues.indexOf(sick)]!.freeze();
    const endMs = Date.now() + SILENT_MS;
    while (Date.now() < endMs) {
      void recorder.enqueue(client, healthy);
      void client.enqueue('mail', {}, { queue: sick }).catch(() => undefined); // in the same turn
      await sleep(PERIOD_MS);
    }
    await cluster.nodes[queues.indexOf(sick)]!.thaw();
    await recorder.settled();

    expect(recorder.failures).toEqual([]);
    // A machine at rest needs a tenth of it, see `npm run soak`; what waits for the silent master takes 5 s.
    expect(quantile(recorder.callMs, 0.99)).toBeLessThan(500);
    expect(quantile(recorder.pickUpMs, 0.99)).toBeLessThan(500);
  });
});
