import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

const LONG_MS = 60_000;
const SHORT_MS = 20;

/** The contract of every broker for the duties of servers. */
export function describeDuties(backend: string, openQueue: () => TestQueue): void {
  describe(`duties on ${backend}`, () => {
    it('gives a duty to one server at a time', async () => {
      await using q = openQueue();

      const taken = [
        await q.broker.takeDuty(q.name, 'leader', 'one', LONG_MS),
        await q.broker.takeDuty(q.name, 'leader', 'other', LONG_MS),
        await q.broker.takeDuty(q.name, 'standby', 'other', LONG_MS),
      ];

      expect(taken).toEqual([true, false, true]);
    });

    it('takes a duty once: its holder extends it instead', async () => {
      await using q = openQueue();
      await q.broker.takeDuty(q.name, 'leader', 'one', LONG_MS);

      expect(await q.broker.takeDuty(q.name, 'leader', 'one', LONG_MS)).toBe(false);
      expect(await q.broker.keepDuty(q.name, 'leader', 'one', LONG_MS)).toBe(true);
    });

    it('keeps duties of two queues apart', async () => {
      await using q = openQueue();
      await using other = openQueue();
      await q.broker.takeDuty(q.name, 'leader', 'one', LONG_MS);

      expect(await q.broker.takeDuty(other.name, 'leader', 'other', LONG_MS)).toBe(true);
      await q.broker.dropDuty(other.name, 'leader', 'other');
    });

    it('extends a duty for its holder, and reports to another server that it lost the duty', async () => {
      await using q = openQueue();
      await q.broker.takeDuty(q.name, 'leader', 'one', LONG_MS);

      expect(await q.broker.keepDuty(q.name, 'leader', 'one', LONG_MS)).toBe(true);
      expect(await q.broker.keepDuty(q.name, 'leader', 'other', LONG_MS)).toBe(false);
      expect(await q.broker.keepDuty(q.name, 'standby', 'one', LONG_MS)).toBe(false);
    });

    it('lets another server take a duty that its holder released, and no other', async () => {
      await using q = openQueue();
      await q.broker.takeDuty(q.name, 'leader', 'one', LONG_MS);

      await q.broker.dropDuty(q.name, 'leader', 'other');
      expect(await q.broker.takeDuty(q.name, 'leader', 'other', LONG_MS)).toBe(false);

      await q.broker.dropDuty(q.name, 'leader', 'one');
      expect(await q.broker.takeDuty(q.name, 'leader', 'other', LONG_MS)).toBe(true);
    });

    it('lets another server take a duty whose lease has expired', async () => {
      await using q = openQueue();
      await q.broker.takeDuty(q.name, 'leader', 'one', SHORT_MS);

      await q.clock.advance(SHORT_MS); // Redis has a clock of its own, hence the poll

      await expect.poll(() => q.broker.takeDuty(q.name, 'leader', 'other', LONG_MS), { interval: 5 }).toBe(true);
      expect(await q.broker.keepDuty(q.name, 'leader', 'one', LONG_MS)).toBe(false);
    });
  });
}
