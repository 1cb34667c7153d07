import { randomUUID } from 'node:crypto';
import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';

type PresenceArgs = Parameters<TestQueue['broker']['writePresence']>;

const serverOf = (q: TestQueue): PresenceArgs[0] => ({
  host: 'test-host',
  pid: 42,
  serverId: randomUUID(),
  concurrency: 10,
  queues: { [q.name]: 3 },
  strictPriority: true,
  status: 'active',
  startedAtMs: q.clock.nowMs(),
  activeWorkerCount: 1,
});

const workerOf = (server: PresenceArgs[0], q: TestQueue): PresenceArgs[1][number] => ({
  host: server.host,
  pid: server.pid,
  serverId: server.serverId,
  taskId: 'running',
  taskType: 'test:task',
  taskPayload: Uint8Array.from([1, 2]),
  queue: q.name,
  startedAtMs: q.clock.nowMs(),
  deadlineMs: q.clock.nowMs() + 60_000,
});

/** What every broker promises about showing who is at work. */
export function describeFleet(backend: string, openQueue: () => TestQueue): void {
  describe(`the fleet on ${backend}`, () => {
    it('shows servers with the tasks they run, until their time is up', async () => {
      await using q = openQueue();
      const [busy, idle] = [serverOf(q), serverOf(q)];
      const worker = workerOf(busy, q);
      await q.broker.writePresence(busy, [worker], 10);
      await q.broker.writePresence(idle, [], 5);
      const shown = async () => {
        const all = await q.broker.shownServers();
        return all.filter(({ server }) => [busy.serverId, idle.serverId].includes(server.serverId));
      };

      const both = await shown();
      await q.clock.advance('6s');
      const one = await shown();

      expect(both.find(({ server }) => server.serverId === idle.serverId)).toEqual({ server: idle, workers: [] });
      expect(one).toEqual([{ server: busy, workers: [worker] }]);
    });

    it('tells the cluster slot of a queue, and in a cluster the nodes that hold it', async () => {
      await using q = openQueue();

      const slot = await q.broker.clusterSlot(q.name);
      const nodes = await q.broker.clusterNodes(q.name);

      expect(slot).toBeGreaterThanOrEqual(0);
      expect(slot).toBeLessThan(16_384);
      if (q.broker.kind === 'redis cluster')
        expect(nodes[0]).toMatchObject({ address: expect.stringMatching(/:\d+$/) });
      else expect(nodes).toEqual([]);
    });
  });
}
