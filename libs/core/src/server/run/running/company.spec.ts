import { describe, expect, it, vi } from 'vitest';
import type { LeaseOps } from '../../../broker/contract/lease.js';
import { silentLogger } from '../../../runtime/logger.js';
import { FakeLease } from '../../../test-support/fake-lease.js';
import { FakeClock } from '../../../testing/fake-clock.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { TrackedTask } from '../../leases/lease-handle.js';
import { Company, mostInHand, patienceMs } from './company.js';

/** A company over slots that the test frees by hand. */
function prepare(concurrency = 16) {
  const clock = new FakeClock();
  const running = new Map<string, TrackedTask>();
  const returned: string[] = [];
  const canceled: string[] = [];
  const noteAlone = vi.fn<LeaseOps['noteAlone']>(async () => true);
  const slots = {
    concurrency,
    get inHand() {
      return running.size;
    },
    begin: (tracked: TrackedTask) => void running.set(tracked.task.message.id, tracked),
    takeCanceled: ({ task: { message } }: TrackedTask) => void canceled.push(message.id),
    giveBack: ({ task: { message } }: { task: { message: TaskMessage } }) => void returned.push(message.id),
    onFree: vi.fn<() => void>(),
  };
  const company = new Company(slots, { leases: { noteAlone }, clock, logger: silentLogger });
  const enter = (id: string, crashes?: number): FakeLease => {
    const message = { id, queue: 'q', type: 't', timeoutS: 10n, deadlineS: 0n } as TaskMessage;
    const lease = new FakeLease({ id, expiriesS: [9] }, Infinity);
    const startedAtMs = clock.nowMs();
    company.enter({ task: { message, leaseExpiresAtS: 9, crashes }, startedAtMs, deadlineMs: startedAtMs }, lease);
    return lease;
  };
  const end = (id: string): void => {
    const begun = running.get(id)!;
    running.delete(id);
    company.leave(begun);
    company.step();
  };
  const notes = (): (string | boolean)[][] => noteAlone.mock.calls.map(([{ id }, , isAlone]) => [id, isAlone]);
  return {
    company,
    clock,
    running,
    returned,
    canceled,
    noteAlone,
    notes,
    slots,
    enter,
    end,
    ids: () => [...running.keys()],
    settle: () => clock.advance(0),
  };
}

