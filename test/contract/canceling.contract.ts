import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import { Hearing } from './hearing.js';

/** What every broker promises about asking servers to cancel a task. */
export function describeCanceling(backend: string, openQueue: () => TestQueue): void {
  describe(`canceling on ${backend}`, () => {
    it('tells every listener the id, and nobody else after it stopped listening', async () => {
      await using q = openQueue();
      const [one, other, gone] = [new Hearing<string>(), new Hearing<string>(), new Hearing<string>()];
      // The channel is everybody's: tests beside this one may publish, too.
      const mine = (ears: Hearing<string>) => (id: string) => {
        if (id.startsWith(q.name)) ears.listener(id);
      };
      await q.broker.onCancel(mine(one));
      await q.broker.onCancel(mine(other));
      const stop = await q.broker.onCancel(mine(gone));
      await q.broker.publishCancel(`${q.name}-1`);
      await Promise.all([one.times(1), other.times(1), gone.times(1)]);

      await stop();
      await q.broker.publishCancel(`${q.name}-2 😀`);
      await Promise.all([one.times(2), other.times(2)]);

      expect(one.heard).toEqual([`${q.name}-1`, `${q.name}-2 😀`]);
      expect(other.heard).toEqual(one.heard);
      expect(gone.heard).toEqual([`${q.name}-1`]);
    });
  });
}
