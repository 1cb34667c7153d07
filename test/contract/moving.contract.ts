import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';
import { NOTHING } from './nothing.js';

const DIGEST = { state: 'aggregating', group: 'digest' } as const;

/** Two tasks in the group `digest`. */
async function fillGroup(q: TestQueue): Promise<void> {
  await q.seed({ retry: { g1: 1, g2: 1 } });
  await q.inject({ tasks: { g1: { group: 'digest' }, g2: { group: 'digest' } } });
  await q.clock.advance('1s');
  await q.broker.forwardDue(q.name, 10);
}

/** The contract of every broker for moving tasks that are not active. */
export function describeMoving(backend: string, openQueue: () => TestQueue): void {
  describe(`moving on ${backend}`, () => {
    it('runs tasks after the pending ones, in the order given', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waiting'], archived: { a1: '2m', a2: '1m', stays: 0 } });
      await q.clock.advance('5s');

      const moved = await q.broker.moveTasks(q.name, { state: 'archived' }, ['a1', 'a2', 'unknown'], 'pending');

      expect(moved).toEqual([true, true, false]);
      const dump = await q.dump();
      expect(dump.nextUp).toEqual(['waiting', 'a1', 'a2']);
      expect(Object.keys(dump.archived)).toEqual(['stays']);
      expect(dump.tasks['a1']).toMatchObject({ state: 'pending', pendingSinceNs: q.clock.nowNs() });
    });

    it('runs a task next, and removes its due time', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['waiting'], scheduled: { due: '1h' } });

      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['due'], 'pendingHead');

      const dump = await q.dump();
      expect([dump.nextUp, dump.scheduled]).toEqual([['due', 'waiting'], {}]);
      expect(dump.tasks['due']).not.toHaveProperty('dueAtMs');
    });

    it('moves a pending task to the head without changing its age', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['first', 'second'] });
      const sinceNs = q.clock.nowNs();
      await q.clock.advance('1m');

      await q.broker.moveTasks(q.name, { state: 'pending' }, ['second'], 'pendingHead');

      const dump = await q.dump();
      expect(dump.nextUp).toEqual(['second', 'first']);
      expect(dump.tasks['second']).toMatchObject({ pendingSinceNs: sinceNs });
    });

    it.each(['oldest', 'newest'] as const)('archives pending tasks, found from the %s on', async (near) => {
      await using q = openQueue();
      await q.seed({ pending: ['p1', 'p2', 'p3'] });

      const moved = await q.broker.moveTasks(q.name, { state: 'pending' }, ['p2', 'p3'], 'archived', { near });

      expect(moved).toEqual([true, true]);
      const nowS = Math.floor(q.clock.nowMs() / 1000);
      expect(await q.dump()).toMatchObject({ nextUp: ['p1'], archived: { p2: nowS, p3: nowS } });
    });

    it('deletes tasks, and releases the locks that are theirs', async () => {
      await using q = openQueue();
      const lock = (name: string): string => `asynq:{${q.name}}:unique:test:task:${name}`;
      await q.seed({
        pending: ['own', 'plain', 'borrowed', 'last', 'stays'],
        messages: Object.fromEntries(['own', 'borrowed', 'last'].map((id) => [id, { uniqueKey: lock(id) }])),
      });
      await q.inject({ locks: { [lock('borrowed')]: 'its-new-holder' } });

      await q.broker.moveTasks(q.name, { state: 'pending' }, ['own', 'plain', 'borrowed', 'last'], 'deleted');

      const dump = await q.dump();
      expect([dump.nextUp, Object.keys(dump.tasks)]).toEqual([['stays'], ['stays']]);
      expect(dump.locks).toEqual({ [lock('borrowed')]: 'its-new-holder' });
    });

    it('takes tasks out of a group, and removes the name of an empty group', async () => {
      await using q = openQueue();
      await fillGroup(q);

      await q.broker.moveTasks(q.name, DIGEST, ['g1'], 'pending');
      const half = await q.dump();
      await q.broker.moveTasks(q.name, DIGEST, ['g2'], 'archived');
      const none = await q.dump();

      expect([half.groupNames, half.nextUp]).toEqual([['digest'], ['g1']]);
      expect([none.groupNames, none.groups, Object.keys(none.archived)]).toEqual([[], {}, ['g2']]);
    });

    it('does not move a task that is not in the list', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['p'], active: ['a'], retry: { r: '1h' } });
      const before = await q.dump();

      const moved = await Promise.all([
        q.broker.moveTasks(q.name, { state: 'scheduled' }, ['p', 'a', 'r'], 'deleted'),
        q.broker.moveTasks(q.name, DIGEST, ['p', 'a', 'r'], 'archived'),
        q.broker.moveTasks(q.name, { state: 'pending' }, ['a', 'r'], 'pending'),
      ]);

      expect(moved.flat()).not.toContain(true);
      expect(await q.dump()).toEqual(before);
    });

    it('drops an id without a message, whatever the target', async () => {
      await using q = openQueue();
      const ids = { stub: 1, gone: 1, deleted: 1 };
      await q.inject({ archived: ids, tasks: { stub: { state: 'archived' } } });

      const run = await q.broker.moveTasks(q.name, { state: 'archived' }, ['stub', 'gone'], 'pending');
      const deleted = await q.broker.moveTasks(q.name, { state: 'archived' }, ['deleted'], 'deleted');

      expect([run, deleted]).toEqual([[false, false], [true]]);
      expect(await q.dump()).toMatchObject({ nextUp: [], archived: NOTHING, tasks: NOTHING });
    });

    it('drops an id without a message instead of archiving it', async () => {
      await using q = openQueue();
      await q.inject({ scheduled: { stub: 1, gone: 1 }, tasks: { stub: { state: 'scheduled' } } });

      const archived = await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['stub', 'gone'], 'archived');

      expect(archived).toEqual([false, false]);
      expect(await q.dump()).toMatchObject({ scheduled: NOTHING, archived: NOTHING, tasks: NOTHING });
    });

    it('removes the due time of an archived task', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { due: 1_250 } });

      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['due'], 'archived');

      expect((await q.dump()).tasks['due']).not.toHaveProperty('dueAtMs');
    });

    it('returns a result for every task of a batch that takes several calls', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 1_203 }, (_, i) => `t${i}`);
      await q.seed({ pending: ids });

      const moved = await q.broker.moveTasks(q.name, { state: 'pending' }, ['unknown', ...ids], 'deleted');

      expect([moved.length, moved.indexOf(true)]).toEqual([1_204, 1]);
      expect(await q.dump()).toMatchObject({ nextUp: [], tasks: NOTHING });
    });

    it('reschedules a task, exact to the millisecond, and nudges the forwarder', async () => {
      await using q = openQueue();
      const recorder = new CallRecorder<void>();
      await q.broker.onNudge(q.name, () => recorder.listener());
      await q.seed({ scheduled: { s: '1h' }, retry: { r: '1h' }, pending: ['p'] });
      const atMs = q.clock.nowMs() + 90_250;

      const moved = [
        await q.broker.reschedule(q.name, { state: 'scheduled' }, 's', atMs),
        await q.broker.reschedule(q.name, { state: 'retry' }, 'r', atMs),
        await q.broker.reschedule(q.name, { state: 'pending' }, 'p', atMs),
        await q.broker.reschedule(q.name, { state: 'pending' }, 's', atMs),
      ];
      await recorder.times(1);

      expect(moved).toEqual([true, true, true, false]);
      const atS = Math.ceil(atMs / 1000);
      const dump = await q.dump();
      expect(dump).toMatchObject({ nextUp: [], scheduled: { s: atS, p: atS }, retry: { r: atS } });
      expect(dump.tasks['r']).toMatchObject({ state: 'retry', dueAtMs: atMs });
      expect(dump.tasks['p']).toMatchObject({ state: 'scheduled', dueAtMs: atMs });
      expect(dump.tasks['p']).not.toHaveProperty('pendingSinceNs');
    });

    it('removes the name of a group whose last task is rescheduled', async () => {
      await using q = openQueue();
      await fillGroup(q);
      await q.broker.moveTasks(q.name, DIGEST, ['g1'], 'archived');
      const processAtMs = q.clock.nowMs() + 60_000;

      await q.broker.reschedule(q.name, DIGEST, 'g2', processAtMs);
      await q.broker.reschedule(q.name, { state: 'archived' }, 'g1', processAtMs);

      // Go's inspectors divide by the size of each named group.
      expect(await q.dump()).toMatchObject({
        groups: NOTHING,
        groupNames: [],
        tasks: { g1: { state: 'scheduled', group: 'digest' }, g2: { state: 'scheduled', group: 'digest' } },
      });
    });

    it('keeps the name of a group that one of its tasks leaves', async () => {
      await using q = openQueue();
      await fillGroup(q);

      await q.broker.reschedule(q.name, DIGEST, 'g1', q.clock.nowMs() + 60_000);

      expect((await q.dump()).groupNames).toEqual(['digest']);
    });

    it('reschedules no id without a message', async () => {
      await using q = openQueue();
      await q.inject({ archived: { stub: 1, gone: 1 }, tasks: { stub: { state: 'archived' } } });
      const before = await q.dump();

      const moved = [
        await q.broker.reschedule(q.name, { state: 'archived' }, 'stub', q.clock.nowMs() + 60_000),
        await q.broker.reschedule(q.name, { state: 'archived' }, 'gone', q.clock.nowMs() + 60_000),
      ];

      expect(moved).toEqual([false, false]);
      expect(await q.dump()).toEqual(before);
    });

    it('replaces the payload of a scheduled task, and of no task in another state', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { s: '1h' }, pending: ['p'] });
      const payload = Uint8Array.from([1, 2, 3]);
      const before = await q.dump();

      const states = [
        await q.broker.updatePayload(q.name, 's', payload),
        await q.broker.updatePayload(q.name, 'p', payload),
        await q.broker.updatePayload(q.name, 'unknown', payload),
      ];

      expect(states).toEqual(['scheduled', 'pending', undefined]);
      const message = { ...q.message('s'), payload };
      expect(await q.dump()).toEqual({
        ...before,
        tasks: { ...before.tasks, s: { ...before.tasks['s'], message } },
      });
    });

    it('does not change an unreadable message', async () => {
      await using q = openQueue();
      await q.seed({ scheduled: { s: '1h' } });
      await q.inject({ tasks: { s: { msg: Uint8Array.from([0xff, 0xff]) } } });
      const before = await q.dump();

      expect(await q.broker.updatePayload(q.name, 's', Uint8Array.from([1]))).toBeUndefined();

      expect(await q.dump()).toEqual(before);
    });

    it('returns the remaining lifetime of a unique lock', async () => {
      await using q = openQueue();
      const lock = (name: string): string => `asynq:{${q.name}}:unique:test:task:${name}`;
      await q.broker.enqueue([{ message: q.message('holder', { uniqueKey: lock('1') }), uniqueTtlS: 90 }]);
      await q.seed({ pending: ['lost'], messages: { lost: { uniqueKey: lock('2') } } });
      await q.inject({ locks: { [lock('2')]: 'another' } });

      expect(await q.broker.lockTtlS(q.name, 'holder')).toBe(90);
      expect(await q.broker.lockTtlS(q.name, 'lost')).toBeUndefined();
      expect(await q.broker.lockTtlS(q.name, 'unknown')).toBeUndefined();
    });
  });
}
