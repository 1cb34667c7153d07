import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';

/** The contract of every broker for cancel signals. */
export function describeCanceling(backend: string, openQueue: () => TestQueue): void {
  describe(`canceling on ${backend}`, () => {
    it('passes the id to every listener until it unsubscribes', async () => {
      await using q = openQueue();
      const [one, other, gone] = [new CallRecorder<string>(), new CallRecorder<string>(), new CallRecorder<string>()];
      // The channel is global: other tests may publish, too.
      const mine = (recorder: CallRecorder<string>) => (id: string) => {
        if (id.startsWith(q.name)) recorder.listener(id);
      };
      await q.broker.onCancel(mine(one));
      await q.broker.onCancel(mine(other));
      const stop = await q.broker.onCancel(mine(gone));
      await q.broker.publishCancel(`${q.name}-1`);
      await Promise.all([one.times(1), other.times(1), gone.times(1)]);

      await stop();
      await q.broker.publishCancel(`${q.name}-2 😀`);
      await Promise.all([one.times(2), other.times(2)]);

      expect(one.calls).toEqual([`${q.name}-1`, `${q.name}-2 😀`]);
      expect(other.calls).toEqual(one.calls);
      expect(gone.calls).toEqual([`${q.name}-1`]);
    });
  });
}
