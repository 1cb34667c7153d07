import { describe, expect, it } from 'vitest';
import { monotonicMs } from '../../runtime/clock.js';
import { silentLogger } from '../../runtime/logger.js';
import type { FakeClock } from '../../testing/fake-clock.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import type { ServerStatus } from '../../wire/server-info.js';
import { ceilS } from '../../wire/unix-time.js';
import type { CancelRequest, DistantHeartbeat } from './heartbeater.js';
import type { TrackOptions } from './lease-handle.js';
import { LeaseTable, type TableNews } from './lease-table.js';
import type { Pulse } from './pulse.js';
import { type InlineHeartbeat, RunningLeases, type HeartbeatListener } from './running-leases.js';

const LEASE_MS = 30_000;

/** A heartbeat that beats when the test wants. */
class FakeHeartbeat implements InlineHeartbeat, DistantHeartbeat {
  readonly news: TableNews[] = [];
  readonly statuses: ServerStatus[] = [];
  isBeating = false;
  isStopped = false;
  hasBegun = true;
  isAbandoned = false;
  wakes = 0;

  constructor(
    readonly table: LeaseTable,
    readonly next: Pulse,
    readonly listener: HeartbeatListener,
  ) {}

  start(): void {
    this.isBeating = true;
  }

  async rest(): Promise<void> {
    this.isBeating = false;
  }

  learn(news: TableNews): void {
    this.news.push(news);
    this.table.learn(news);
  }

  watchHeld(): void {
    this.wakes += 1;
  }

  setStatus(status: ServerStatus): void {
    this.statuses.push(status);
  }

  async stop(): Promise<void> {
    this.isBeating = false;
    this.isStopped = true;
  }

  async abandon(): Promise<void> {
    this.isAbandoned = true;
  }
}

function openLeases({ withThread = false, threadFails = false } = {}) {
  const q = openMemoryQueue();
  const inlines: FakeHeartbeat[] = [];
  const threads: FakeHeartbeat[] = [];
  const warnings: string[] = [];
  const inline = ({ table, pulse }: { table: LeaseTable; pulse: Pulse }, listener: HeartbeatListener) => {
    inlines.push(new FakeHeartbeat(table, pulse, listener));
    return inlines.at(-1)!;
  };
  const thread = (pulse: Pulse, listener: HeartbeatListener): FakeHeartbeat => {
    if (threadFails) throw new Error('no threads here');
    const heartbeat = new FakeHeartbeat(new LeaseTable(), pulse, listener);
    heartbeat.start(); // by itself
    threads.push(heartbeat);
    return heartbeat;
  };
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const deps = { clock: q.clock, logger };
  const requested: CancelRequest[] = [];
  const onCancel = (request: CancelRequest): void => void requested.push(request);
  const kinds = { inline, thread: withThread ? thread : undefined };
  const leases = new RunningLeases(kinds, { leaseMs: LEASE_MS, intervalMs: 5_000 }, onCancel, deps);
  const nowS = ceilS(q.clock.nowMs());
  const trackWith = (options: TrackOptions, ...ids: string[]) => {
    const startedAtMs = q.clock.nowMs();
    const leaseExpiresAtS = ceilS(startedAtMs + LEASE_MS);
    return leases.track(
      ids.map((id) => ({
        task: { message: q.message(id, { payload: Buffer.from(id) }), leaseExpiresAtS },
        startedAtMs,
        deadlineMs: startedAtMs + 60_000,
      })),
      options,
    );
  };
  const track = (...ids: string[]) => trackWith({}, ...ids);
  const heartbeat = inlines[0]!;
  const { next: pulse } = heartbeat;
  return { q, clock: q.clock, leases, heartbeat, pulse, threads, warnings, requested, track, trackWith, nowS };
}

/** Lets time pass as in a process that is awake: with beats in time. */
async function awake(clock: FakeClock, pulse: Pulse, durationMs: number): Promise<void> {
  for (let leftMs = durationMs; leftMs > 0; leftMs -= 5_000) {
    await clock.advance(Math.min(leftMs, 5_000));
    pulse.note(clock.nowMs());
  }
}

