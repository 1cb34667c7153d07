import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';
import { NOTHING } from './nothing.js';

type Broker = TestQueue['broker'];
type Tick = Parameters<Broker['fireTick']>[0];

type Definition = Parameters<Broker['saveSchedule']>[0];
type CatchUp = Definition['catchUp'];

const SPEC = '@every 1m';

const scheduleOf = (q: TestQueue, spec = SPEC, type = 'report:build', catchUp = 'skip' as CatchUp): Definition => {
  const message = q.message('', { type, headers: { from: 'plan' }, payload: Uint8Array.of(0, 255) });
  return { queue: q.name, name: 'report', spec, catchUp, template: { message, ...noTimes } };
};

const noTimes = { processAtMs: undefined, processInMs: undefined, uniqueTtlMs: undefined, backoff: undefined };

/** A definition as it is read back. */
const stored = (definition: Definition) => ({ ...definition, taskType: definition.template.message.type });

/** A schedule that was stored just now, and its first tick. */
async function openSchedule(q: TestQueue, task: Partial<Tick['task']> = {}): Promise<Tick> {
  const { claimedMs } = (await q.broker.saveSchedule(scheduleOf(q))).progress;
  const message = q.message('one');
  return {
    ...scheduleOf(q),
    claimedMs,
    tickMs: claimedMs + 60_000,
    task: { message, ...task },
  };
}

const fresh = (q: TestQueue) => {
  const nowMs = q.clock.nowMs();
  return { sinceMs: nowMs, claimedMs: nowMs, firedMs: undefined, isPaused: false };
};

