import { Client, Inspector, Server, silentLogger } from '@nestjs-asynq/core';
import { expect, it } from 'vitest';
import { sleep } from '../support/load.js';
import { startReplicaOf, startRedis } from '../support/redis-server.js';
import { startSentinel } from '../support/sentinel.js';

const PERIOD_MS = 10;

it('loses no task, and continues soon after the failover, when the master of sentinels freezes', async () => {
  await using master = await startRedis();
  await using first = await startReplicaOf(master); // one takes over, the other confirms its writes
  await using second = await startReplicaOf(master);
  await using sentinel = await startSentinel(master, 'guard', { downAfterMs: 1_000 });
  const url = `redis-sentinel://:guard@127.0.0.1:${sentinel.port}?master=main`;
  await using client = new Client({ connection: { url, waitForReplicas: 1 }, logger: silentLogger });
  await using server = new Server({ connection: { url }, logger: silentLogger });
  await using inspector = new Inspector({ connection: { url }, logger: silentLogger });
  const acknowledged = new Set<string>();
  const run = new Set<string>();
  await server.start((_payload, { id }) => void run.add(id));
  const loaded = new AbortController();
  let count = 0;
  const calls = new Set<Promise<void>>();
  const enqueue = async (): Promise<void> => {
    const id = `task-${count++}`;
    await client.enqueue('load', {}, { taskId: id }).then(
      () => acknowledged.add(id),
      () => undefined, // not acknowledged: may be lost
    );
  };
  const load = (async () => {
    for (; !loaded.signal.aborted; await sleep(PERIOD_MS)) {
      const call = enqueue().finally(() => calls.delete(call));
      calls.add(call);
    }
  })();
  while (acknowledged.size < 20) await sleep(PERIOD_MS);

  await Promise.all([sentinel.logged('+switch-master'), master.freeze()]);
  const failoverAtMs = performance.now();
  const before = acknowledged.size;
  while (acknowledged.size < before + 10) await sleep(PERIOD_MS);
  const recoveredMs = performance.now() - failoverAtMs;
  await master.thaw(); // it considers itself the master until the sentinel demotes it
  await sentinel.logged('+convert-to-slave');
  const after = acknowledged.size;
  while (acknowledged.size < after + 10) await sleep(PERIOD_MS);
  loaded.abort();
  await load;
  await Promise.all(calls);
  while ([...acknowledged].some((id) => !run.has(id)) && (await inspector.queueInfo('default')).size > 0)
    await sleep(50);

  const lost = [...acknowledged].filter((id) => !run.has(id));
  console.info(
    `${acknowledged.size} acknowledged, ${lost.length} lost, back ${Math.round(recoveredMs)} ms after the failover`,
  );
  expect(lost).toEqual([]);
  await Promise.all([first.stop(), second.stop()]);
});

it('loses no acknowledged task when the master dies before its replicas have caught up', async () => {
  await using master = await startRedis();
  await using first = await startReplicaOf(master); // either of them may take over
  await using second = await startReplicaOf(master);
  await using sentinel = await startSentinel(master, 'guard', { downAfterMs: 1_000 });
  const connection = { url: `redis-sentinel://:guard@127.0.0.1:${sentinel.port}?master=main`, waitForReplicas: 2 };
  await using client = new Client({ connection, logger: silentLogger });
  await using inspector = new Inspector({ connection, logger: silentLogger });
  const filling = 'x'.repeat(200_000); // more than the buffers of the network hold
  const acknowledged: string[] = [];
  const enqueue = (id: string): Promise<void> =>
    client.enqueue('load', { filling }, { taskId: id }).then(
      () => void acknowledged.push(id),
      () => undefined,
    );
  await Promise.all(Array.from({ length: 50 }, (_, i) => enqueue(`before-${i}`)));

  await Promise.all([first.freeze(), second.freeze()]);
  const calls = [];
  for (let i = 0; i < 100; i++) {
    calls.push(enqueue(`ahead-${i}`));
    await sleep(PERIOD_MS);
  }
  await master.kill();
  await Promise.all([sentinel.logged('+switch-master'), first.thaw(), second.thaw()]);
  await Promise.all(calls);

  const found = await Promise.all(
    acknowledged.map((id) =>
      inspector.taskInfo('default', id).then(
        () => true,
        () => false,
      ),
    ),
  );
  const lost = found.filter((isFound) => !isFound).length;
  console.info(`${acknowledged.length} acknowledged, ${lost} lost`);
  expect(acknowledged.length).toBeGreaterThanOrEqual(50);
  expect(lost).toBe(0);
});