describe('the company of a suspect', () => {
  it('is a quarter of the slots after its second crash, and so on down to none', () => {
    const by = (concurrency: number): number[] => [0, 1, 2, 3, 4, 5].map((crashes) => mostInHand(crashes, concurrency));

    expect(by(1)).toEqual([Infinity, 1, 1, 1, 1, 1]);
    expect(by(10)).toEqual([Infinity, Infinity, 2, 1, 1, 1]);
    expect(by(100)).toEqual([Infinity, Infinity, 25, 6, 1, 1]);
    expect(by(1_000)).toEqual([Infinity, Infinity, 250, 62, 15, 3]);
  });

  it('is waited for longer after each crash', () => {
    expect([1, 2, 3, 4, 100].map(patienceMs)).toEqual([30_000, 30_000, 120_000, 480_000, 86_400_000]);
  });

  it('does not limit tasks that were in hand at one crash or none', () => {
    const { company, enter, ids } = prepare(2);

    enter('fresh');
    enter('lost once', 1);

    expect(ids()).toEqual(['fresh', 'lost once']);
    expect(company.limit).toBe(Infinity);
  });

  it('limits what starts beside a suspect, whatever it is; the rest goes back in its order', () => {
    const { company, enter, ids, returned } = prepare(16);

    enter('suspect', 2);
    for (const id of ['a', 'b', 'c', 'd', 'e']) enter(id);

    expect(company.limit).toBe(4);
    expect(ids()).toEqual(['suspect', 'a', 'b', 'c']);
    expect(returned).toEqual(['d', 'e']);
  });

  it('lifts the limit when the suspect has ended, and the smallest one counts', () => {
    const { company, enter, end } = prepare(64);
    enter('suspect', 2);
    enter('worse', 3);
    const both = company.limit;

    end('worse');
    const one = company.limit;
    end('suspect');

    expect([both, one, company.limit]).toEqual([4, 16, Infinity]);
  });

  it('holds a suspect until few enough tasks are in hand, and starts no other meanwhile', () => {
    const { company, enter, end, ids, returned } = prepare(8);
    for (const id of ['a', 'b', 'c']) enter(id);

    const lease = enter('suspect', 2);
    enter('fresh');
    enter('other suspect', 2);
    end('a');
    const early = ids();
    const isHeld = lease.isHeld;
    end('b');

    expect([early, isHeld]).toEqual([['b', 'c'], true]);
    expect(ids()).toEqual(['c', 'suspect']);
    expect(returned).toEqual(['fresh', 'other suspect']);
    expect([company.limit, lease.isHeld]).toEqual([2, false]);
  });

  it('gives a suspect that was held the full timeout', async () => {
    const { enter, end, running, clock } = prepare(8);
    for (const id of ['a', 'b']) enter(id);
    enter('suspect', 2);
    await clock.advance('20s');

    end('a');

    expect(running.get('suspect')!.deadlineMs).toBe(clock.nowMs() + 10_000);
  });

  it('starts a held suspect in what company is left when others have waited long enough', async () => {
    const { company, enter, ids, clock, notes } = prepare(8);
    for (const id of ['a', 'b', 'c']) enter(id);
    enter('suspect', 3);

    await clock.advance(patienceMs(3) - 1);
    const before = ids();
    await clock.advance(1);

    expect(before).toEqual(['a', 'b', 'c']);
    expect(ids()).toEqual(['a', 'b', 'c', 'suspect']);
    expect(company.limit).toBe(Infinity);
    expect(notes()).toEqual([]);
  });

  it('is not waited for again soon when that was in vain, unless for a worse suspect', async () => {
    const { company, enter, end, ids, returned, clock } = prepare(8);
    for (const id of ['a', 'b', 'c']) enter(id);
    enter('suspect', 2);
    await clock.advance(patienceMs(2));

    enter('alike', 2);
    enter('worse', 3);
    enter('late', 2);
    const crowded = ids();
    await clock.advance(4 * patienceMs(2));
    for (const id of ids()) end(id);
    await clock.advance(0);
    for (const id of ids()) end(id);
    enter('with room', 2);

    expect(crowded).toEqual(['a', 'b', 'c', 'suspect', 'alike']);
    expect(returned).toEqual(['late']);
    expect([ids(), company.limit]).toEqual([['with room'], 2]);
  });

  it('is waited for again after four times as long', async () => {
    const { enter, ids, clock } = prepare(8);
    for (const id of ['a', 'b', 'c']) enter(id);
    enter('suspect', 2);
    await clock.advance(5 * patienceMs(2) - 1);
    enter('alike', 2);
    await clock.advance(1);

    enter('held', 2);

    expect(ids()).toEqual(['a', 'b', 'c', 'suspect', 'alike']);
  });

  it('notes that a suspect is alone before it starts', async () => {
    const { company, enter, ids, returned, notes, settle } = prepare(8);

    enter('suspect', 3);
    enter('fresh');
    const before = ids();
    await settle();
    enter('late');

    expect(before).toEqual([]);
    expect(ids()).toEqual(['suspect']);
    expect(returned).toEqual(['fresh', 'late']);
    expect([company.limit, notes()]).toEqual([1, [['suspect', true]]]);
  });

  it('lets others join after its patience, first noting that the suspect is no longer alone', async () => {
    const { company, enter, clock, notes, noteAlone, slots } = prepare(8);
    enter('suspect', 3);
    await clock.advance(patienceMs(3) - 1);
    const before = company.limit;
    slots.onFree.mockClear();
    let answer = (_: boolean): void => undefined;
    noteAlone.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));

    await clock.advance(1);
    const during = company.limit;
    answer(true);
    await clock.advance(0);

    expect([before, during, company.limit]).toEqual([1, 1, Infinity]);
    expect(notes()).toEqual([
      ['suspect', true],
      ['suspect', false],
    ]);
    expect(slots.onFree).toHaveBeenCalledTimes(1);
  });

  it('lets nobody join while that cannot be noted', async () => {
    const { company, enter, clock, noteAlone } = prepare(8);
    enter('suspect', 3);
    await clock.advance(0);
    noteAlone.mockRejectedValueOnce(new Error('Redis is away'));

    await clock.advance(patienceMs(3));
    const during = company.limit;
    await clock.advance('5s');

    expect([during, company.limit]).toEqual([1, Infinity]);
  });

  it('starts a suspect all the same when it cannot be noted that it is alone', async () => {
    const { enter, ids, noteAlone, settle } = prepare(8);
    noteAlone.mockRejectedValueOnce(new Error('Redis is away'));

    enter('suspect', 3);
    await settle();

    expect(ids()).toEqual(['suspect']);
  });

  it('has no end on a server with one slot, where each task is alone', async () => {
    const { enter, clock, notes } = prepare(1);

    enter('suspect', 1);
    await clock.advance('10d');

    expect(notes()).toEqual([['suspect', true]]);
  });

  it('passes on a held suspect that is canceled, and lets others start', async () => {
    const { company, enter, end, ids, canceled, settle } = prepare(4);
    enter('long');
    enter('suspect', 4);
    company.cancel(({ id }) => id === 'another');
    const before = [...canceled];

    company.cancel(({ id }) => id === 'suspect');
    enter('next');
    end('long');
    await settle();

    expect(before).toEqual([]);
    expect(canceled).toEqual(['suspect']);
    expect(ids()).toEqual(['next']);
  });

  it('drops a held suspect whose lease is lost', async () => {
    const { company, enter, end, ids } = prepare(8);
    for (const id of ['a', 'b']) enter(id);
    const lease = enter('suspect', 2);

    lease.lose();
    end('a');

    expect([ids(), lease.hasEnded, company.limit]).toEqual([['b'], true, Infinity]);
  });

  it.each([
    ['that waits for room', ['a', 'b'], 2],
    ['of which it is being noted that it is alone', [], 3],
  ] as const)('gives a suspect back at the end, %s', async (_, others, crashes) => {
    const { company, enter, ids, returned } = prepare(8);
    for (const id of others) enter(id);
    enter('suspect', crashes);

    await company.close();

    expect([ids(), returned]).toEqual([others, ['suspect']]);
  });
});
