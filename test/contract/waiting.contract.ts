import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';

type Outcome = Parameters<TestQueue['broker']['settle']>[1][number]['outcome'];

/** The contract of every broker for waiting for tasks. */
export function describeWaiting(backend: string, openQueue: () => TestQueue): void {
  describe(`waiting on ${backend}`, () => {
    const settle = (q: TestQueue, id: string, outcome: Outcome) =>
      q.broker.settle(q.name, [{ message: q.message(id), claim: q.claim(id), outcome }]);
    /** Records `"<id> <ending>"`. */
    const record = async (q: TestQueue): Promise<CallRecorder<string>> => {
      const recorder = new CallRecorder<string>();
      await q.broker.onTaskEnded(q.name, (id, ending) => recorder.listener(`${id} ${ending}`));
      return recorder;
    };

    it('returns the state of a task, and changes nothing visible', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p'], active: ['a'], archived: { x: '1h' } });
      const before = await q.dump();

      const states = await Promise.all(['p', 'a', 'x', 'gone'].map((id) => q.broker.awaitTask(q.name, id)));

      expect(states).toEqual(['pending', 'active', 'archived', undefined]);
      expect(await q.dump()).toEqual(before);
    });

    it.each<[Outcome, string]>([
      [{ kind: 'done' }, 'deleted'],
      [{ kind: 'complete' }, 'completed'],
      [{ kind: 'archive', error: 'boom' }, 'archived'],
    ])('notifies of the end of an awaited task: %o', async (outcome, ending) => {
      await using q = openQueue();
      await q.seed({ active: ['asked for 😀', 'other'] });
      const recorder = await record(q);
      await q.broker.awaitTask(q.name, 'asked for 😀');

      await settle(q, 'other', outcome);
      await settle(q, 'asked for 😀', outcome);
      await recorder.times(1);

      expect(recorder.calls).toEqual([`asked for 😀 ${ending}`]);
    });

    it('does not notify of an attempt that leaves the task unfinished', async () => {
      await using q = openQueue();
      await q.seed({ active: ['again', 'back', 'done'] });
      const recorder = await record(q);
      for (const id of ['again', 'back', 'done']) await q.broker.awaitTask(q.name, id);

      await settle(q, 'again', { kind: 'retry', retryAtMs: q.clock.nowMs(), error: 'boom', isFailure: true });
      await settle(q, 'back', { kind: 'requeue' });
      await settle(q, 'done', { kind: 'done' });
      await recorder.times(1);

      expect(recorder.calls).toEqual(['done deleted']);
    });

    it('records the end of an awaited task, for clients that missed the message', async () => {
      await using q = openQueue();
      await q.seed({ active: ['asked for', 'other', 'finished'] });
      for (const id of ['asked for', 'finished']) await q.broker.awaitTask(q.name, id);

      await settle(q, 'asked for', { kind: 'done' });
      await settle(q, 'other', { kind: 'done' });
      await settle(q, 'finished', { kind: 'complete' });
      const ask = (id: string) => q.broker.awaitTask(q.name, id);

      expect([await ask('asked for'), await ask('asked for')]).toEqual(['deleted', 'deleted']);
      expect(await ask('other')).toBeUndefined();
      expect(await ask('finished')).toBe('completed');
      await q.clock.advance('31s');
      expect(await ask('asked for')).toBeUndefined();
    });

    it('recognizes a new task with the same id', async () => {
      await using q = openQueue();
      await q.seed({ active: ['again'] });
      await q.broker.awaitTask(q.name, 'again');
      await settle(q, 'again', { kind: 'done' });

      await q.broker.enqueue([{ message: q.message('again') }]);

      expect(await q.broker.awaitTask(q.name, 'again')).toBe('pending');
    });

    it('notifies every listener until it unsubscribes', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      const [one, other, gone] = [await record(q), await record(q), new CallRecorder<string>()];
      const stop = await q.broker.onTaskEnded(q.name, gone.listener);
      await stop();
      await q.broker.awaitTask(q.name, 'mine');

      await settle(q, 'mine', { kind: 'done' });
      await Promise.all([one.times(1), other.times(1)]);

      expect([one.calls, other.calls, gone.calls]).toEqual([['mine deleted'], ['mine deleted'], []]);
    });

    it('forgets the request after half a minute', async () => {
      await using q = openQueue();
      await q.seed({ active: ['old', 'new'] });
      const recorder = await record(q);
      await q.broker.awaitTask(q.name, 'old');
      await q.clock.advance('31s');
      await q.broker.awaitTask(q.name, 'new');

      await settle(q, 'old', { kind: 'done' });
      await settle(q, 'new', { kind: 'done' });
      await recorder.times(1);

      expect(recorder.calls).toEqual(['new deleted']);
    });

    it.each([
      ['archived', ['p archived', 's archived', 'g archived']],
      ['deleted', ['p removed', 's removed', 'g removed']],
    ] as const)('notifies when an inspector has %s a task, whatever else is in the batch', async (to, told) => {
      await using q = openQueue();
      await q.seed({ pending: ['p', 'other'], scheduled: { s: '1h' } });
      await q.broker.enqueue([{ message: q.message('g', { groupKey: 'digest' }) }]);
      const recorder = await record(q);
      for (const id of ['p', 's', 'g']) await q.broker.awaitTask(q.name, id);

      await q.broker.moveTasks(q.name, { state: 'pending' }, ['other', 'p', 's'], to);
      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['s', 'p'], to);
      await q.broker.moveTasks(q.name, { state: 'aggregating', group: 'digest' }, ['g'], to);
      await recorder.times(3);

      expect(recorder.calls).toEqual(told);
    });

    it('does not notify of a task that an inspector runs', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { s: '1h', other: '1h' }, pending: ['p'] });
      const recorder = await record(q);
      for (const id of ['s', 'p', 'other']) await q.broker.awaitTask(q.name, id);

      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['s'], 'pending');
      await q.broker.moveTasks(q.name, { state: 'pending' }, ['p'], 'pendingHead');
      await q.broker.reschedule(q.name, { state: 'pending' }, 'p', q.clock.nowMs() + 1_000);
      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['other'], 'deleted');
      await recorder.times(1);

      expect(recorder.calls).toEqual(['other removed']);
    });

    it('notifies of the tasks of a removed queue', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p', 'other'] });
      const recorder = await record(q);
      await q.broker.awaitTask(q.name, 'p');

      await q.broker.purgeQueue(q.name);
      await recorder.times(1);

      expect(recorder.calls).toEqual(['p removed']);
    });

    it('notifies of a task that is archived as poison', async () => {
      await using q = openQueue();
      await q.seed({ active: ['poison'] });
      await q.broker.noteAlone(q.message('poison'), q.claim('poison'), true);
      const recorder = await record(q);
      await q.clock.advance('31s');
      await q.broker.awaitTask(q.name, 'poison');

      await q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 0, limit: 10 });
      await recorder.times(1);

      expect(recorder.calls).toEqual(['poison archived']);
    });
  });
}
