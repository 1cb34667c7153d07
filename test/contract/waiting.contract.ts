import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import { Hearing } from './hearing.js';

type Outcome = Parameters<TestQueue['broker']['settle']>[1][number]['outcome'];

/** What every broker promises about telling how tasks end. */
export function describeWaiting(backend: string, openQueue: () => TestQueue): void {
  describe(`waiting on ${backend}`, () => {
    const settle = (q: TestQueue, id: string, outcome: Outcome) =>
      q.broker.settle(q.name, [{ message: q.message(id), claim: q.claim(id), outcome }]);
    /** Hears `"<id> <ending>"`. */
    const hear = async (q: TestQueue): Promise<Hearing<string>> => {
      const hearing = new Hearing<string>();
      await q.broker.onTaskEnded(q.name, (id, ending) => hearing.listener(`${id} ${ending}`));
      return hearing;
    };

    it('tells the state of a task, and changes nothing that others see', async () => {
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
    ])('tells the end of a task that somebody asked for: %o', async (outcome, ending) => {
      await using q = openQueue();
      await q.seed({ active: ['asked for 😀', 'other'] });
      const hearing = await hear(q);
      await q.broker.awaitTask(q.name, 'asked for 😀');

      await settle(q, 'other', outcome);
      await settle(q, 'asked for 😀', outcome);
      await hearing.times(1);

      expect(hearing.heard).toEqual([`asked for 😀 ${ending}`]);
    });

    it('does not tell of an attempt that leaves the task unfinished', async () => {
      await using q = openQueue();
      await q.seed({ active: ['again', 'back', 'done'] });
      const hearing = await hear(q);
      for (const id of ['again', 'back', 'done']) await q.broker.awaitTask(q.name, id);

      await settle(q, 'again', { kind: 'retry', retryAtMs: q.clock.nowMs(), error: 'boom', isFailure: true });
      await settle(q, 'back', { kind: 'requeue' });
      await settle(q, 'done', { kind: 'done' });
      await hearing.times(1);

      expect(hearing.heard).toEqual(['done deleted']);
    });

    it('still knows of the end of a task that somebody asked for, for those who heard nothing', async () => {
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

    it('takes a task that was written anew for what it is', async () => {
      await using q = openQueue();
      await q.seed({ active: ['again'] });
      await q.broker.awaitTask(q.name, 'again');
      await settle(q, 'again', { kind: 'done' });

      await q.broker.enqueue([{ message: q.message('again') }]);

      expect(await q.broker.awaitTask(q.name, 'again')).toBe('pending');
    });

    it('tells every listener, and none that has stopped', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      const [one, other, gone] = [await hear(q), await hear(q), new Hearing<string>()];
      const stop = await q.broker.onTaskEnded(q.name, gone.listener);
      await stop();
      await q.broker.awaitTask(q.name, 'mine');

      await settle(q, 'mine', { kind: 'done' });
      await Promise.all([one.times(1), other.times(1)]);

      expect([one.heard, other.heard, gone.heard]).toEqual([['mine deleted'], ['mine deleted'], []]);
    });

    it('has forgotten the question after half a minute', async () => {
      await using q = openQueue();
      await q.seed({ active: ['old', 'new'] });
      const hearing = await hear(q);
      await q.broker.awaitTask(q.name, 'old');
      await q.clock.advance('31s');
      await q.broker.awaitTask(q.name, 'new');

      await settle(q, 'old', { kind: 'done' });
      await settle(q, 'new', { kind: 'done' });
      await hearing.times(1);

      expect(hearing.heard).toEqual(['new deleted']);
    });

    it.each([
      ['archived', ['p archived', 's archived', 'g archived']],
      ['deleted', ['p removed', 's removed', 'g removed']],
    ] as const)('tells when an inspector has %s a task, whoever else was in the batch', async (to, told) => {
      await using q = openQueue();
      await q.seed({ pending: ['p', 'other'], scheduled: { s: '1h' } });
      await q.broker.enqueue([{ message: q.message('g', { groupKey: 'digest' }) }]);
      const hearing = await hear(q);
      for (const id of ['p', 's', 'g']) await q.broker.awaitTask(q.name, id);

      await q.broker.moveTasks(q.name, { state: 'pending' }, ['other', 'p', 's'], to);
      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['s', 'p'], to);
      await q.broker.moveTasks(q.name, { state: 'aggregating', group: 'digest' }, ['g'], to);
      await hearing.times(3);

      expect(hearing.heard).toEqual(told);
    });

    it('does not tell of a task that an inspector lets run', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { s: '1h', other: '1h' }, pending: ['p'] });
      const hearing = await hear(q);
      for (const id of ['s', 'p', 'other']) await q.broker.awaitTask(q.name, id);

      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['s'], 'pending');
      await q.broker.moveTasks(q.name, { state: 'pending' }, ['p'], 'pendingHead');
      await q.broker.reschedule(q.name, { state: 'pending' }, 'p', q.clock.nowMs() + 1_000);
      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['other'], 'deleted');
      await hearing.times(1);

      expect(hearing.heard).toEqual(['other removed']);
    });

    it('tells that the tasks of a queue are gone with it', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p', 'other'] });
      const hearing = await hear(q);
      await q.broker.awaitTask(q.name, 'p');

      await q.broker.purgeQueue(q.name);
      await hearing.times(1);

      expect(hearing.heard).toEqual(['p removed']);
    });

    it('tells of a task that took too many workers down', async () => {
      await using q = openQueue();
      await q.seed({ active: ['poison'] });
      const hearing = await hear(q);
      await q.clock.advance('31s');
      await q.broker.awaitTask(q.name, 'poison');

      await q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 0, limit: 10 });
      await hearing.times(1);

      expect(hearing.heard).toEqual(['poison archived']);
    });
  });
}