/** The contract of every broker for stored schedules. */
export function describeScheduling(backend: string, openQueue: () => TestQueue): void {
  describe(`scheduling on ${backend}`, () => {
    it('stores a schedule and its progress', async () => {
      await using q = openQueue();
      const progress = fresh(q);

      const first = await q.broker.saveSchedule(scheduleOf(q));
      await q.clock.advance('5m');
      const other = scheduleOf(q, SPEC, 'other', 'one');
      const second = await q.broker.saveSchedule(other);

      expect(first).toEqual({ progress, replaced: undefined });
      expect(second).toEqual({ progress, replaced: { ...stored(scheduleOf(q)), ...progress } });
      expect(await q.broker.schedules(q.name)).toEqual([{ ...stored(other), ...progress }]);
      expect(await q.broker.findSchedule(other)).toEqual({ ...stored(other), ...progress });
      expect(await q.broker.findSchedule({ ...other, name: 'other' })).toBeUndefined();
      expect(await q.dump()).toMatchObject({ tasks: NOTHING, isAnnounced: false });
    });

    it('keeps the template of its tasks, and nothing of the previous one', async () => {
      await using q = openQueue();
      const { template, ...definition } = scheduleOf(q);
      const uniqueKey = `asynq:{${q.name}}:unique:report:build:1`;
      const templates = [
        { message: q.message('fixed', { uniqueKey }), processAtMs: 5, processInMs: undefined, uniqueTtlMs: 60_000 },
        { ...template, processAtMs: undefined, processInMs: 1_500.5, uniqueTtlMs: undefined },
        { ...template, backoff: 'fixed 1000 60000 0' },
        template,
      ];

      const kept: unknown[] = [];
      for (const one of templates) {
        await q.broker.saveSchedule({ ...definition, template: one });
        kept.push((await q.broker.findSchedule(definition))?.template);
      }

      expect(kept).toEqual(templates);
    });

    it('starts over when the spec changes, and stays paused', async () => {
      await using q = openQueue();
      const tick = await openSchedule(q);
      await q.broker.fireTick(tick);
      await q.broker.setSchedulePaused(tick, true);
      await q.clock.advance('5m');

      const before = await q.broker.findSchedule(tick);
      const { progress, replaced } = await q.broker.saveSchedule(scheduleOf(q, '@every 2m'));

      expect(progress).toEqual({ ...fresh(q), isPaused: true });
      expect(replaced).toEqual(before);
    });

    it('returns the replaced definition to each of two that are stored at the same time, but the first', async () => {
      await using q = openQueue();
      const definitions = [scheduleOf(q), scheduleOf(q, SPEC, 'other'), scheduleOf(q, SPEC, 'other')];

      const replies = await Promise.all(definitions.map((definition) => q.broker.saveSchedule(definition)));

      expect(replies.map(({ replaced }) => replaced?.taskType)).toEqual([undefined, 'report:build', undefined]);
    });

    it('claims a tick and enqueues its task in one step', async () => {
      await using q = openQueue();
      const tick = await openSchedule(q);
      await q.clock.advance('1m');

      const { outcome, progress } = await q.broker.fireTick(tick);

      expect(outcome).toEqual({ status: 'enqueued', state: 'pending' });
      expect(progress).toEqual({
        sinceMs: tick.claimedMs,
        claimedMs: tick.tickMs,
        firedMs: tick.tickMs,
        isPaused: false,
      });
      const { nextUp, tasks, isAnnounced } = await q.dump();
      expect({ nextUp, isAnnounced }).toEqual({ nextUp: ['one'], isAnnounced: true });
      expect(tasks).toEqual({
        one: { message: q.message('one'), state: 'pending', pendingSinceNs: q.clock.nowNs() },
      });
    });

    it('lets one of many schedulers claim a tick', async () => {
      await using q = openQueue();
      const tick = await openSchedule(q);

      const claims = ['a', 'b', 'c', 'd', 'e'].map((id) =>
        q.broker.fireTick({ ...tick, task: { message: q.message(id) } }),
      );
      const replies = await Promise.all(claims);

      expect(replies.map(({ outcome }) => outcome.status).sort()).toEqual([...Array(4).fill('claimed'), 'enqueued']);
      expect((await q.dump()).nextUp).toHaveLength(1);
    });

    it('writes nothing for a tick that was claimed before, and returns the progress', async () => {
      await using q = openQueue();
      const tick = await openSchedule(q);
      await q.broker.fireTick(tick);
      const before = await q.dump();

      const reply = await q.broker.fireTick({ ...tick, task: { message: q.message('two') } });

      expect(reply).toEqual({
        outcome: { status: 'claimed' },
        progress: { sinceMs: tick.claimedMs, claimedMs: tick.tickMs, firedMs: tick.tickMs, isPaused: false },
      });
      expect(await q.dump()).toEqual(before);
    });

    it('nudges the forwarders for a task that is due before all scheduled ones', async () => {
      await using q = openQueue();
      const recorder = new CallRecorder<void>();
      await q.broker.onNudge(q.name, () => recorder.listener());
      await q.seed({ scheduled: { later: '1h' } });

      await q.broker.fireTick(await openSchedule(q, { processAtMs: q.clock.nowMs() + 60_000 }));
      await recorder.times(1);

      expect(Object.keys((await q.dump()).scheduled).sort()).toEqual(['later', 'one']);
    });

    it('schedules a task that starts later, to the millisecond, and nudges the forwarders', async () => {
      await using q = openQueue();
      const recorder = new CallRecorder<void>();
      await q.broker.onNudge(q.name, () => recorder.listener());
      const processAtMs = q.clock.nowMs() + 1_500;
      const tick = await openSchedule(q, { processAtMs });

      const { outcome } = await q.broker.fireTick(tick);
      await recorder.times(1);

      expect(outcome).toEqual({ status: 'enqueued', state: 'scheduled' });
      expect(await q.dump()).toMatchObject({
        scheduled: { one: Math.ceil(processAtMs / 1000) },
        tasks: { one: { state: 'scheduled', dueAtMs: processAtMs } },
      });
    });

    it('takes the lock of a unique task, and uses up the tick when another task holds it', async () => {
      await using q = openQueue();
      const uniqueKey = `asynq:{${q.name}}:unique:test:task:1`;
      const tick = await openSchedule(q, { message: q.message('one', { uniqueKey }), uniqueTtlS: 60 });
      await q.broker.fireTick(tick);

      const second = { message: q.message('two', { uniqueKey }), uniqueTtlS: 60 };
      const reply = await q.broker.fireTick({
        ...tick,
        claimedMs: tick.tickMs,
        tickMs: tick.tickMs + 60_000,
        task: second,
      });

      expect(reply).toMatchObject({ outcome: { status: 'duplicate' }, progress: { claimedMs: tick.tickMs + 60_000 } });
      const { nextUp, locks, tasks } = await q.dump();
      expect({ nextUp, locks }).toEqual({ nextUp: ['one'], locks: { [uniqueKey]: 'one' } });
      expect(tasks['one']).toMatchObject({ uniqueKey });
    });

    it('uses up the tick when the queue has a task with the id', async () => {
      await using q = openQueue();
      await q.seed({ archived: { one: '1m' } });
      const tick = await openSchedule(q);

      const reply = await q.broker.fireTick(tick);

      expect(reply).toMatchObject({ outcome: { status: 'idConflict' }, progress: { claimedMs: tick.tickMs } });
      expect(await q.dump()).toMatchObject({ nextUp: [], tasks: { one: { state: 'archived' } } });
    });

    it('fires nothing while it is paused, and counts from the resumption', async () => {
      await using q = openQueue();
      const tick = await openSchedule(q);

      const pauses = [await q.broker.setSchedulePaused(tick, true), await q.broker.setSchedulePaused(tick, true)];
      await q.clock.advance('10m');
      const { outcome } = await q.broker.fireTick(tick);
      const resumptions = [
        await q.broker.setSchedulePaused(tick, false),
        await q.broker.setSchedulePaused(tick, false),
      ];

      expect([pauses, resumptions]).toEqual([
        [true, false],
        [true, false],
      ]);
      expect(outcome).toEqual({ status: 'paused' });
      expect(await q.dump()).toMatchObject({ tasks: NOTHING });
      expect(await q.broker.schedules(q.name)).toMatchObject([{ claimedMs: q.clock.nowMs(), isPaused: false }]);
    });

    it.each<{ part: string; change: (q: TestQueue, definition: Definition) => Partial<Definition> }>([
      { part: 'spec', change: () => ({ spec: '@hourly' }) },
      { part: 'type', change: (q) => scheduleOf(q, SPEC, 'other') },
      { part: 'payload', change: (q) => ({ template: { message: q.message('', { payload: Uint8Array.of(1) }) } }) },
      { part: 'catch-up', change: () => ({ catchUp: 'all' }) },
      { part: 'start', change: (_q, { template }) => ({ template: { ...template, processInMs: 5 } }) },
      { part: 'lock', change: (_q, { template }) => ({ template: { ...template, uniqueTtlMs: 5_000 } }) },
      { part: 'backoff', change: (_q, { template }) => ({ template: { ...template, backoff: 'fixed 1000 60000 0' } }) },
    ])('fires nothing for a definition whose $part was replaced, and reports that', async ({ change }) => {
      await using q = openQueue();
      const recorder = new CallRecorder<string>();
      const tick = await openSchedule(q);
      await q.broker.onScheduleChanged(q.name, (name) => recorder.listener(name));
      await q.broker.saveSchedule(scheduleOf(q));
      const newer = { ...scheduleOf(q), ...change(q, scheduleOf(q)) };
      await q.broker.saveSchedule(newer);

      const { outcome } = await q.broker.fireTick(tick);
      const { outcome: outcomeOfNewer } = await q.broker.fireTick({ ...tick, ...newer });
      await recorder.times(1);

      expect([outcome.status, outcomeOfNewer.status]).toEqual(['replaced', 'enqueued']);
      expect((await q.dump()).nextUp).toEqual(['one']);
      expect(recorder.calls).toEqual(['report']);
    });

    it('forgets a schedule that is removed', async () => {
      await using q = openQueue();
      const tick = await openSchedule(q);

      const removals = [await q.broker.removeSchedule(scheduleOf(q)), await q.broker.removeSchedule(tick)];

      expect(removals).toEqual([true, false]);
      expect(await q.broker.fireTick(tick)).toEqual({ outcome: { status: 'missing' }, progress: undefined });
      expect(await q.broker.setSchedulePaused(tick, true)).toBeUndefined();
      expect(await q.broker.schedules(q.name)).toEqual([]);
      expect(await q.dump()).toMatchObject({ tasks: NOTHING });
    });

    it('forgets a definition only while it is the one stored', async () => {
      await using q = openQueue();
      const tick = await openSchedule(q);
      const newer = scheduleOf(q, SPEC, 'other');
      await q.broker.saveSchedule(newer);

      const isRemoved = await q.broker.removeSchedule(tick);
      const left = await q.broker.schedules(q.name);

      expect([isRemoved, left.map(({ taskType }) => taskType)]).toEqual([false, ['other']]);
      expect(await q.broker.removeSchedule({ queue: q.name, name: 'report' })).toBe(true);
      expect(await q.broker.schedules(q.name)).toEqual([]);
    });

    it('names the queues that have schedules', async () => {
      await using q = openQueue();
      const before = await q.broker.scheduleQueues();
      await q.broker.saveSchedule(scheduleOf(q));

      const after = await q.broker.scheduleQueues();
      await q.broker.purgeQueue(q.name);

      expect([before, after].map((queues) => queues.includes(q.name))).toEqual([false, true]);
      expect(await q.broker.scheduleQueues()).not.toContain(q.name);
      expect(await q.broker.schedules(q.name)).toEqual([]);
    });

    it('notifies when a schedule is paused, resumed or removed, and not without a change', async () => {
      await using q = openQueue();
      const recorder = new CallRecorder<string>();
      const tick = await openSchedule(q);
      const end = await q.broker.onScheduleChanged(q.name, (name) => recorder.listener(name));

      for (const isPaused of [true, true, false, false]) await q.broker.setSchedulePaused(tick, isPaused);
      await q.broker.removeSchedule(tick);
      await q.broker.removeSchedule(tick);
      await q.broker.saveSchedule({ ...scheduleOf(q), name: 'last' });
      await q.broker.purgeQueue(q.name);
      await recorder.times(4);
      await end();

      // In any order: the nodes of a cluster forward messages independently, and a purge publishes on another node than
      // a script.
      expect(recorder.calls.toSorted()).toEqual(['last', 'report', 'report', 'report']);
    });

    it('lists schedules by name', async () => {
      await using q = openQueue();
      for (const name of ['b', 'a', 'ä b:c']) await q.broker.saveSchedule({ ...scheduleOf(q), name });

      const names = (await q.broker.schedules(q.name)).map(({ name }) => name);

      expect(names).toEqual(['a', 'b', 'ä b:c']);
    });
  });
}
