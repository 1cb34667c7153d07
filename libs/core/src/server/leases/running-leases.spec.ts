import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../runtime/logger.js';
import type { FakeClock } from '../../testing/fake-clock.js';
import { openMemoryQueue } from '../../testing/test-queue.js';
import type { ServerStatus } from '../../wire/server-info.js';
import { ceilS } from '../../wire/unix-time.js';
import type { CancelRequest, Heartbeat, RunningBatch } from './heartbeater.js';
import { RunningLeases, type HeartbeatListener } from './running-leases.js';
import { type Pulse, SharedLeases } from './shared-leases.js';

const LEASE_MS = 30_000;

/** A heartbeat that beats when the test wants. */
class FakeHeartbeat implements Heartbeat {
  readonly batches: RunningBatch[] = [];
  readonly statuses: ServerStatus[] = [];
  isBeating = false;

  constructor(
    readonly next: Pulse,
    readonly listener: HeartbeatListener,
  ) {}

  start(): void {
    this.isBeating = true;
  }

  track(batch: RunningBatch): void {
    this.batches.push(batch);
  }

  setStatus(status: ServerStatus): void {
    this.statuses.push(status);
  }

  async stop(): Promise<void> {
    this.isBeating = false;
  }
}

function openLeases({ withThread = false, threadFails = false } = {}) {
  const q = openMemoryQueue();
  const factories: FakeHeartbeat[] = [];
  const warnings: string[] = [];
  const create = (next: Pulse, listener: HeartbeatListener): Heartbeat => {
    factories.push(new FakeHeartbeat(next, listener));
    return factories.at(-1)!;
  };
  const fail = (): never => {
    throw new Error('no threads here');
  };
  const thread = threadFails ? fail : create;
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const deps = { clock: q.clock, logger };
  const requested: CancelRequest[] = [];
  const onCancel = (request: CancelRequest): void => void requested.push(request);
  const kinds = { inline: create, thread: withThread ? thread : undefined };
  const leases = new RunningLeases(kinds, { leaseMs: LEASE_MS, intervalMs: 5_000 }, onCancel, deps);
  const nowS = ceilS(q.clock.nowMs());
  const track = (...ids: string[]) => {
    const startedAtMs = q.clock.nowMs();
    const leaseExpiresAtS = ceilS(startedAtMs + LEASE_MS);
    return leases.track(
      ids.map((id) => ({
        task: { message: q.message(id, { payload: Buffer.from(id) }), leaseExpiresAtS },
        startedAtMs,
        deadlineMs: startedAtMs + 60_000,
      })),
    );
  };
  return { q, clock: q.clock, leases, factories, warnings, requested, track, nowS };
}

/** Lets time pass as in a process that is awake: with beats in time. */
async function awake(clock: FakeClock, pulse: Pulse, durationMs: number): Promise<void> {
  for (let leftMs = durationMs; leftMs > 0; leftMs -= 5_000) {
    await clock.advance(Math.min(leftMs, 5_000));
    pulse.note(clock.nowMs());
  }
}

