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