describe('RunningLeases', () => {
  it('shows tasks to the heartbeat in shared memory', () => {
    const { q, clock, heartbeat, track } = openLeases();

    track('a', 'b');

    const ends = { isHeld: false, returnAtMs: Infinity, endsAtMs: monotonicMs(clock) + 60_000 };
    expect(heartbeat.table.tasksInHand()).toMatchObject([
      { key: 1, id: 'a', queue: q.name, ...ends },
      { key: 2, id: 'b', queue: q.name, ...ends },
    ]);
  });

  it('describes running tasks when it is asked, payloads byte for byte, of a large one what is shown and one byte more', async () => {
    const { q, leases } = openLeases();
    const pooled = Uint8Array.from({ length: 512 }, (_, index) => index).subarray(200, 300);
    const [small, large] = [
      q.message('small', { payload: pooled }),
      q.message('large', { payload: new Uint8Array(70_000) }),
    ];
    const tracked = [small, large].map((message) => ({
      task: { message, leaseExpiresAtS: 1 },
      startedAtMs: 3,
      deadlineMs: 7,
    }));
    leases.track(tracked);

    const described = await leases.describe([1, 2, 3].map((key) => ({ slot: key - 1, key })));

    expect(described[2]).toBeUndefined();
    expect(described[0]).toMatchObject({ type: small.type, startedAtMs: 3, deadlineMs: 7 });
    expect(described.slice(0, 2).map((task) => new Uint8Array(Buffer.from(task!.payload, 'latin1')))).toEqual([
      new Uint8Array(pooled),
      new Uint8Array(65_537),
    ]);
  });

  it('describes a task whose handler has transferred the payload to another thread, and the others with it', async () => {
    const { q, leases, track } = openLeases();
    const message = { ...q.message('first'), payload: new Uint8Array(100) };
    leases.track([{ task: { message, leaseExpiresAtS: 1 }, startedAtMs: 3, deadlineMs: 7 }]);
    track('second');

    structuredClone(message.payload, { transfer: [message.payload.buffer] });

    expect(await leases.describe([1, 2].map((key) => ({ slot: key - 1, key })))).toMatchObject([
      { startedAtMs: 3, payload: '' },
      { payload: 'second' },
    ]);
  });

  it('does not describe a task with the record of one that has ended', async () => {
    const { leases, track } = openLeases();
    track('ended')[0]!.end();
    track('later');

    expect(await leases.describe([{ slot: 0, key: 1 }])).toEqual([undefined]);
  });

  it('claims with the score in Redis and the one that the next beat may write', async () => {
    const { clock, pulse, track, nowS } = openLeases();
    await clock.advance('3s');
    const [lease] = track('a');

    pulse.announce(nowS + 38);

    expect(lease!.claim()).toEqual({ id: 'a', expiriesS: [nowS + 33, nowS + 38] });
  });

  it('claims with its own score alone once its lease is over, whatever the heartbeat announces', async () => {
    const { clock, pulse, track, nowS } = openLeases();
    const [lease] = track('a');

    await clock.advance('40s'); // nothing ran meanwhile: the process was stopped
    pulse.announce(nowS + 70);

    expect(lease!.claim()).toEqual({ id: 'a', expiriesS: [nowS + 30] });
    expect(lease!.isOver()).toBe(true);
  });

  it('claims with a first beat in mind before there was one', () => {
    const { pulse, nowS } = openLeases();

    expect(pulse.expiresAtS).toBe(nowS + 30);
  });

  it('knows how far the heartbeat has extended a lease', () => {
    const { heartbeat, track, nowS } = openLeases();
    const [lease] = track('a');
    const shared = heartbeat.table.records[0]!;

    shared.propose(nowS + 35);
    const whileUnknown = lease!.expiresAtMs();
    shared.confirm(nowS + 35);

    expect(whileUnknown).toBe((nowS + 30) * 1000);
    expect(lease!.expiresAtMs()).toBe((nowS + 35) * 1000);
    expect(lease!.isOver()).toBe(false);
  });

  it('has the heartbeat extend the lease of one task past its deadline', () => {
    const { clock, track, heartbeat } = openLeases();
    const [, second] = track('a', 'b');

    second!.keep();

    const ends = heartbeat.table.tasksInHand().map(({ endsAtMs }) => endsAtMs);
    expect(ends).toEqual([monotonicMs(clock) + 60_000, Infinity]);
  });

  it('holds a running task until it begins, with times of its own', async () => {
    const { track, heartbeat, clock, leases } = openLeases();
    const [lease] = track('a');
    lease!.hold();
    const held = heartbeat.table.tasksInHand();
    const startedAtMs = clock.nowMs() + 50;

    const isOurs = lease!.begin({ startedAtMs, deadlineMs: startedAtMs + 7_000 }, monotonicMs(clock));

    expect(isOurs).toBe(true);
    expect(held).toMatchObject([{ isHeld: true, returnAtMs: Infinity, endsAtMs: Infinity }]);
    expect(heartbeat.table.tasksInHand()).toMatchObject([{ isHeld: false, endsAtMs: monotonicMs(clock) + 7_000 }]);
    expect(await leases.describe([{ slot: 0, key: 1 }])).toMatchObject([
      { startedAtMs, deadlineMs: startedAtMs + 7_000 },
    ]);
  });

  it('does not begin a held task that the heartbeat has returned, and frees its record', () => {
    const { clock, heartbeat, trackWith, track } = openLeases();
    const returnAtMs = monotonicMs(clock) + 100;
    const [returned, other] = trackWith({ returnAtMs }, 'returned', 'other');
    const held = heartbeat.table.tasksInHand();
    heartbeat.table.records[0]!.takeBack();

    const times = { startedAtMs: clock.nowMs(), deadlineMs: clock.nowMs() + 7_000 };
    const areOurs = [returned!.begin(times, monotonicMs(clock)), other!.begin(times, monotonicMs(clock))];

    expect(held).toMatchObject([{ isHeld: true, returnAtMs }, { isHeld: true }]);
    expect(areOurs).toEqual([false, true]);
    track('later');
    expect(heartbeat.table.tasksInHand().map(({ slot, id }) => [slot, id])).toEqual([
      [0, 'later'],
      [1, 'other'],
    ]);
  });

  it('does not begin a held task that is lost', () => {
    const { clock, leases, heartbeat, trackWith } = openLeases();
    const [lease] = trackWith({ returnAtMs: monotonicMs(clock) + 100 }, 'a');
    leases.onLost([{ slot: 0, key: 1 }]);

    const isOurs = lease!.begin({ startedAtMs: clock.nowMs(), deadlineMs: clock.nowMs() + 7_000 }, monotonicMs(clock));

    expect(isOurs).toBe(false);
    expect(heartbeat.table.tasksInHand()).toEqual([]);
  });

  it('wakes the watch of held tasks once, when it rests', () => {
    const { clock, pulse, threads, track, trackWith } = openLeases({ withThread: true });
    const held = { returnAtMs: monotonicMs(clock) + 100 };
    track('starts the thread');
    pulse.restWatch();

    track('running');
    const before = threads[0]!.wakes;
    trackWith(held, 'a');
    trackWith(held, 'b');

    expect([before, threads[0]!.wakes]).toEqual([0, 1]);
  });

  it('shows the end of a task in shared memory', () => {
    const { heartbeat, track } = openLeases();
    const [lease, other] = track('a', 'b');

    lease!.end();
    lease!.end();

    expect(heartbeat.table.tasksInHand()).toMatchObject([{ id: 'b' }]);
    expect(other!.isLost).toBe(false);
  });

  it('claims with its last scores when it has ended, whatever task has its record', () => {
    const { track, heartbeat, nowS } = openLeases();
    const [ended] = track('ended');
    ended!.end();
    track('later');
    heartbeat.table.records[0]!.propose(nowS + 35);

    expect(ended!.claim()).toEqual({ id: 'ended', expiriesS: [nowS + 30] });
  });

  it('gives up a lease that Redis says is lost, unless it ended meanwhile', () => {
    const { heartbeat, track } = openLeases();
    const [lost, ended, kept] = track('lost', 'ended', 'kept');
    ended!.end();

    heartbeat.listener.onLost([1, 2, 99].map((key) => ({ slot: key - 1, key })));

    expect(lost!.isLost).toBe(true);
    expect(ended!.isLost).toBe(false);
    expect(kept!.isLost).toBe(false);
  });

  it('gives up a lease the moment it ends when nobody extended it', async () => {
    const { clock, leases, pulse, track } = openLeases();
    await leases.start();
    await awake(clock, pulse, 60_000);
    const [lease] = track('a');

    await awake(clock, pulse, 29_999);
    const early = lease!.isLost;
    await clock.advance(1);

    expect(early).toBe(false);
    expect(lease!.isLost).toBe(true);
    await leases.stop();
  });

  it('leaves a lease alone that ended while the process was frozen, until the heartbeat has asked', async () => {
    const { clock, leases, pulse, track } = openLeases();
    await leases.start();
    const [lease] = track('a');
    pulse.note(clock.nowMs());

    clock.set(clock.nowMs() + 8 * 3_600_000); // as if it had slept
    await clock.advance('1m');
    const whileAsleep = [lease!.isLost, lease!.expiresAtMs()];
    pulse.note(clock.nowMs());
    await awake(clock, pulse, 11_000); // no beat could extend it

    expect(whileAsleep).toEqual([false, Infinity]);
    expect(lease!.isLost).toBe(true);
    await leases.stop();
  });

  it('is steady when beats come in time, and not for a while after they did not', async () => {
    const { clock, leases, pulse } = openLeases();
    const beat = async (delayMs: number): Promise<boolean> => {
      await clock.advance(delayMs);
      const wasSteady = leases.isSteady();
      pulse.note(clock.nowMs());
      return wasSteady;
    };

    const inTime = [leases.isSteady(), await beat(1), await beat(5_000)];
    const late = [await beat(60_000), leases.isSteady(), await beat(5_000), await beat(5_000)];

    expect(inTime).toEqual([true, true, true]);
    expect(late).toEqual([false, false, false, true]);
  });

  it('leaves a lease alone while the heartbeat extends it, and notices the end of the next one', async () => {
    const { clock, leases, heartbeat, pulse, track, nowS } = openLeases();
    await leases.start();
    const [extended] = track('extended');
    const shared = heartbeat.table.records[0]!;
    await awake(clock, pulse, 20_000);
    shared.propose(nowS + 50);
    shared.confirm(nowS + 50);
    const [unextended] = track('unextended'); // ends at the same time

    await awake(clock, pulse, 29_999);
    const early = [extended!.isLost, unextended!.isLost];
    await clock.advance(1);

    expect(early).toEqual([false, false]);
    expect([extended!.isLost, unextended!.isLost]).toEqual([true, true]);
    await leases.stop();
  });

  it('beats in the main thread until the first task, then in a thread where it can', async () => {
    const { leases, heartbeat, threads, track } = openLeases({ withThread: true });
    await leases.start();
    leases.setStatus('stopped');
    const idle = [heartbeat.isBeating, threads.length];

    track('a');
    track('b');

    expect(idle).toEqual([true, 0]);
    expect([heartbeat.isBeating, threads.length, threads[0]!.isBeating]).toEqual([false, 1, true]);
    expect(threads[0]!.statuses).toEqual(['stopped']);
    expect(threads[0]!.table.tasksInHand()).toMatchObject([{ id: 'a' }, { id: 'b' }]);
    expect(threads[0]!.news.map(({ kind }) => kind)).toEqual(['segment', 'queue']);
    await leases.stop();
    expect([heartbeat.isStopped, threads[0]!.isStopped]).toEqual([false, true]); // one deregisters the server
  });

  it('deregisters the server itself when it had no task', async () => {
    const { leases, heartbeat, threads } = openLeases({ withThread: true });
    await leases.start();

    await leases.stop();

    expect([heartbeat.isStopped, threads.length]).toEqual([true, 0]);
  });

  it('does not wait at stop for a thread that has not begun, and deregisters the server itself', async () => {
    const { leases, heartbeat, threads, track } = openLeases({ withThread: true });
    await leases.start();
    track('a');
    threads[0]!.hasBegun = false;

    await leases.stop();

    expect([threads[0]!.isAbandoned, threads[0]!.isStopped, heartbeat.isStopped]).toEqual([true, false, true]);
  });

  it('starts no thread for a task that arrives after stop', async () => {
    const { leases, threads, track } = openLeases({ withThread: true });
    await leases.start();
    await leases.stop();

    const [late] = track('late');

    expect([late!.claim().id, threads.length]).toEqual(['late', 0]);
  });

  it('sends an id that does not fit into its record', () => {
    const { threads, track } = openLeases({ withThread: true });
    const id = 'x'.repeat(300);

    track(id);

    expect(threads[0]!.table.tasksInHand()).toMatchObject([{ id }]);
  });

  it('beats in the main thread when the other cannot be created, and tries once', async () => {
    const { leases, heartbeat, warnings, track } = openLeases({ withThread: true, threadFails: true });
    await leases.start();

    track('a');
    track('b');

    expect(heartbeat.isBeating).toBe(true);
    expect(warnings).toEqual(['cannot create the heartbeat thread; the heartbeat runs in the main thread']);
    await leases.stop();
    expect(heartbeat.isStopped).toBe(true);
  });

  it('goes on in the main thread with all that runs when the thread dies', async () => {
    const { leases, heartbeat, threads, warnings, track } = openLeases({ withThread: true });
    await leases.start();
    const [ended] = track('ended');
    track('a', 'b');
    ended!.end();
    track('c');
    leases.setStatus('stopped');
    threads[0]!.table.records[1]!.seize();

    threads[0]!.listener.onDeath(new Error('out of memory'));

    expect(heartbeat.isBeating).toBe(true);
    expect(heartbeat.statuses).toEqual(['stopped']);
    expect(heartbeat.table.tasksInHand().map(({ id }) => id)).toEqual(['c', 'a', 'b']);
    expect(heartbeat.table.records.some(({ isInUse }) => isInUse)).toBe(false);
    expect(warnings).toEqual(['the heartbeat thread died; the main thread takes over']);
    track('d');
    expect(threads).toHaveLength(1);
    await leases.stop();
  });

  it('does not start another heartbeat when the thread ends after stop', async () => {
    const { leases, heartbeat, threads, track } = openLeases({ withThread: true });
    await leases.start();
    track('a');
    await leases.stop();

    threads[0]!.listener.onDeath(new Error('terminated'));

    expect(heartbeat.isBeating).toBe(false);
  });
});
