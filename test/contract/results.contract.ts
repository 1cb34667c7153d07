import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';

/** What every broker promises about results that handlers write. */
export function describeResults(backend: string, openQueue: () => TestQueue): void {
  describe(`results on ${backend}`, () => {
    it('stores bytes with the running task; the last write wins', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      const before = await q.dump();
      const result = Uint8Array.from([0, 255, 128]);

      await q.broker.writeResult(q.name, q.claim('mine'), Buffer.from('first'));
      const isWritten = await q.broker.writeResult(q.name, q.claim('mine'), result);

      expect(isWritten).toBe(true);
      expect(await q.dump()).toEqual({ ...before, tasks: { mine: { ...before.tasks['mine'], result } } });
    });

    it('writes nothing once another server has the lease', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      await q.reclaimLease('mine');
      const before = await q.dump();

      expect(await q.broker.writeResult(q.name, q.claim('mine'), Buffer.from('late'))).toBe(false);

      expect(await q.dump()).toEqual(before);
    });

    it('leaves no trace of a task that is gone', async () => {
      await using q = openQueue();
      const before = await q.dump();

      const isWritten = await q.broker.writeResult(q.name, { id: 'gone', expiriesS: [1] }, Buffer.from('late'));

      expect(isWritten).toBe(false);
      expect(await q.dump()).toEqual(before);
    });
  });
}
