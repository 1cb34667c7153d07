import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { allGroups, fill, idsOf, lockOf, member, MINUTE, takeAll } from './grouped-tasks.js';
import { CallRecorder } from './call-recorder.js';
import { NOTHING } from './nothing.js';

/** The contract of every broker for aggregation sets. */
export function describeAggregating(backend: string, openQueue: () => TestQueue): void {
  describe(`finishing aggregation sets on ${backend}`, () => {
    it('writes the combined task and deletes the members with their locks, in one step', async () => {
      await using q = openQueue();
      const uniqueKey = lockOf(q, '1');
      await q.broker.enqueue([
        member(q, 'a'),
        { message: q.message('b', { groupKey: 'digest', uniqueKey }), uniqueTtlS: 600 },
      ]);
      const set = await takeAll(q);

      const reply = await q.broker.finishSet(q.name, set, { message: q.message('sum') });

      expect(reply).toEqual({ status: 'finished' });
      const dump = await q.dump();
      expect(dump).toMatchObject({
        nextUp: ['sum'],
        groups: NOTHING,
        groupNames: [],
        aggregationSets: [],
        locks: NOTHING,
      });
      expect(dump.tasks).toEqual({
        sum: { state: 'pending', message: q.message('sum'), pendingSinceNs: q.clock.nowNs() },
      });
    });

    it('releases the locks of all members, except those that another task holds by now', async () => {
      await using q = openQueue();
      const ids = ['a', 'b', 'c', 'd'];
      await q.broker.enqueue([
        ...ids.map((id) => ({
          message: q.message(id, { groupKey: 'digest', uniqueKey: lockOf(q, id) }),
          uniqueTtlS: 600,
        })),
        member(q, 'plain'),
      ]);
      const set = await takeAll(q);
      await q.inject({ locks: { [lockOf(q, 'b')]: 'its-new-holder' } });

      await q.broker.finishSet(q.name, set, { message: q.message('sum') });

      expect(await q.dump()).toMatchObject({
        tasks: { sum: expect.anything() },
        locks: { [lockOf(q, 'b')]: 'its-new-holder' },
      });
      expect(Object.keys((await q.dump()).locks)).toHaveLength(1);
    });

    it('does not touch a task that has left the set, nor its lock', async () => {
      await using q = openQueue();
      const uniqueKey = lockOf(q, 'bad');
      await q.broker.enqueue([
        member(q, 'good'),
        { message: q.message('bad', { groupKey: 'digest', uniqueKey }), uniqueTtlS: 600 },
      ]);
      const set = await takeAll(q);
      await q.broker.archiveMembers(q.name, set, [q.message('bad', { groupKey: 'digest', uniqueKey })]);

      const reply = await q.broker.finishSet(q.name, set, { message: q.message('sum') });

      expect(reply).toEqual({ status: 'finished' });
      const { tasks, archived, locks } = await q.dump();
      expect(Object.keys(tasks).sort()).toEqual(['bad', 'sum']);
      expect([Object.keys(archived), locks]).toEqual([['bad'], { [uniqueKey]: 'bad' }]);
    });

    it('changes nothing of a set with another deadline', async () => {
      await using q = openQueue();
      await fill(q, ['a']);
      const set = await takeAll(q);
      const before = await q.dump();
      const another = { ...set, deadlineS: set.deadlineS + 1 };

      const reply = await q.broker.finishSet(q.name, another, { message: q.message('sum') });
      const archived = await q.broker.archiveMembers(q.name, another, set.tasks);
      await q.broker.returnSet(q.name, another);

      expect([reply, archived]).toEqual([{ status: 'setLost' }, 0]);
      expect(await q.dump()).toEqual(before);
    });

    it('schedules a new task that has a start time, and nudges the forwarder', async () => {
      await using q = openQueue();
      await fill(q, ['a']);
      const set = await takeAll(q);
      const processAtMs = q.clock.nowMs() + 10_250;
      const recorder = new CallRecorder<void>();
      const stop = await q.broker.onNudge(q.name, () => recorder.listener());

      await q.broker.finishSet(q.name, set, { message: q.message('sum'), processAtMs });

      await recorder.times(1);
      expect(await q.dump()).toMatchObject({
        nextUp: [],
        scheduled: { sum: Math.ceil(processAtMs / 1000) },
        tasks: { sum: { state: 'scheduled', dueAtMs: processAtMs } },
      });
      await stop();
    });

    it('gives the new task a lock that a member held', async () => {
      await using q = openQueue();
      const uniqueKey = lockOf(q, '1');
      await q.broker.enqueue([{ message: q.message('a', { groupKey: 'digest', uniqueKey }), uniqueTtlS: 600 }]);
      const set = await takeAll(q);

      const reply = await q.broker.finishSet(q.name, set, { message: q.message('sum', { uniqueKey }), uniqueTtlS: 60 });

      expect(reply).toEqual({ status: 'finished' });
      expect(await q.dump()).toMatchObject({ locks: { [uniqueKey]: 'sum' }, tasks: { sum: { uniqueKey } } });
    });

    it('allows the combined task to have the id of a member, with its lock', async () => {
      await using q = openQueue();
      const uniqueKey = lockOf(q, '1');
      await q.broker.enqueue([
        { message: q.message('a', { groupKey: 'digest', uniqueKey }), uniqueTtlS: 600 },
        member(q, 'b'),
      ]);
      const set = await takeAll(q);

      const reply = await q.broker.finishSet(q.name, set, { message: q.message('a') });
      const again = await q.broker.finishSet(q.name, set, { message: q.message('a') });

      expect([reply, again]).toEqual([{ status: 'finished' }, { status: 'finished' }]);
      const { tasks, nextUp, aggregationSets, locks } = await q.dump();
      expect({ nextUp, aggregationSets, locks }).toEqual({ nextUp: ['a'], aggregationSets: [], locks: NOTHING });
      expect(tasks).toEqual({ a: { state: 'pending', message: q.message('a'), pendingSinceNs: q.clock.nowNs() } });
    });

    it('refuses the id of a task that has left the set', async () => {
      await using q = openQueue();
      await fill(q, ['good', 'bad']);
      const set = await takeAll(q);
      await q.broker.archiveMembers(q.name, set, [q.message('bad', { groupKey: 'digest' })]);
      const before = await q.dump();

      const reply = await q.broker.finishSet(q.name, set, { message: q.message('bad') });

      expect(reply).toEqual({ status: 'idConflict' });
      expect(await q.dump()).toEqual(before);
    });

    it('notifies clients that wait for members, except for the id of the combined task', async () => {
      await using q = openQueue();
      await fill(q, ['a', 'lives on', 'not asked for', 'b']);
      const set = await takeAll(q);
      const recorder = new CallRecorder<string>();
      await q.broker.onTaskEnded(q.name, (id, ending) => recorder.listener(`${id} ${ending}`));
      for (const id of ['a', 'lives on', 'b']) await q.broker.awaitTask(q.name, id);

      await q.broker.finishSet(q.name, set, { message: q.message('lives on') });
      await recorder.times(2);

      expect(recorder.calls).toEqual(['a removed', 'b removed']);
    });

    it('writes nothing when the id exists or another task holds the lock', async () => {
      await using q = openQueue();
      const uniqueKey = lockOf(q, '1');
      await q.seed({ pending: ['taken'], messages: { taken: { uniqueKey } } });
      await fill(q, ['a']);
      const set = await takeAll(q);
      const before = await q.dump();

      const conflict = await q.broker.finishSet(q.name, set, { message: q.message('taken') });
      const locked = { message: q.message('sum', { uniqueKey }), uniqueTtlS: 60 };
      const duplicate = await q.broker.finishSet(q.name, set, locked);

      expect(conflict).toEqual({ status: 'idConflict' });
      expect(duplicate).toEqual({ status: 'duplicate', holderId: 'taken' });
      expect(await q.dump()).toEqual(before);
    });

    it('may be repeated after a lost reply', async () => {
      await using q = openQueue();
      await fill(q, ['a']);
      const set = await takeAll(q);
      await q.broker.finishSet(q.name, set, { message: q.message('sum') });
      const before = await q.dump();

      const again = await q.broker.finishSet(q.name, set, { message: q.message('sum') });
      const another = await q.broker.finishSet(q.name, set, { message: q.message('sum', { type: 'another' }) });

      expect([again, another]).toEqual([{ status: 'finished' }, { status: 'setLost' }]);
      expect(await q.dump()).toEqual(before);
    });

    it('changes nothing once the set was reclaimed', async () => {
      await using q = openQueue();
      await fill(q, ['a']);
      const set = await takeAll(q);
      await q.clock.advance('120s');
      await q.broker.reclaimSets(q.name, 10);
      const before = await q.dump();

      const reply = await q.broker.finishSet(q.name, set, { message: q.message('sum') });
      const archived = await q.broker.archiveMembers(q.name, set, [q.message('a')]);
      await q.broker.returnSet(q.name, set);

      expect([reply, archived]).toEqual([{ status: 'setLost' }, 0]);
      expect(await q.dump()).toEqual(before);
    });
  });

  describe(`giving aggregation sets back on ${backend}`, () => {
    it('returns the members unchanged, and names the group again', async () => {
      await using q = openQueue();
      await fill(q, ['a', 'b']);
      const before = await q.dump();
      const set = await takeAll(q);

      await q.broker.returnSet(q.name, set);

      expect(await q.dump()).toEqual(before);
    });

    it('reclaims sets from their deadline on, up to the limit', async () => {
      await using q = openQueue();
      const names = ['one', 'two', 'three'];
      const joinedAtS = q.clock.nowMs() / 1000;
      await q.broker.enqueue(names.map((name) => member(q, `of-${name}`, name)));
      await q.clock.advance('60s');
      for (const name of names) await q.broker.takeRipe(q.name, name, MINUTE);
      await q.clock.advance('119s');

      const early = await q.broker.reclaimSets(q.name, 2);
      await q.clock.advance('1s');
      const replies = [await q.broker.reclaimSets(q.name, 2), await q.broker.reclaimSets(q.name, 2)];

      expect([early, ...replies]).toEqual([0, 2, 1]);
      expect(await q.dump()).toMatchObject({
        groups: { one: { 'of-one': joinedAtS }, two: { 'of-two': joinedAtS }, three: { 'of-three': joinedAtS } },
        groupNames: ['one', 'three', 'two'],
        aggregationSets: [],
      });
    });
  });

  describe(`odd names of groups on ${backend}`, () => {
    it.each(['a:b', ':', 'a b ', '😀 é', '{x}', '}', 'full', 'a:6ba7b810-9dad-4fd1-80b4-00c04fd430c8', '*?[a]', '\\'])(
      'treats %o literally',
      async (name) => {
        await using q = openQueue();
        const others = ['a', 'x'].map((group) => member(q, `of ${group}`, group));
        await q.broker.enqueue([...others, ...['1', '2', '3'].map((id) => member(q, id, name))]);
        const list = { state: 'aggregating', group: name } as const;

        const sizes = await q.broker.groupSizes(q.name);
        const deleted = await q.broker.moveTasks(q.name, list, ['1', 'of a'], 'deleted');
        await q.clock.advance('60s');
        const abandoned = await q.broker.takeRipe(q.name, name, MINUTE);
        await q.clock.advance('120s');
        await q.broker.reclaimSets(q.name, 10);
        const waiting = (await allGroups(q.broker, q.name)).find((group) => group.name === name);
        const set = (await q.broker.takeRipe(q.name, name, MINUTE))!;
        const reply = await q.broker.finishSet(q.name, set, { message: q.message('sum') });

        expect(Object.fromEntries(sizes.map(({ group, size }) => [group, size]))).toEqual({ a: 1, x: 1, [name]: 3 });
        expect([deleted, idsOf(abandoned), waiting?.size, idsOf(set)]).toEqual([
          [true, false],
          ['2', '3'],
          2,
          ['2', '3'],
        ]);
        expect(reply).toEqual({ status: 'finished' });
        const dump = await q.dump();
        expect(dump).toMatchObject({ nextUp: ['sum'], groupNames: ['a', 'x'], aggregationSets: [], strayKeys: [] });
        expect(Object.keys(dump.groups).sort()).toEqual(['a', 'x']);
      },
    );
  });
}
