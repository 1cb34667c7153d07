import { randomUUID } from 'node:crypto';
import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';

/** What every broker promises about the names of queues. */
export function describeAnnouncement(backend: string, openQueue: () => TestQueue): void {
  describe(`announcement on ${backend}`, () => {
    // In a cluster the name lies on another node than the task: a queue that was announced a moment ago is not waited for.
    const isAnnounced = (q: TestQueue) => expect.poll(() => q.broker.hasQueue(q.name)).toBe(true);

    it.each(['removeQueue', 'purgeQueue'] as const)(
      'names a queue again when a task comes right after it was removed: %s',
      async (remove) => {
        await using q = openQueue();
        await q.broker.enqueue([{ message: q.message('a') }]);
        await q.broker.moveTasks(q.name, { state: 'pending' }, ['a'], 'deleted');
        await q.broker[remove](q.name);
        expect(await q.broker.hasQueue(q.name)).toBe(false);

        await q.broker.enqueue([{ message: q.message('b') }]);

        await isAnnounced(q);
      },
    );

    it('names the queues that a server serves, at each sign of life', async () => {
      await using q = openQueue();
      const server = {
        host: 'test-host',
        pid: 42,
        serverId: randomUUID(),
        concurrency: 10,
        queues: { [q.name]: 3 },
        strictPriority: false,
        status: 'active',
        startedAtMs: q.clock.nowMs(),
        activeWorkerCount: 0,
      } as const;

      await q.broker.writePresence(server, [], 10);
      const atStart = await q.broker.queueNames();
      await q.broker.removeQueue(q.name);
      const removed = await q.broker.hasQueue(q.name);
      await q.broker.writePresence(server, [], 10);

      expect([atStart.includes(q.name), removed, await q.broker.hasQueue(q.name)]).toEqual([true, false, true]);
    });
  });
}
