import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describe, expect, it } from 'vitest';
import { fill, idsOf, lockOf, member, MINUTE, takeAll } from './grouped-tasks.js';
import { Hearing } from './hearing.js';
import { NOTHING } from './nothing.js';

/** What every broker promises about groups: tasks that wait together until they are taken. */
export function describeGrouping(backend: string, openQueue: () => TestQueue): void {
  describe(`joining a group on ${backend}`, () => {
    it('lets tasks wait in their groups, and names these', async () => {
      await using q = openQueue();

      const outcomes = await q.broker.enqueue([member(q, 'a'), member(q, 'b', 'other'), member(q, 'c')]);

      const nowS = q.clock.nowMs() / 1000;
      expect(outcomes).toEqual([{ status: 'aggregating' }, { status: 'aggregating' }, { status: 'aggregating' }]);
      const dump = await q.dump();
      expect(dump).toMatchObject({
        nextUp: [],
        groups: { digest: { a: nowS, c: nowS }, other: { b: nowS } },
        groupNames: ['digest', 'other'],
        isAnnounced: true,
        strayKeys: [],
      });
      expect(dump.tasks['b']).toEqual({
        state: 'aggregating',
        group: 'other',
        message: q.message('b', { groupKey: 'other' }),
      });
      expect(await q.broker.queueStats(q.name)).toMatchObject({ groups: 2, counts: { aggregating: 3, pending: 0 } });
      expect(await q.broker.waitingGroups(q.name)).toEqual([
        { name: 'digest', size: 2, oldestS: nowS, newestS: nowS },
        { name: 'other', size: 1, oldestS: nowS, newestS: nowS },
      ]);
    });

    it('refuses an id that exists, and writes nothing for it', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['taken'] });
      const before = await q.dump();

      const outcomes = await q.broker.enqueue([
        { message: q.message('taken', { groupKey: 'digest', uniqueKey: lockOf(q, '1') }), uniqueTtlS: 60 },
      ]);

      expect(outcomes).toEqual([{ status: 'idConflict' }]);
      expect(await q.dump()).toEqual({ ...before, isAnnounced: true });
    });

    it('takes the unique lock, and keeps its name with the task', async () => {
      await using q = openQueue();
      const uniqueKey = lockOf(q, '1');

      const outcomes = await q.broker.enqueue([
        { message: q.message('plain', { groupKey: 'digest' }) },
        { message: q.message('holder', { groupKey: 'digest', uniqueKey }), uniqueTtlS: 60 },
        { message: q.message('second', { groupKey: 'digest', uniqueKey }), uniqueTtlS: 60 },
      ]);

      expect(outcomes.map(({ status }) => status)).toEqual(['aggregating', 'aggregating', 'duplicate']);
      const dump = await q.dump();
      expect(dump).toMatchObject({ locks: { [uniqueKey]: 'holder' }, tasks: { holder: { uniqueKey } } });
      expect(Object.keys(dump.tasks).sort()).toEqual(['holder', 'plain']);
    });

    it('takes the lock of each unique task of a call', async () => {
      await using q = openQueue();
      const locked = (id: string) => {
        const uniqueKey = lockOf(q, id);
        return { message: q.message(id, { groupKey: 'digest', uniqueKey }), uniqueTtlS: 60 };
      };

      await q.broker.enqueue([locked('a'), member(q, 'plain'), locked('b')]);

      const dump = await q.dump();
      expect(dump.locks).toEqual({ [lockOf(q, 'a')]: 'a', [lockOf(q, 'b')]: 'b' });
      expect(dump.tasks).toMatchObject({ a: { uniqueKey: lockOf(q, 'a') }, b: { uniqueKey: lockOf(q, 'b') } });
      expect(dump.tasks['plain']).not.toHaveProperty('uniqueKey');
    });

    it('joins a scheduled task to its group when its time has come', async () => {
      await using q = openQueue();
      const processAtMs = q.clock.nowMs() + 10_000;

      const outcomes = await q.broker.enqueue([{ ...member(q, 'later'), processAtMs }]);
      const scheduled = await q.dump();
      await q.clock.advance('10s');
      await q.broker.forwardDue(q.name, 100);

      expect(outcomes).toEqual([{ status: 'scheduled' }]);
      // An inspector of Go divides by the size of each group that has a name.
      expect(scheduled).toMatchObject({
        groups: NOTHING,
        groupNames: [],
        tasks: { later: { group: 'digest' } },
      });
      expect(await q.dump()).toMatchObject({
        scheduled: NOTHING,
        nextUp: [],
        groups: { digest: { later: q.clock.nowMs() / 1000 } },
        groupNames: ['digest'],
        tasks: { later: { state: 'aggregating' } },
      });
    });

    it('leaves no name of a group behind when its scheduled tasks are deleted', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ ...member(q, 'later'), processAtMs: q.clock.nowMs() + 10_000 }]);

      await q.broker.moveTasks(q.name, { state: 'scheduled' }, ['later'], 'deleted');
      await q.clock.advance('10s');

      expect(await q.broker.nameLostGroups(q.name, 100)).toBe(0);
      expect(await q.dump()).toMatchObject({ groupNames: [], tasks: NOTHING });
    });

    it('does not show a group whose tasks are all scheduled as waiting', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ ...member(q, 'later'), processAtMs: q.clock.nowMs() + 10_000 }]);

      expect(await q.broker.waitingGroups(q.name)).toEqual([]);
      expect(await q.broker.takeRipe(q.name, 'digest', MINUTE)).toBeUndefined();
      expect(await q.broker.groupSizes(q.name)).toEqual([]);
    });
  });

  describe(`taking ripe groups on ${backend}`, () => {
    it('takes all when nobody joined for the grace period, and not a second before', async () => {
      await using q = openQueue();
      await fill(q, ['first', 'second']);
      const nowS = q.clock.nowMs() / 1000;
      await q.clock.advance('58s');

      const early = await q.broker.takeRipe(q.name, 'digest', MINUTE);
      await q.clock.advance('1s');
      const set = await q.broker.takeRipe(q.name, 'digest', MINUTE);

      expect(early).toBeUndefined();
      expect(set?.tasks).toEqual([
        q.message('first', { groupKey: 'digest' }),
        q.message('second', { groupKey: 'digest' }),
      ]);
      const deadlineS = q.clock.nowMs() / 1000 + 120;
      expect(set?.deadlineS).toBe(deadlineS);
      expect(await q.dump()).toMatchObject({
        groups: NOTHING,
        groupNames: [],
        aggregationSets: [{ group: 'digest', deadlineS, members: { first: nowS - 2, second: nowS - 1 } }],
        tasks: { first: { state: 'aggregating' }, second: { state: 'aggregating' } },
      });
    });

    it('takes all when the oldest has waited for the longest delay, whoever joined since', async () => {
      await using q = openQueue();
      const limits = { ...MINUTE, maxDelayS: 3 };
      await fill(q, ['a', 'b']);

      const early = await q.broker.takeRipe(q.name, 'digest', limits);
      await q.clock.advance('1s');
      const set = await q.broker.takeRipe(q.name, 'digest', limits);

      expect(early).toBeUndefined();
      expect(idsOf(set)).toEqual(['a', 'b']);
    });

    it('takes the oldest as soon as so many wait, and leaves the rest in the group', async () => {
      await using q = openQueue();
      const limits = { ...MINUTE, maxSize: 2 };
      await fill(q, ['c']);

      const tooFew = await q.broker.takeRipe(q.name, 'digest', limits);
      await fill(q, ['b', 'a']);
      const set = await q.broker.takeRipe(q.name, 'digest', limits);
      const rest = await q.broker.takeRipe(q.name, 'digest', limits);

      expect([tooFew, rest]).toEqual([undefined, undefined]);
      expect(idsOf(set)).toEqual(['c', 'b']);
      const dump = await q.dump();
      expect(Object.keys(dump.groups['digest']!)).toEqual(['a']);
      expect(dump.groupNames).toEqual(['digest']);
    });

    it('takes at most 1,000 at one time', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 1_001 }, (_, at) => `task-${String(at).padStart(4, '0')}`);
      await q.broker.enqueue(ids.map((id) => member(q, id)));

      const first = await takeAll(q);
      const second = await q.broker.takeRipe(q.name, 'digest', MINUTE);

      expect(idsOf(first)).toEqual(ids.slice(0, 1_000));
      expect(idsOf(second)).toEqual(['task-1000']);
      expect((await q.dump()).groupNames).toEqual([]);
    });

    it('takes no more at one time than a server may hold, the oldest first', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 20 }, (_, n) => `t-${String(n).padStart(2, '0')}`);
      await q.broker.enqueue(
        ids.map((id) => ({ message: q.message(id, { groupKey: 'digest', payload: new Uint8Array(1_000_000) }) })),
      );

      const first = await takeAll(q);
      const second = await takeAll(q);

      expect([idsOf(first), idsOf(second)]).toEqual([ids.slice(0, 16), ids.slice(16)]);
    });

    it('drops ids without a message, and puts aside what cannot be read', async () => {
      await using q = openQueue();
      const garbage = Uint8Array.from([0xff, 0xff]);
      await fill(q, ['gone', 'stub', 'garbage', 'fine']);
      await q.inject({ tasks: { gone: undefined, stub: { msg: undefined }, garbage: { msg: garbage } } });

      const set = await takeAll(q);

      expect(idsOf(set)).toEqual(['fine']);
      const dump = await q.dump();
      expect(Object.keys(dump.tasks).sort()).toEqual(['fine', 'garbage']);
      expect(dump.archived).toEqual({ garbage: q.clock.nowMs() / 1000 });
      expect(dump.tasks['garbage']).toMatchObject({ state: 'archived', rawMsg: garbage });
      expect(dump.aggregationSets.map(({ members }) => Object.keys(members))).toEqual([['fine']]);
    });

    it('leaves no set behind when none of the tasks can be used', async () => {
      await using q = openQueue();
      await fill(q, ['gone']);
      await q.inject({ tasks: { gone: undefined } });
      await q.clock.advance('60s');

      expect(await q.broker.takeRipe(q.name, 'digest', MINUTE)).toBeUndefined();
      expect(await q.dump()).toMatchObject({ groups: NOTHING, groupNames: [], aggregationSets: [], tasks: NOTHING });
    });

    it('archives members on request', async () => {
      await using q = openQueue();
      await fill(q, ['good', 'bad']);
      const set = await takeAll(q);
      const refused = { ...q.message('bad', { groupKey: 'digest' }), errorMsg: 'not JSON' };

      const archived = await q.broker.archiveMembers(q.name, set, [refused, q.message('stranger')]);

      expect(archived).toBe(1);
      const dump = await q.dump();
      expect(dump.archived).toEqual({ bad: q.clock.nowMs() / 1000 });
      expect(dump.tasks['bad']).toMatchObject({ state: 'archived', message: { errorMsg: 'not JSON' } });
      expect(dump.aggregationSets.map(({ members }) => Object.keys(members))).toEqual([['good']]);
      expect(dump.tasks).not.toHaveProperty('stranger');
    });
  });

  describe(`telling of full groups on ${backend}`, () => {
    /** Hears `"<group> <news>"`. */
    const hear = async (q: TestQueue): Promise<Hearing<string>> => {
      const hearing = new Hearing<string>();
      await q.broker.onGroupNews(q.name, (group, news) => hearing.listener(`${group} ${news}`));
      return hearing;
    };
    const limits = { ...MINUTE, maxSize: 2 };

    it('tells when a group reaches a size that somebody asked for, and each multiple of it', async () => {
      await using q = openQueue();
      const hearing = await hear(q);
      await q.broker.awaitSizes(q.name, [2, 5]);

      for (const id of ['1', '2', '3', '4', '5', '6', '7']) await q.broker.enqueue([member(q, id, 'a: 😀')]);
      for (const id of ['8', '9']) await q.broker.enqueue([member(q, id, 'other')]);
      await hearing.times(5);

      const at2456 = Array.from({ length: 4 }, () => 'a: 😀 full');
      expect(hearing.heard).toEqual([...at2456, 'other full']);
    });

    it('tells of a group that scheduled tasks fill', async () => {
      await using q = openQueue();
      const hearing = await hear(q);
      await q.broker.awaitSizes(q.name, [2]);
      const processAtMs = q.clock.nowMs() + 10_000;
      await q.broker.enqueue(['a', 'b'].map((id) => ({ ...member(q, id), processAtMs })));
      await q.clock.advance('10s');

      await q.broker.forwardDue(q.name, 100);
      await hearing.times(1);

      expect(hearing.heard).toEqual(['digest full']);
    });

    it('tells when a full group was taken, but not while it is full still', async () => {
      await using q = openQueue();
      await fill(q, ['a', 'b', 'c', 'd', 'e']);
      const hearing = await hear(q);

      await q.broker.takeRipe(q.name, 'digest', limits);
      await q.broker.takeRipe(q.name, 'digest', limits);
      await hearing.times(1);
      await q.clock.advance('60s');
      await q.broker.takeRipe(q.name, 'digest', limits); // ripe by its age
      await q.broker.enqueue(['f', 'g'].map((id) => member(q, id, 'other')));
      await q.broker.takeRipe(q.name, 'other', limits);
      await hearing.times(2);

      expect(hearing.heard).toEqual(['digest taken', 'other taken']);
    });

    it('says nothing when nobody asks, nor a minute after, nor of a refused task', async () => {
      await using q = openQueue();
      const hearing = await hear(q);
      await q.broker.enqueue([member(q, 'a')]);
      await q.broker.awaitSizes(q.name, [1, 2]);
      await q.clock.advance('61s');
      await q.broker.awaitSizes(q.name, [3]);
      await q.broker.enqueue([member(q, 'a'), member(q, 'b')]);

      await q.broker.enqueue([member(q, 'c')]);
      await hearing.times(1);

      expect(hearing.heard).toEqual(['digest full']);
    });

    it('leaves nothing in the queue that asynq would not know', async () => {
      await using q = openQueue();
      const before = await q.dump();

      await q.broker.awaitSizes(q.name, [2]);

      expect(await q.dump()).toEqual(before);
    });
  });

  describe(`naming groups again on ${backend}`, () => {
    const LIMIT = 100;
    /** Due in a minute; forwarded as by a Go server, which names no group. */
    const forwardUnnamed = async (q: TestQueue): Promise<void> => {
      await q.clock.advance('60s');
      await q.broker.forwardDue(q.name, LIMIT);
      await q.inject({ unnamedGroups: ['digest'] });
    };

    it('names the group of a set that it has seen, when the set was given back without the name', async () => {
      await using q = openQueue();
      await fill(q, ['a', 'b']);
      const before = await q.dump();
      const set = await takeAll(q);

      const seen = await q.broker.nameLostGroups(q.name, LIMIT);
      await q.broker.returnSet(q.name, set);
      await q.inject({ unnamedGroups: ['digest'] });
      const named = [await q.broker.nameLostGroups(q.name, LIMIT), await q.broker.nameLostGroups(q.name, LIMIT)];

      expect([seen, ...named]).toEqual([0, 1, 0]);
      expect(await q.dump()).toEqual(before);
    });

    it('names the group that a scheduled task joined after somebody had emptied it', async () => {
      await using q = openQueue();
      const processAtMs = q.clock.nowMs() + 120_000;
      await q.broker.enqueue([member(q, 'now'), { ...member(q, 'later'), processAtMs }]);
      await takeAll(q);
      expect((await q.dump()).groupNames).toEqual([]);
      await forwardUnnamed(q);

      const named = await q.broker.nameLostGroups(q.name, LIMIT);

      expect(named).toBe(1);
      expect(await q.dump()).toMatchObject({
        groupNames: ['digest'],
        groups: { digest: { later: expect.anything() } },
      });
    });

    it('names the group of a task that an inspector has put off', async () => {
      await using q = openQueue();
      await q.broker.enqueue([member(q, 'a')]);
      const from = { state: 'aggregating', group: 'digest' } as const;
      await q.broker.reschedule(q.name, from, 'a', q.clock.nowMs() + 60_000);
      await forwardUnnamed(q);

      const named = await q.broker.nameLostGroups(q.name, LIMIT);

      expect([named, (await q.dump()).groupNames]).toEqual([1, ['digest']]);
    });

    it('names the group of a task that ran by itself and came back from its retry', async () => {
      await using q = openQueue();
      await q.broker.enqueue([member(q, 'a')]);
      await q.broker.moveTasks(q.name, { state: 'aggregating', group: 'digest' }, ['a'], 'pending');
      const { message, leaseExpiresAtS } = (await q.broker.fetch(q.name, 1, 30_000)).tasks[0]!;
      const outcome = { kind: 'retry', retryAtMs: q.clock.nowMs() + 60_000, error: 'boom', isFailure: true } as const;
      await q.broker.settle(q.name, [{ message, claim: { id: 'a', expiriesS: [leaseExpiresAtS] }, outcome }]);

      const seen = await q.broker.nameLostGroups(q.name, LIMIT);
      await forwardUnnamed(q);
      const named = await q.broker.nameLostGroups(q.name, LIMIT);

      expect([seen, named, (await q.dump()).groupNames]).toEqual([0, 1, ['digest']]);
    });

    it('looks at all groups that it knows, some at one time', async () => {
      await using q = openQueue();
      const names = ['a: 😀', 'b', 'c'];
      const processAtMs = q.clock.nowMs() + 60_000;
      await q.broker.enqueue(names.map((name) => ({ ...member(q, `of-${name}`, name), processAtMs })));
      await q.clock.advance('60s');
      await q.broker.forwardDue(q.name, LIMIT);
      await q.inject({ unnamedGroups: names });

      for (let call = 0; call < names.length; call++) await q.broker.nameLostGroups(q.name, 1);

      expect((await q.dump()).groupNames).toEqual(names);
    });

    it('names no empty group, and forgets a group two minutes after its last task was due', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ ...member(q, 'later'), processAtMs: q.clock.nowMs() + 60_000 }]);
      await q.inject({ unnamedGroups: ['digest'] });

      const early = await q.broker.nameLostGroups(q.name, LIMIT);
      await forwardUnnamed(q);
      await q.clock.advance('119s');
      const inTime = await q.broker.nameLostGroups(q.name, LIMIT);
      await q.clock.advance('1s');
      await q.broker.nameLostGroups(q.name, LIMIT);
      await q.inject({ unnamedGroups: ['digest'] });
      const late = await q.broker.nameLostGroups(q.name, LIMIT);

      expect([early, inTime, late]).toEqual([0, 1, 0]);
    });
  });
}
