import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

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

/** The contract of every broker for showing servers and schedulers. */
export function describeFleet(backend: string, openQueue: () => TestQueue): void {
  describe(`the fleet on ${backend}`, () => {
    it('shows servers with the tasks they run, until they expire', async () => {
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

    it('shows the plans of schedulers until they expire, and the history of an entry, newest first', async () => {
      await using q = openQueue();
      const entry = {
        id: randomUUID(),
        spec: '@every 1m',
        taskType: 'report',
        taskPayload: Uint8Array.from([1, 2]),
        enqueueOptions: [`Queue("${q.name}")`],
        nextEnqueueAtMs: q.clock.nowMs() + 60_000,
        prevEnqueueAtMs: undefined,
      };
      const events = [1, 2, 3].map((n) => ({ taskId: `t${n}`, enqueuedAtNs: q.clock.nowNs() + BigInt(n) * 10n ** 9n }));
      await q.broker.writePlan(`host:1:${randomUUID()}`, [entry], 10);
      for (const event of events) await q.broker.recordEnqueueEvent(entry.id, event);
      const shown = async () => (await q.broker.schedulerEntries()).filter(({ id }) => id === entry.id);

      expect(await shown()).toEqual([entry]);
      expect(await q.broker.schedulerEvents(entry.id, 0, 2)).toEqual([events[2], events[1]]);
      expect(await q.broker.schedulerEvents(entry.id, 2, 2)).toEqual([events[0]]);
      await q.clock.advance('11s');
      expect(await shown()).toEqual([]);
      await q.broker.clearHistory(entry.id);
      expect(await q.broker.schedulerEvents(entry.id, 0, 2)).toEqual([]);
    });

    it('returns the cluster slot of a queue, and in a cluster the nodes that hold it', async () => {
      await using q = openQueue();

      const slot = await q.broker.clusterSlot(q.name);
      const nodes = await q.broker.clusterNodes(q.name);

      expect(slot).toBeGreaterThanOrEqual(0);
      expect(slot).toBeLessThan(16_384);
      if (q.broker.kind === 'redis cluster')
        expect(nodes[0]).toMatchObject({ address: expect.stringMatching(/:\d+$/) });
      else expect(nodes).toEqual([]);
    });

    it('returns what each server of Redis reports about itself', async () => {
      await using q = openQueue();

      const nodes = await q.broker.storeNodes();

      const isMemory = q.broker.kind === 'memory';
      expect(nodes.map(({ error }) => error)).toEqual(nodes.map(() => undefined));
      expect(nodes.map(({ info }) => info['role'])).toEqual(nodes.map(() => expect.stringMatching(/^(master|slave)$/)));
      expect(new Set(nodes.map(({ address }) => address)).size).toBe(nodes.length);
      if (isMemory) expect(nodes).toEqual([]);
      else expect(nodes.length).toBeGreaterThanOrEqual(q.broker.kind === 'redis cluster' ? 3 : 1);
    });
  });
}
