import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

type Entry = Parameters<TestQueue['broker']['writePlan']>[1][number];

const TTL_S = 20;

const newSchedulerId = (): string => `test-host:42:${randomUUID()}`;

const entry = (spec: string): Entry => ({
  id: randomUUID(),
  spec,
  taskType: 'report:build',
  taskPayload: Uint8Array.of(123, 125),
  enqueueOptions: ['Queue("low")', 'MaxRetry(3)'],
  nextEnqueueAtMs: 1_700_000_000_000,
  prevEnqueueAtMs: undefined,
});

/** The contract of every broker for the plans of schedulers. */
export function describePlanning(backend: string, openQueue: () => TestQueue): void {
  describe(`planning on ${backend}`, () => {
    it('shows the entries in their order, and only the latest', async () => {
      await using q = openQueue();
      const id = newSchedulerId();
      const entries = [entry('@every 1m'), entry('@daily')];

      await q.broker.writePlan(id, [entry('@hourly')], TTL_S);
      await q.broker.writePlan(id, entries, TTL_S);

      expect(await q.plan(id)).toEqual(entries);
    });

    it('clears them', async () => {
      await using q = openQueue();
      const id = newSchedulerId();
      await q.broker.writePlan(id, [entry('@every 1m')], TTL_S);

      await q.broker.clearPlan(id);

      expect(await q.plan(id)).toEqual([]);
    });

    it('keeps the newest thousand events of an entry, until they are cleared', async () => {
      await using q = openQueue();
      const entryId = randomUUID();
      const startNs = q.clock.nowNs();
      const events = Array.from({ length: 1_003 }, (_, n) => ({
        taskId: `task-${n}`,
        enqueuedAtNs: startNs + BigInt(n) * 1_000_000_000n,
      }));

      await Promise.all(events.map((event) => q.broker.recordEnqueueEvent(entryId, event)));
      const kept = await q.history(entryId);
      await q.broker.clearHistory(entryId);

      expect(kept).toEqual(events.slice(-1000));
      expect(await q.history(entryId)).toEqual([]);
    });
  });
}
