import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

/** The contract of every broker for the names of queues. */
export function describeAnnouncement(backend: string, openQueue: () => TestQueue): void {
  describe(`announcement on ${backend}`, () => {
    // In a cluster the name is on another node than the task: enqueueing does not wait for a queue that was just
    // announced.
    const isAnnounced = (q: TestQueue) => expect.poll(() => q.broker.hasQueue(q.name)).toBe(true);

    it.each(['removeQueue', 'purgeQueue'] as const)(
      'names a queue again when a task is enqueued right after its removal: %s',
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

    it('names the queue of a leader when it begins to lead, and again while it leads', async () => {
      await using q = openQueue();
      const serverId = randomUUID();

      await q.broker.takeDuty(q.name, 'leader', serverId, 10_000);
      await isAnnounced(q);
      await q.broker.removeQueue(q.name);
      const removed = await q.broker.hasQueue(q.name);
      await q.clock.advance('5s');
      await q.broker.keepDuty(q.name, 'leader', serverId, 10_000);

      await isAnnounced(q);
      expect(removed).toBe(false);
    });
  });
}
