import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

/** The contract of every broker for results and progress. */
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

    it('keeps the backoff of a task, through a retry, for servers and inspectors', async () => {
      await using q = openQueue();
      const backoff = 'exponential 1000 60000 0.5';
      const read = async (): Promise<unknown> => [
        await q.broker.readBackoff(q.name, 'mine'),
        await q.broker.readBackoff(q.name, 'other'),
      ];

      const nowMs = q.clock.nowMs();
      const statuses = await q.broker.enqueue([
        { message: q.message('mine'), backoff },
        { message: q.message('other') },
        { message: q.message('later'), backoff: 'fixed 5 5 0', processAtMs: nowMs + 60_000 },
        {
          message: q.message('locked', { uniqueKey: `asynq:{${q.name}}:unique:x:1` }),
          backoff: 'fixed 6 6 0',
          uniqueTtlS: 60,
        },
      ]);
      const before = await read();
      const { tasks } = await q.broker.fetch(q.name, 1, 30_000);
      const claim = { id: 'mine', expiriesS: [tasks[0]!.leaseExpiresAtS] };
      const outcome = { kind: 'retry', retryAtMs: nowMs + 5_000, error: 'boom', isFailure: true } as const;
      await q.broker.settle(q.name, [{ message: tasks[0]!.message, claim, outcome }]);

      expect(statuses.map(({ status }) => status)).toEqual(['pending', 'pending', 'scheduled', 'pending']);
      expect([before, await read()]).toEqual([
        [backoff, undefined],
        [backoff, undefined],
      ]);
      expect(await q.broker.findTask(q.name, 'mine')).toMatchObject({
        state: 'retry',
        backoff: { kind: 'exponential', delayMs: 1_000, maxMs: 60_000, jitter: 0.5 },
      });
      expect(await q.broker.readBackoff(q.name, 'later')).toBe('fixed 5 5 0');
      expect(await q.broker.readBackoff(q.name, 'locked')).toBe('fixed 6 6 0');
      expect(await q.broker.readBackoff(q.name, 'missing')).toBeUndefined();
    });

    it('keeps the progress of a running task; the last report wins, and stays after success', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'], messages: { mine: { retentionS: 60n } } });
      const claim = q.claim('mine');
      const message = q.message('mine', { retentionS: 60n });
      const atMs = q.clock.nowMs();

      await q.broker.writeProgress(message, claim, { share: 0.1, note: 'begun', atMs: atMs - 5 });
      const isWritten = await q.broker.writeProgress(message, claim, { share: 0.4, atMs });
      const running = await q.broker.findTask(q.name, 'mine');
      await q.broker.settle(q.name, [{ message, claim, outcome: { kind: 'complete' } }]);

      expect(isWritten).toBe(true);
      const progress = { share: 0.4, atMs };
      expect(running).toMatchObject({ state: 'active', progress });
      expect(await q.broker.findTask(q.name, 'mine')).toMatchObject({ state: 'completed', progress });
    });

    it.each([
      ['was retried', { kind: 'retry', retryAtMs: 0, error: 'boom', isFailure: true }],
      ['was retried uncounted', { kind: 'retry', retryAtMs: 0, error: 'boom', isFailure: false }],
      ['was requeued', { kind: 'requeue' }],
    ] as const)('shows no progress of an earlier attempt, when that %s', async (_, outcome) => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      const message = q.message('mine');
      await q.broker.writeProgress(message, q.claim('mine'), { share: 0.4, atMs: 1 });

      await q.broker.settle(q.name, [{ message, claim: q.claim('mine'), outcome }]);
      const between = await q.broker.findTask(q.name, 'mine');
      await q.broker.forwardDue(q.name, 10);
      await q.broker.fetch(q.name, 1, 30_000);

      expect(between!.progress).toBeUndefined();
      expect(await q.broker.findTask(q.name, 'mine')).toMatchObject({ state: 'active', progress: undefined });
    });

    it('keeps no progress once another server has the lease', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      await q.reclaimLease('mine');
      const before = await q.dump();

      const isWritten = await q.broker.writeProgress(q.message('mine'), q.claim('mine'), { share: 1, atMs: 1 });

      expect(isWritten).toBe(false);
      expect(await q.dump()).toEqual(before);
    });

    it('stores a result in the call that completes the task', async () => {
      await using q = openQueue();
      await q.seed({ active: ['written', 'returned', 'empty'] });
      await q.broker.writeResult(q.name, q.claim('written'), Buffer.from('before'));
      const result = Uint8Array.from([0, 255]);
      const end = (id: string, rest: { result?: Uint8Array }) => ({
        message: q.message(id),
        claim: q.claim(id),
        outcome: { kind: 'complete' as const, ...rest },
      });

      await q.broker.settle(q.name, [
        end('written', {}),
        end('returned', { result }),
        end('empty', { result: new Uint8Array() }),
      ]);

      const { tasks } = await q.dump();
      expect(Object.fromEntries(Object.entries(tasks).map(([id, task]) => [id, task.result]))).toEqual({
        written: Uint8Array.from(Buffer.from('before')),
        returned: result,
        empty: new Uint8Array(),
      });
    });

    it('leaves no trace of a deleted task', async () => {
      await using q = openQueue();
      const before = await q.dump();

      const isWritten = await q.broker.writeResult(q.name, { id: 'gone', expiriesS: [1] }, Buffer.from('late'));

      expect(isWritten).toBe(false);
      expect(await q.dump()).toEqual(before);
    });
  });
}
