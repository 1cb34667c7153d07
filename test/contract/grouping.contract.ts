import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { type AggregationSet, allGroups, fill, idsOf, lockOf, member, MINUTE, takeAll } from './grouped-tasks.js';
import { CallRecorder } from './call-recorder.js';
import { NOTHING } from './nothing.js';

/** The contract of every broker for groups: tasks that wait together until they are taken. */
export function describeGrouping(backend: string, openQueue: () => TestQueue): void {
  describe(`joining a group on ${backend}`, () => {
    it('adds tasks to their groups, and names the groups', async () => {
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
      expect(await allGroups(q.broker, q.name)).toEqual([
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

    it('takes the unique lock, and stores its name with the task', async () => {
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

    it('adds a scheduled task to its group when it is due', async () => {
      await using q = openQueue();
      const processAtMs = q.clock.nowMs() + 10_000;

      const outcomes = await q.broker.enqueue([{ ...member(q, 'later'), processAtMs }]);
      const scheduled = await q.dump();
      await q.clock.advance('10s');
      await q.broker.forwardDue(q.name, 100);

      expect(outcomes).toEqual([{ status: 'scheduled' }]);
      // Go's inspector divides by the size of each named group.
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

    it('does not list a group whose tasks are all scheduled', async () => {
      await using q = openQueue();
      await q.broker.enqueue([{ ...member(q, 'later'), processAtMs: q.clock.nowMs() + 10_000 }]);

      expect(await allGroups(q.broker, q.name)).toEqual([]);
      expect(await q.broker.takeRipe(q.name, 'digest', MINUTE)).toBeUndefined();
      expect(await q.broker.groupSizes(q.name)).toEqual([]);
    });
  });

  describe(`taking ripe groups on ${backend}`, () => {
    it('takes all tasks when none has joined for the grace period, and not a second before', async () => {
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

    it('takes all tasks when the oldest has waited for maxDelay, even if others joined since', async () => {
      await using q = openQueue();
      const limits = { ...MINUTE, maxDelayS: 3 };
      await fill(q, ['a', 'b']);

      const early = await q.broker.takeRipe(q.name, 'digest', limits);
      await q.clock.advance('1s');
      const set = await q.broker.takeRipe(q.name, 'digest', limits);

      expect(early).toBeUndefined();
      expect(idsOf(set)).toEqual(['a', 'b']);
    });

    it('takes the oldest tasks as soon as maxSize is reached, and leaves the rest in the group', async () => {
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

    it('takes a group in time when one of its tasks joined in the future', async () => {
      await using q = openQueue();
      await fill(q, ['a', 'b']);
      await q.clock.advance('10m');
      await q.broker.enqueue([member(q, 'fast clock')]);
      const joinedS = q.clock.nowMs() / 1000;
      q.clock.set(q.clock.nowMs() - 540_000);

      const groups = await allGroups(q.broker, q.name);
      const set = await q.broker.takeRipe(q.name, 'digest', MINUTE);

      expect(groups).toEqual([{ name: 'digest', size: 3, oldestS: joinedS - 602, newestS: joinedS - 601 }]);
      expect(idsOf(set)).toEqual(['a', 'b', 'fast clock']);
    });

    it('takes a full group at once when all its tasks joined in the future', async () => {
      await using q = openQueue();
      await fill(q, ['a', 'b']);
      q.clock.set(q.clock.nowMs() - 540_000);

      const set = await q.broker.takeRipe(q.name, 'digest', { ...MINUTE, maxSize: 2 });

      expect(idsOf(set)).toEqual(['a', 'b']);
    });

    it('takes at most 1,000 at once', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 1_001 }, (_, at) => `task-${String(at).padStart(4, '0')}`);
      await q.broker.enqueue(ids.map((id) => member(q, id)));

      const first = await takeAll(q);
      const second = await q.broker.takeRipe(q.name, 'digest', MINUTE);

      expect(idsOf(first)).toEqual(ids.slice(0, 1_000));
      expect(idsOf(second)).toEqual(['task-1000']);
      expect((await q.dump()).groupNames).toEqual([]);
    });

    it('takes no more at once than a server may hold, the oldest first', async () => {
      await using q = openQueue();
      const ids = Array.from({ length: 20 }, (_, n) => `t-${String(n).padStart(2, '0')}`);
      await q.broker.enqueue(
        ids.map((id) => ({ message: q.message(id, { groupKey: 'digest', payload: new Uint8Array(1_000_000) }) })),
      );

      const first = await takeAll(q);
      const second = await takeAll(q);

      expect([idsOf(first), idsOf(second)]).toEqual([ids.slice(0, 16), ids.slice(16)]);
    });

    it('drops ids without a message, and quarantines unreadable tasks', async () => {
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

    it('leaves no set behind when all tasks are unusable', async () => {
      await using q = openQueue();
      await fill(q, ['gone']);
      await q.inject({ tasks: { gone: undefined } });
      await q.clock.advance('60s');

      expect(await q.broker.takeRipe(q.name, 'digest', MINUTE)).toBeUndefined();
      expect(await q.dump()).toMatchObject({ groups: NOTHING, groupNames: [], aggregationSets: [], tasks: NOTHING });
    });

    it('says how many tasks a set has left in its group', async () => {
      await using q = openQueue();
      const limits = { ...MINUTE, maxSize: 2 };
      await fill(q, ['gone', 'b', 'c', 'd', 'e', 'f', 'g']);
      await q.inject({ tasks: { gone: undefined } });

      const ripe = [
        await q.broker.takeRipe(q.name, 'digest', limits),
        await q.broker.takeRipe(q.name, 'digest', limits),
      ];
      const small = await q.broker.takeSmall(q.name, 'digest', limits);
      const last = await takeAll(q);

      const sets = [...ripe, small as AggregationSet, last];
      expect(sets.map((set) => [idsOf(set), set?.left])).toEqual([
        [['b'], 5],
        [['c', 'd'], 3],
        [['e', 'f'], 1],
        [['g'], 0],
      ]);
    });

    it.each(['takeRipe', 'takeSmall'] as const)(
      '%s takes the next tasks when the first ones are unusable',
      async (take) => {
        await using q = openQueue();
        await fill(q, ['gone', 'stub', 'c', 'd']);
        await q.inject({ tasks: { gone: undefined, stub: { msg: undefined } } });

        const set = await q.broker[take](q.name, 'digest', { ...MINUTE, maxSize: 2 });

        expect(idsOf(set as AggregationSet)).toEqual(['c', 'd']);
        expect((await q.dump()).aggregationSets.map(({ members }) => Object.keys(members))).toEqual([['c', 'd']]);
      },
    );

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

  describe(`taking small groups on ${backend}`, () => {
    it('takes a whole group, or nothing of one that is larger', async () => {
      await using q = openQueue();
      const ids = (count: number, group: string) =>
        Array.from({ length: count }, (_, n) => member(q, `${group}${n}`, group));
      await q.broker.enqueue([...ids(100, 'small'), ...ids(101, 'large')]);
      await q.clock.advance('60s');

      const small = await q.broker.takeSmall(q.name, 'small', MINUTE);
      const large = await q.broker.takeSmall(q.name, 'large', MINUTE);

      expect([idsOf(small as AggregationSet)?.length, large]).toEqual([100, 'tooLarge']);
      expect(Object.keys((await q.dump()).groups['large']!)).toHaveLength(101);
    });

    it('takes a full set of a larger group', async () => {
      await using q = openQueue();
      await fill(q, ['a', 'b', 'c']);

      const set = await q.broker.takeSmall(q.name, 'digest', { ...MINUTE, maxSize: 2 });

      expect(idsOf(set as AggregationSet)).toEqual(['a', 'b']);
    });

    it('leaves a group whose messages are too large together', async () => {
      await using q = openQueue();
      const payload = new Uint8Array(150_000);
      const enqueue = (id: string, group: string) =>
        q.broker.enqueue([{ message: q.message(id, { groupKey: group, payload }) }]);
      await Promise.all([enqueue('a', 'two'), enqueue('b', 'two'), enqueue('c', 'one')]);
      await q.clock.advance('60s');

      const two = await q.broker.takeSmall(q.name, 'two', MINUTE);
      const one = await q.broker.takeSmall(q.name, 'one', MINUTE);

      expect([two, idsOf(one as AggregationSet)]).toEqual(['tooLarge', ['c']]);
    });

    it('takes nothing of a group that is not ripe', async () => {
      await using q = openQueue();
      await fill(q, ['a']);
      const before = await q.dump();

      expect(await q.broker.takeSmall(q.name, 'digest', MINUTE)).toBeUndefined();
      expect(await q.broker.takeSmall(q.name, 'no such group', MINUTE)).toBeUndefined();
      expect(await q.dump()).toEqual(before);
    });
  });

  describe(`the order of groups on ${backend}`, () => {
    const ORDERS = ['newest', 'oldest'] as const;
    const orderOf = async (q: TestQueue, order: (typeof ORDERS)[number]): Promise<string[]> =>
      (await q.broker.groupsByTime(q.name, order, undefined, 10)).map(({ name }) => name);

    it('follows the newest or the oldest task of each group, then the name', async () => {
      await using q = openQueue();
      await q.broker.orderGroups(q.name, ORDERS);
      const atS = q.clock.nowMs() / 1000;
      await q.broker.enqueue([member(q, '1', 'b'), member(q, '2', 'a'), member(q, '3', 'c')]);
      await q.clock.advance('1s');
      await q.broker.enqueue([member(q, '4', 'a'), member(q, '5', 'd')]);

      expect(await q.broker.groupsByTime(q.name, 'newest', undefined, 10)).toEqual([
        { name: 'b', atS },
        { name: 'c', atS },
        { name: 'a', atS: atS + 1 },
        { name: 'd', atS: atS + 1 },
      ]);
      expect(await q.broker.groupsByTime(q.name, 'oldest', { name: 'a', atS }, 2)).toEqual([
        { name: 'b', atS },
        { name: 'c', atS },
      ]);
    });

    it('holds the groups that due tasks join, and those whose sets were returned', async () => {
      await using q = openQueue();
      await q.broker.orderGroups(q.name, ORDERS);
      await q.broker.enqueue([{ ...member(q, 'later'), processAtMs: q.clock.nowMs() + 1_000 }]);
      await q.clock.advance('1s');
      await q.broker.forwardDue(q.name, 10);

      const joined = await orderOf(q, 'newest');
      const set = await takeAll(q);
      const taken = [await orderOf(q, 'newest'), await orderOf(q, 'oldest')];
      await q.broker.returnSet(q.name, set);

      expect([joined, taken]).toEqual([['digest'], [[], []]]);
      expect([await orderOf(q, 'newest'), await orderOf(q, 'oldest')]).toEqual([['digest'], ['digest']]);
    });

    it('follows the oldest task that is left when a part of a group is taken', async () => {
      await using q = openQueue();
      await q.broker.orderGroups(q.name, ORDERS);
      const atS = q.clock.nowMs() / 1000;
      await fill(q, ['a', 'b', 'c']);

      await q.broker.takeRipe(q.name, 'digest', { ...MINUTE, maxSize: 2 });

      expect(await q.broker.groupsByTime(q.name, 'oldest', undefined, 1)).toEqual([{ name: 'digest', atS: atS + 2 }]);
    });

    it('reads groups in pages that contain each of them', async () => {
      await using q = openQueue();
      const names = Array.from({ length: 1_200 }, (_, n) => `g-${String(n).padStart(4, '0')}`);
      await q.broker.enqueue(names.map((name) => member(q, `of ${name}`, name)));

      const { groups, next } = await q.broker.waitingGroups(q.name);
      const all = await allGroups(q.broker, q.name);

      expect(groups.length).toBeLessThan(1_000);
      expect(next).toBeDefined();
      expect([...new Set(all.map(({ name }) => name))]).toEqual(names);
    });

    it('leaves nothing in the queue that is unknown to asynq', async () => {
      await using q = openQueue();
      const before = await q.dump();

      await q.broker.orderGroups(q.name, ORDERS);

      expect(await q.dump()).toEqual(before);
    });
  });

  describe(`notifications of full groups on ${backend}`, () => {
    /** Records `"<group> <change>"`. */
    const record = async (q: TestQueue): Promise<CallRecorder<string>> => {
      const recorder = new CallRecorder<string>();
      await q.broker.onGroupChanged(q.name, (group, change) => recorder.listener(`${group} ${change}`));
      return recorder;
    };
    const limits = { ...MINUTE, maxSize: 2 };

    it('notifies when a group reaches a requested size, and each multiple of it', async () => {
      await using q = openQueue();
      const recorder = await record(q);
      await q.broker.awaitSizes(q.name, [2, 5]);

      for (const id of ['1', '2', '3', '4', '5', '6', '7']) await q.broker.enqueue([member(q, id, 'a: 😀')]);
      for (const id of ['8', '9']) await q.broker.enqueue([member(q, id, 'other')]);
      await recorder.times(5);

      const at2456 = Array.from({ length: 4 }, () => 'a: 😀 full');
      expect(recorder.calls).toEqual([...at2456, 'other full']);
    });

    it('notifies of a group that scheduled tasks fill', async () => {
      await using q = openQueue();
      const recorder = await record(q);
      await q.broker.awaitSizes(q.name, [2]);
      const processAtMs = q.clock.nowMs() + 10_000;
      await q.broker.enqueue(['a', 'b'].map((id) => ({ ...member(q, id), processAtMs })));
      await q.clock.advance('10s');

      await q.broker.forwardDue(q.name, 100);
      await recorder.times(1);

      expect(recorder.calls).toEqual(['digest full']);
    });

    it('notifies when a full group was taken, but not while it is still full', async () => {
      await using q = openQueue();
      await fill(q, ['a', 'b', 'c', 'd', 'e']);
      const recorder = await record(q);

      await q.broker.takeRipe(q.name, 'digest', limits);
      await q.broker.takeRipe(q.name, 'digest', limits);
      await recorder.times(1);
      await q.clock.advance('60s');
      await q.broker.takeRipe(q.name, 'digest', limits); // ripe by its age
      await q.broker.enqueue(['f', 'g'].map((id) => member(q, id, 'other')));
      await q.broker.takeRipe(q.name, 'other', limits);
      await recorder.times(2);

      expect(recorder.calls).toEqual(['digest taken', 'other taken']);
    });

    it('sends nothing without a request, a minute after it, or for a refused task', async () => {
      await using q = openQueue();
      const recorder = await record(q);
      await q.broker.enqueue([member(q, 'a')]);
      await q.broker.awaitSizes(q.name, [1, 2]);
      await q.clock.advance('61s');
      await q.broker.awaitSizes(q.name, [3]);
      await q.broker.enqueue([member(q, 'a'), member(q, 'b')]);

      await q.broker.enqueue([member(q, 'c')]);
      await recorder.times(1);

      expect(recorder.calls).toEqual(['digest full']);
    });

    it('leaves nothing in the queue that is unknown to asynq', async () => {
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

    it('names the group of a known set that was returned without the name', async () => {
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

    it('names the group that a scheduled task joined after it had been emptied', async () => {
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

    it('names the group of a task that an inspector has rescheduled', async () => {
      await using q = openQueue();
      await q.broker.enqueue([member(q, 'a')]);
      const from = { state: 'aggregating', group: 'digest' } as const;
      await q.broker.reschedule(q.name, from, 'a', q.clock.nowMs() + 60_000);
      await forwardUnnamed(q);

      const named = await q.broker.nameLostGroups(q.name, LIMIT);

      expect([named, (await q.dump()).groupNames]).toEqual([1, ['digest']]);
    });

    it('names the group of a task that ran by itself and returned from its retry', async () => {
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

    it('checks all groups that it knows, some per call', async () => {
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
