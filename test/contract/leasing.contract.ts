import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { NOTHING } from './nothing.js';

const LEASE_MS = 30_000;

/** The contract of every broker for fetching tasks and extending leases. */
export function describeLeasing(backend: string, openQueue: () => TestQueue): void {
  describe(`leasing on ${backend}`, () => {
    it('takes the oldest tasks, with a lease until a whole second that is not early', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['first', 'second', 'third'] });
      await q.clock.advance(1);
      const leaseExpiresAtS = Math.ceil((q.clock.nowMs() + LEASE_MS) / 1000);

      const reply = await q.broker.fetch(q.name, 2, LEASE_MS);

      expect(reply.isPaused).toBe(false);
      expect(reply.tasks).toMatchObject([
        { message: { id: 'first', type: 'test:task', maxRetry: 25, timeoutS: 1800n }, leaseExpiresAtS },
        { message: { id: 'second' }, leaseExpiresAtS },
      ]);
      const dump = await q.dump();
      expect(dump).toMatchObject({
        nextUp: ['third'],
        active: ['second', 'first'],
        leases: { first: leaseExpiresAtS, second: leaseExpiresAtS },
        tasks: { first: { state: 'active' }, second: { state: 'active' }, third: { state: 'pending' } },
      });
      expect(dump.tasks['first']).not.toHaveProperty('pendingSinceNs');
    });

    it('returns the payload byte for byte', async () => {
      await using q = openQueue();
      const payload = Uint8Array.from({ length: 256 }, (_, byte) => byte);
      await q.seed({ pending: ['binary'], messages: { binary: { payload, headers: { ключ: '値 😀' } } } });

      const { tasks } = await q.broker.fetch(q.name, 1, LEASE_MS);

      expect(Uint8Array.from(tasks[0]!.message.payload)).toEqual(payload);
      expect(tasks[0]!.message.headers).toEqual({ ключ: '値 😀' });
    });

    it('tells since when a task was pending, if it is asked', async () => {
      await using q = openQueue();
      const sinceMs = q.clock.nowMs();
      await q.broker.enqueue(['asked', 'unasked'].map((id) => ({ message: q.message(id) })));
      await q.clock.advance('5s');

      const asked = await q.broker.fetch(q.name, 1, LEASE_MS, [], true);
      const unasked = await q.broker.fetch(q.name, 1, LEASE_MS);

      expect(asked.tasks[0]!.message.id).toBe('asked');
      expect(asked.tasks[0]!.pendingSinceMs).toBeGreaterThanOrEqual(sinceMs);
      expect(asked.tasks[0]!.pendingSinceMs).toBeLessThan(q.clock.nowMs());
      expect(unasked.tasks[0]!.pendingSinceMs).toBeUndefined();
    });

    it('tells how many workers were lost with a task since it last ended an attempt', async () => {
      await using q = openQueue();
      const messages = { failed: { retried: 1, lastFailedAtS: 1_600_000_000n } };
      await q.seed({ pending: ['fresh', 'lost', 'alone', 'failed', 'odd'], messages });
      const tasks = { lost: '2 0 0', alone: '3:1 0 0', failed: '2 0 0', odd: 'x 0 0' };
      for (const [id, crashes] of Object.entries(tasks)) await q.inject({ tasks: { [id]: { crashes } } });

      const reply = await q.broker.fetch(q.name, 5, LEASE_MS);

      expect(reply.tasks.map(({ crashes }) => crashes)).toEqual([undefined, 2, 3, 0, 0]);
    });

    it('notes that a task is alone on its server, for its owner alone, until the attempt ends', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine', 'other'] });
      const { broker } = q;
      const [mine, claim] = [q.message('mine'), q.claim('mine')];
      const alone = async (): Promise<unknown> => (await q.dump()).tasks['mine']!.alone;

      const replies = [
        await broker.noteAlone(mine, { ...claim, expiriesS: [1] }, true),
        await alone(),
        await broker.noteAlone(mine, claim, true),
        await alone(),
        await broker.noteAlone(mine, claim, false),
        await alone(),
        await broker.noteAlone(mine, claim, true),
        await broker.settle(q.name, [{ message: mine, claim, outcome: { kind: 'requeue' } }]),
        await alone(),
        await broker.noteAlone(mine, claim, true),
      ];

      expect(replies).toEqual([false, undefined, true, '1 0 0', true, undefined, true, ['settled'], undefined, false]);
      expect((await q.dump()).tasks['other']).not.toHaveProperty('alone');
    });

    it.each([
      { kind: 'complete' },
      { kind: 'retry', retryAtMs: 4_102_438_400_000, error: 'e', isFailure: false },
      { kind: 'archive', error: 'e' },
    ] as const)('forgets that a task was alone when its attempt ends: $kind', async (outcome) => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      await q.broker.noteAlone(q.message('mine'), q.claim('mine'), true);

      await q.broker.settle(q.name, [{ message: q.message('mine'), claim: q.claim('mine'), outcome }]);

      expect((await q.dump()).tasks['mine']).not.toHaveProperty('alone');
    });

    it('forgets that a task was alone when the next attempt begins', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['left'] });
      await q.inject({ tasks: { left: { alone: '1 0 0' } } });

      await q.broker.fetch(q.name, 1, LEASE_MS);

      expect((await q.dump()).tasks['left']).not.toHaveProperty('alone');
    });

    it('passes over tasks, which stay in their places, and takes those behind them', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['left', 'first', 'also left', 'second', 'third', 'behind'] });
      const passOver = ['also left', 'behind', 'gone', 'left'];

      const replies = [
        await q.broker.fetch(q.name, 1, LEASE_MS, passOver),
        await q.broker.fetch(q.name, 2, LEASE_MS, passOver),
        await q.broker.fetch(q.name, 2, LEASE_MS, passOver),
      ];

      expect(replies.map(({ tasks }) => tasks.map(({ message }) => message.id))).toEqual([
        ['first'],
        ['second', 'third'],
        [],
      ]);
      expect(replies).toMatchObject([
        { remaining: 4, passedOver: 1 },
        { remaining: 1, passedOver: 2 },
        { remaining: 0, passedOver: 3 },
      ]);
      const { nextUp, leases, tasks } = await q.dump();
      expect(nextUp).toEqual(['left', 'also left', 'behind']);
      expect(Object.keys(leases).sort()).toEqual(['first', 'second', 'third']);
      expect(tasks['left']).toMatchObject({ state: 'pending' });
    });

    it('keeps the order of tasks that it passes over, and of those that do not fit any more', async () => {
      await using q = openQueue();
      const payload = new Uint8Array(700_000);
      const messages = { large: { payload }, larger: { payload } };
      await q.seed({ pending: ['left', 'large', 'also left', 'larger', 'behind', 'last'], messages });

      const reply = await q.broker.fetch(q.name, 3, LEASE_MS, ['left', 'also left', 'behind']);

      expect(reply.tasks.map(({ message }) => message.id)).toEqual(['large']);
      const { nextUp } = await q.dump();
      const isPassed = (id: string): boolean => /left|behind/.test(id);
      expect(nextUp.filter(isPassed)).toEqual(['left', 'also left', 'behind']);
      expect(nextUp.filter((id) => !isPassed(id))).toEqual(['larger', 'last']);
      expect(reply.remaining + reply.passedOver!).toBe(5);
    });

    it('counts what is left, whether it filled the fetch or not', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['1', '2', '3', '4', '5'] });

      expect(await q.broker.fetch(q.name, 2, LEASE_MS)).toMatchObject({ remaining: 3 });
      expect(await q.broker.fetch(q.name, 3, LEASE_MS)).toMatchObject({ remaining: 0 });
      expect(await q.broker.fetch(q.name, 4, LEASE_MS)).toEqual({ tasks: [], isPaused: false, remaining: 0 });
    });

    it('reports remaining tasks when it drops or archives the fetched ones', async () => {
      await using q = openQueue();
      const broken = { msg: Uint8Array.from([0xff, 0xff]), state: 'pending' } as const;
      await q.inject({ nextUp: ['gone', 'broken'], tasks: { broken } });
      await q.seed({ pending: ['sound'] });

      const reply = await q.broker.fetch(q.name, 2, LEASE_MS);

      expect(reply).toEqual({ tasks: [], isPaused: false, remaining: 1, orphans: ['gone'] });
    });

    it('cap: takes at most 1,000 tasks at once, whatever the limit, and reports the remaining ones', async () => {
      await using q = openQueue();
      await q.seed({ pending: Array.from({ length: 1_001 }, (_, at) => `task-${at}`) });

      const { tasks, remaining } = await q.broker.fetch(q.name, 10_000, LEASE_MS);

      expect(tasks).toHaveLength(1_000);
      expect(remaining).toBe(1);
      expect((await q.dump()).nextUp).toEqual(['task-1000']);
    });

    it('cap: takes no more than 1 MiB of messages at once, and reports the remaining ones', async () => {
      await using q = openQueue();
      const ids = ['a', 'b', 'c', 'd', 'e'];
      const payload = Buffer.alloc(400_000);
      await q.seed({ pending: ids, messages: Object.fromEntries(ids.map((id) => [id, { payload }])) });
      const before = await q.dump();

      const first = await q.broker.fetch(q.name, 10, LEASE_MS);
      const between = await q.dump();
      const second = await q.broker.fetch(q.name, 10, LEASE_MS);
      const third = await q.broker.fetch(q.name, 10, LEASE_MS);

      const replies = [first, second, third];
      expect(replies.map(({ tasks }) => tasks.map(({ message }) => message.id))).toEqual([
        ['a', 'b'],
        ['c', 'd'],
        ['e'],
      ]);
      expect(replies.map(({ remaining }) => remaining)).toEqual([3, 1, 0]);
      expect(between.nextUp).toEqual(['c', 'd', 'e']);
      expect(Object.keys(between.leases)).toEqual(['a', 'b']);
      expect(isDeepStrictEqual(between.tasks['c'], before.tasks['c'])).toBe(true); // `toEqual` takes long for so many bytes
    });

    it('takes a task alone if its message is larger than the limit of a fetch', async () => {
      await using q = openQueue();
      const payload = Buffer.alloc(1_100_000);
      await q.seed({ pending: ['small', 'huge', 'next'], messages: { huge: { payload } } });

      const ids: string[][] = [];
      for (let round = 0; round < 3; round++) {
        const { tasks } = await q.broker.fetch(q.name, 10, LEASE_MS);
        ids.push(tasks.map(({ message }) => message.id));
      }

      expect(ids).toEqual([['small'], ['huge'], ['next']]);
    });

    it('drops an id without a message and continues with the others', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['sound'] });
      await q.inject({ nextUp: ['gone', 'stub'], tasks: { stub: { state: 'pending' } } });

      const { tasks, orphans } = await q.broker.fetch(q.name, 10, LEASE_MS);

      expect(tasks.map(({ message }) => message.id)).toEqual(['sound']);
      expect(orphans).toEqual(['gone', 'stub']);
      const dump = await q.dump();
      expect(dump).toMatchObject({ nextUp: [], active: ['sound'] });
      expect(Object.keys(dump.leases)).toEqual(['sound']);
      expect(Object.keys(dump.tasks)).toEqual(['sound']);
    });

    it('archives a message that does not decode, with its bytes and the reason', async () => {
      await using q = openQueue();
      const msg = Uint8Array.from([0xff, 0xff]);
      await q.inject({ nextUp: ['broken'], tasks: { broken: { msg, state: 'pending', pendingSinceNs: 1n } } });

      const { tasks } = await q.broker.fetch(q.name, 10, LEASE_MS);

      expect(tasks).toEqual([]);
      const dump = await q.dump();
      expect(dump).toMatchObject({
        nextUp: [],
        active: [],
        leases: NOTHING,
        archived: { broken: q.clock.nowMs() / 1000 },
        tasks: { broken: { state: 'archived', rawMsg: msg, message: { id: 'broken', queue: q.name } } },
      });
      expect(dump.tasks['broken']?.message?.type).toBe('asynq:quarantined');
      expect(dump.tasks['broken']?.message?.errorMsg).toContain('cannot decode');
    });

    it.each([
      ['another id', { id: 'another' }],
      ['another queue', { queue: 'another' }],
      ['no queue', { queue: '' }],
    ])('archives a message that names %s, under the names of its key', async (_, foreign) => {
      await using q = openQueue();
      await q.seed({ pending: ['odd'], messages: { odd: { ...foreign, payload: Buffer.from('kept') } } });

      const { tasks } = await q.broker.fetch(q.name, 10, LEASE_MS);

      expect(tasks).toEqual([]);
      const { message } = (await q.dump()).tasks['odd']!;
      expect(message).toMatchObject({ id: 'odd', queue: q.name, type: 'test:task' });
      expect(Buffer.from(message!.payload).toString()).toBe('kept');
      expect(message?.errorMsg).toMatch(/^asynq: message is of task/);
    });

    it('returns since when no server has known the type', async () => {
      await using q = openQueue();
      await q.seed({ pending: ['odd', 'plain'] });
      await q.inject({ tasks: { odd: { unknownSinceMs: '1600000000123 0 0' } } });

      const { tasks } = await q.broker.fetch(q.name, 2, LEASE_MS);

      expect(tasks.map(({ unknownTypeSinceMs }) => unknownTypeSinceMs)).toEqual([1_600_000_000_123, undefined]);
    });

    it.each([
      ['failed', { retried: 1, lastFailedAtS: 1_600_000_000n }],
      ['failed uncounted', { lastFailedAtS: 1_600_000_000n }],
    ])('starts over when an attempt of Go, which keeps the field, has %s meanwhile', async (_, message) => {
      await using q = openQueue();
      await q.seed({ pending: ['odd'], messages: { odd: message } });
      await q.inject({ tasks: { odd: { unknownSinceMs: '1600000000123 0 0' } } });

      const { tasks } = await q.broker.fetch(q.name, 1, LEASE_MS);

      expect(tasks.map(({ unknownTypeSinceMs }) => unknownTypeSinceMs)).toEqual([undefined]);
    });

    it.each(['', 'soon 0 0', '-1 0 0', '1.5 0 0', '1600000000123'])('ignores "%s" as such a time', async (record) => {
      await using q = openQueue();
      await q.seed({ pending: ['odd'] });
      await q.inject({ tasks: { odd: { unknownSinceMs: record } } });

      const { tasks } = await q.broker.fetch(q.name, 1, LEASE_MS);

      expect(tasks.map(({ unknownTypeSinceMs }) => unknownTypeSinceMs)).toEqual([undefined]);
    });

    it('extends the leases that are still ours and returns the others', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine', 'reclaimed'] });
      const ended = { id: 'ended', expiriesS: [1] };
      await q.reclaimLease('reclaimed');
      const before = await q.dump();
      const expiresAtS = before.leases['mine']! + 5;

      const claims = [q.claim('mine'), q.claim('reclaimed'), ended];
      const { lost } = await q.broker.extendLeases(q.name, claims, expiresAtS);

      expect(lost).toEqual(['reclaimed', 'ended']);
      expect(await q.dump()).toEqual({ ...before, leases: { ...before.leases, mine: expiresAtS } });
    });

    it('accepts any of the expiries that its server may have written', async () => {
      await using q = openQueue();
      await q.seed({ active: ['mine'] });
      const [confirmedS] = q.claim('mine').expiriesS;

      const claim = { id: 'mine', expiriesS: [confirmedS! - 5, confirmedS!] };
      const { lost } = await q.broker.extendLeases(q.name, [claim], confirmedS! + 5);

      expect(lost).toEqual([]);
      expect((await q.dump()).leases).toEqual({ mine: confirmedS! + 5 });
    });
  });
}
