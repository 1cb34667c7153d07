import { Client, Server, ServeMux, silentLogger } from '@nestjs-asynq/core';
import { expect, it, vi } from 'vitest';
import { type GoHandled, GoPeer, hasGoPeer } from '../support/go-peer.js';
import { startRedis } from '../support/redis-server.js';

const QUEUES = { shared: 1 };
const TASKS = 20;
/** Go finds its tasks in the queue although each of these has looked at them, too. */
const SERVERS = 12;

it.skipIf(!hasGoPeer)('leaves tasks that only Go knows to Go, beside a fleet of ours', async () => {
  await using redis = await startRedis();
  await using go = new GoPeer(redis);
  const connection = { url: redis.url };
  await using client = new Client({ connection, defaults: { queue: 'shared' } });
  const handled = new Set<string>();
  const serve = async (): Promise<Server> => {
    // A task that is put back would not be seen again during this test.
    const options = { concurrency: 5, unknownTypeDelay: '1h', logger: silentLogger } as const;
    const server = new Server({ connection, queues: QUEUES, ...options });
    await server.start(new ServeMux().handle('ours', (_, { id }) => void handled.add(id)));
    return server;
  };
  const servers = await Promise.all(Array.from({ length: SERVERS }, serve));
  await go.serve({ queues: QUEUES, concurrency: 5 });

  /** Go fails a task of ours that it takes, and puts it back: it calls no type unknown. */
  const byGo = (): readonly GoHandled[] => go.handled.filter(({ type }) => type === 'go:succeed');
  for (let n = 0; n < TASKS; n++) await client.enqueueMany([{ type: 'go:succeed' }, { type: 'ours' }]);
  await go.until(() => byGo().length === TASKS); // never, if one was put back before Go found it
  await vi.waitFor(() => expect(handled.size).toBe(TASKS), { timeout: 10_000 });
  await Promise.all(servers.map((server) => server.shutdown()));

  expect(byGo().map(({ retried }) => retried)).toEqual(Array(TASKS).fill(0));
});
