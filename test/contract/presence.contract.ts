import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

type PresenceArgs = Parameters<TestQueue['broker']['writePresence']>;

const TTL_S = 10;

const serverOf = (q: TestQueue): PresenceArgs[0] => ({
  host: 'test-host',
  pid: 42,
  serverId: randomUUID(),
  concurrency: 10,
  queues: { [q.name]: 3 },
  strictPriority: false,
  status: 'active',
  startedAtMs: q.clock.nowMs(),
  activeWorkerCount: 1,
});

const workerOf = (server: PresenceArgs[0], q: TestQueue, taskId: string): PresenceArgs[1][number] => ({
  host: server.host,
  pid: server.pid,
  serverId: server.serverId,
  taskId,
  taskType: 'test:task',
  taskPayload: Buffer.from('{}'),
  queue: q.name,
  startedAtMs: q.clock.nowMs(),
  deadlineMs: q.clock.nowMs() + 60_000,
});

/** The contract of every broker for the presence of servers. */
export function describePresence(backend: string, openQueue: () => TestQueue): void {
  describe(`presence on ${backend}`, () => {
    it('shows a server with the tasks it runs now', async () => {
      await using q = openQueue();
      const server = serverOf(q);
      await q.broker.writePresence(server, [workerOf(server, q, 'ended'), workerOf(server, q, 'running')], TTL_S);

      await q.broker.writePresence(server, [workerOf(server, q, 'running')], TTL_S);

      const shown = await q.presence(server);
      expect(shown?.server).toEqual(server);
      expect(Object.keys(shown!.workers)).toEqual(['running']);
      expect(shown?.workers['running']).toMatchObject({
        taskType: 'test:task',
        queue: q.name,
        startedAtMs: q.clock.nowMs(),
      });
    });

    it('shows no task of a server that became idle, and the next one when it is busy again', async () => {
      await using q = openQueue();
      const server = serverOf(q);
      const beat = (...ids: string[]) =>
        q.broker.writePresence(
          server,
          ids.map((id) => workerOf(server, q, id)),
          TTL_S,
        );
      const seen: string[][] = [];

      for (const ids of [[], ['one'], [], [], ['two']]) {
        await beat(...ids);
        seen.push(Object.keys((await q.presence(server))!.workers));
      }

      expect(seen).toEqual([[], ['one'], [], [], ['two']]);
    });

    it('writes only the changes since the last heartbeat, and everything when the keys have expired', async () => {
      await using q = openQueue();
      const server = serverOf(q);
      const worker = (id: string, size: number, startedAtMs = 7) => ({
        ...workerOf(server, q, id),
        taskPayload: new Uint8Array(size),
        startedAtMs,
      });
      const beat = async (...workers: ReturnType<typeof worker>[]) => {
        await q.broker.writePresence(server, workers, TTL_S);
        const { workers: shown } = (await q.presence(server))!;
        return Object.fromEntries(
          Object.entries(shown).map(([id, one]) => [id, [one.taskPayload.length, one.startedAtMs]]),
        );
      };
      const large = Array.from({ length: 40 }, (_, i) => worker(`large-${i}`, 65_537));

      const first = await beat(...large, worker('again', 1), worker('ends', 1));
      const second = await beat(...large, worker('again', 2, 8), worker('new', 3));
      await q.broker.clearPresence(server);
      const anew = await beat(worker('new', 3));

      expect(Object.keys(first)).toHaveLength(42);
      expect(Object.keys(second)).toHaveLength(42);
      expect(second).toMatchObject({ again: [2, 8], new: [3, 7], 'large-39': [65_537, 7] });
      expect(anew).toEqual({ new: [3, 7] });
    });

    it('shows nothing after a server has deregistered', async () => {
      await using q = openQueue();
      const server = serverOf(q);
      await q.broker.writePresence(server, [workerOf(server, q, 'running')], TTL_S);

      await q.broker.clearPresence(server);

      expect(await q.presence(server)).toBeUndefined();
    });
  });
}