describe('RunningLeases', () => {
  it('hands tasks fetched together to the heartbeat in one piece', () => {
    const { q, factories, track } = openLeases();

    track('a', 'b');

    expect(factories[0]!.batches).toHaveLength(1);
    expect(factories[0]!.batches[0]!.tasks).toMatchObject([
      { key: 1, id: 'a', queue: q.name, payload: 'a' },
      { key: 2, id: 'b', queue: q.name },
    ]);
  });

  it('takes payloads along byte for byte, of a large one what is shown, and one byte more', () => {
    const { q, leases, factories } = openLeases();
    const pooled = Uint8Array.from({ length: 512 }, (_, index) => index).subarray(200, 300);
    const [small, large] = [
      q.message('small', { payload: pooled }),
      q.message('large', { payload: new Uint8Array(70_000) }),
    ];
    const tracked = [small, large].map((message) => ({
      task: { message, leaseExpiresAtS: 1 },
      startedAtMs: 0,
      deadlineMs: 1,
    }));

    leases.track(tracked);

    const payloads = factories[0]!.batches[0]!.tasks.map((task) => task.payload);
    expect(payloads.map((payload) => new Uint8Array(Buffer.from(payload, 'latin1')))).toEqual([
      new Uint8Array(pooled),
      new Uint8Array(65_537),
    ]);
  });

  it('claims with the score in Redis and the one that the next beat may write', async () => {
    const { clock, factories, track, nowS } = openLeases();
    await clock.advance('3s');
    const [lease] = track('a');

    factories[0]!.next.announce(nowS + 38);

    expect(lease!.claim()).toEqual({ id: 'a', expiriesS: [nowS + 33, nowS + 38] });
  });

  it('claims with its own score alone once its lease is over, whatever the heartbeat announces', async () => {
    const { clock, factories, track, nowS } = openLeases();
    const [lease] = track('a');

    await clock.advance('40s'); // nothing ran meanwhile: the process was stopped
    factories[0]!.next.announce(nowS + 70);

    expect(lease!.claim()).toEqual({ id: 'a', expiriesS: [nowS + 30] });
  });

  it('claims with a first beat in mind before there was one', () => {
    const { factories, nowS } = openLeases();

    expect(factories[0]!.next.expiresAtS).toBe(nowS + 30);
  });

  it('knows how far the heartbeat has extended a lease', () => {
    const { factories, track, nowS } = openLeases();
    const [lease] = track('a');
    const shared = new SharedLeases(factories[0]!.batches[0]!.leases).lease(0);

    shared.propose(nowS + 35);
    const whileUnknown = lease!.expiresAtMs();
    shared.confirm();

    expect(whileUnknown).toBe((nowS + 30) * 1000);
    expect(lease!.expiresAtMs()).toBe((nowS + 35) * 1000);
  });

  it('tells the heartbeat of an end through shared memory', () => {
    const { factories, track } = openLeases();
    const [lease, other] = track('a', 'b');

    lease!.end();

    const shared = new SharedLeases(factories[0]!.batches[0]!.leases);
    expect([shared.lease(0).hasEnded, shared.lease(1).hasEnded]).toEqual([true, false]);
    expect(other!.isLost).toBe(false);
  });

  it('gives up a lease that Redis says is lost, unless it ended meanwhile', () => {
    const { factories, track } = openLeases();
    const [lost, ended, kept] = track('lost', 'ended', 'kept');
    ended!.end();

    factories[0]!.listener.onLost([1, 2, 99]);

    expect(lost!.isLost).toBe(true);
    expect(ended!.isLost).toBe(false);
    expect(kept!.isLost).toBe(false);
  });

  it('gives up a lease the moment it ends when nobody extended it', async () => {
    const { clock, leases, factories, track } = openLeases();
    const { next: pulse } = factories[0]!;
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
    const { clock, leases, factories, track } = openLeases();
    await leases.start();
    const { next: pulse } = factories[0]!;
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
    const { clock, leases, factories } = openLeases();
    const { next: pulse } = factories[0]!;
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
    const { clock, leases, factories, track, nowS } = openLeases();
    await leases.start();
    const [extended] = track('extended');
    const shared = new SharedLeases(factories[0]!.batches[0]!.leases).lease(0);
    const { next: pulse } = factories[0]!;
    await awake(clock, pulse, 20_000);
    shared.propose(nowS + 50);
    shared.confirm();
    const [unextended] = track('unextended'); // ends at the same time

    await awake(clock, pulse, 29_999);
    const early = [extended!.isLost, unextended!.isLost];
    await clock.advance(1);

    expect(early).toEqual([false, false]);
    expect([extended!.isLost, unextended!.isLost]).toEqual([true, true]);
    await leases.stop();
  });

  it('beats in a thread where it can, and nowhere else', async () => {
    const { leases, factories } = openLeases({ withThread: true });

    await leases.start();

    expect(factories.map((heartbeat) => heartbeat.isBeating)).toEqual([true]);
    await leases.stop();
    expect(factories.map((heartbeat) => heartbeat.isBeating)).toEqual([false]);
  });

  it('beats in the main thread when the other cannot be created', async () => {
    const { leases, factories, warnings } = openLeases({ withThread: true, threadFails: true });

    await leases.start();

    expect(factories[0]!.isBeating).toBe(true);
    expect(warnings).toEqual(['cannot create the heartbeat thread; the heartbeat runs in the main thread']);
    await leases.stop();
  });

  it('goes on in the main thread with all that runs when the thread dies', async () => {
    const { leases, factories, warnings, track } = openLeases({ withThread: true });
    await leases.start();
    const [ended] = track('ended');
    ended!.end();
    track('a', 'b');
    track('c');
    leases.setStatus('stopped');

    factories[0]!.listener.onDeath(new Error('out of memory'));

    expect(factories[1]!.isBeating).toBe(true);
    expect(factories[1]!.statuses).toEqual(['stopped']);
    expect(factories[1]!.batches).toEqual(factories[0]!.batches.slice(1));
    expect(factories[1]!.next).toBe(factories[0]!.next);
    expect(warnings).toEqual(['the heartbeat thread died; the main thread takes over']);
    await leases.stop();
  });

  it('does not start another heartbeat when the thread ends after stop', async () => {
    const { leases, factories } = openLeases({ withThread: true });
    await leases.start();
    await leases.stop();

    factories[0]!.listener.onDeath(new Error('terminated'));

    expect(factories).toHaveLength(1);
  });
});
