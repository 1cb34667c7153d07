import { Client, Inspector, Server } from '@nestjs-asynq/core';
import { expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { quiet } from '../support/quiet.js';
import { startCluster } from '../support/redis-server.js';
import { SlotMove } from '../support/slot-move.js';

const HOUR_MS = 3_600_000;

it('continues with a queue whose slot moves to another node: a call in between waits, no task is lost', async () => {
  await using cluster = await startCluster();
  const [queue] = (await cluster.queuePerNode('moved')) as [string];
  const connection = { cluster: cluster.addresses };
  await using client = new Client({ connection });
  await using inspector = new Inspector({ connection });
  const handled = new Set<unknown>();
  const conditions = new Conditions();
  await using server = new Server({ connection, queues: { [queue]: 1 }, logger: quiet().logger });
  const later = Array.from({ length: 20 }, (_, n) => ({
    type: 'later',
    payload: n,
    options: { queue, processIn: HOUR_MS },
  }));
  await client.enqueueMany(later);

  using move = await SlotMove.begin(cluster.nodes, queue, { from: cluster.nodes[0]!, to: cluster.nodes[1]! });
  await move.moveKeys(10);
  const between = client.enqueue('task', 'between', { queue });
  await move.refused(); // by `between`: the server comes after it
  const started = server.start((payload) => {
    handled.add(payload);
    conditions.check();
  });
  await move.finish();
  await started;
  await between;
  await client.enqueue('task', 'after', { queue });
  await conditions.until(() => handled.has('between') && handled.has('after'));

  expect((await inspector.clusterNodes(queue)).map(({ address }) => address)).toEqual([
    `127.0.0.1:${cluster.nodes[1]!.port}`,
  ]);
  expect(await inspector.queueInfo(queue)).toMatchObject({ scheduled: 20, pending: 0, retry: 0, archived: 0 });
});
