import { describe, expect, it, vi } from 'vitest';
import type { ExtendReply, LeaseClaim } from '../../broker/contract/lease.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls } from '../../test-support/call-recorder.js';
import { SteppingClock } from '../../test-support/stepping-clock.js';
import { failingBroker } from '../../test-support/failing-broker.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import { ceilS } from '../../wire/unix-time.js';
import { type CancelRequest, Heartbeater } from './heartbeater.js';
import type { LeaseRecord } from './lease-record.js';
import { LeaseTable, type TaskRef } from './lease-table.js';
import { possibleExpiriesS, Pulse } from './pulse.js';
import { RecordPool } from './record-pool.js';
import type { TaskDescription } from './shown-tasks.js';

const HOUR_MS = 3_600_000;
const LEASE_MS = 30_000;
const identity = {
  host: 'h',
  pid: 42,
  serverId: 's',
  concurrency: 10,
  queues: { default: 1 },
  strictPriority: false,
  startedAtMs: 1_700_000_000_000,
};

function openBeating() {
  const q = openMemoryQueue();
  const failing = failingBroker(q.broker);
  const recorded = recordCalls(failing);
  const next = new Pulse(10_000);
  next.announce(ceilS(q.clock.nowMs() + LEASE_MS));
  const lost: number[] = [];
  const requests: CancelRequest[] = [];
  const asked: number[] = [];
  const descriptions = new Map<number, TaskDescription>();
  const main = { isBlocked: false };
  const table = new LeaseTable();
  const pool = new RecordPool(table, () => undefined);
  const heartbeat = new Heartbeater(
    recorded.broker,
    { identity, intervalMs: 5_000, leaseMs: LEASE_MS },
    { table, pulse: next },
    {
      describe: (tasks) => {
        asked.push(...tasks.map(({ key }) => key));
        const found = tasks.map(({ key }) => descriptions.get(key));
        return main.isBlocked ? new Promise(() => undefined) : Promise.resolve(found);
      },
      onLost: (tasks: readonly TaskRef[]) => void lost.push(...tasks.map(({ key }) => key)),
      onCancelRequests: (found) => void requests.push(...found),
    },
    { clock: q.clock, logger: silentLogger, random: () => 1 },
  );
  let lastKey = 0;
  /** Fetches tasks and puts them into the table. */
  const take = async (ids: readonly string[], returnAtMs?: number): Promise<LeaseRecord[]> => {
    await q.broker.enqueue(ids.map((id) => ({ message: q.message(id) })));
    return takePending(ids.length, returnAtMs);
  };
  const takePending = async (count: number, returnAtMs?: number): Promise<LeaseRecord[]> => {
    const { tasks } = await q.broker.fetch(q.name, count, LEASE_MS);
    return tasks.map(({ message, leaseExpiresAtS }) => {
      const { id, type, queue } = message;
      const startedAtMs = q.clock.nowMs();
      const key = ++lastKey;
      const payload = Buffer.from(message.payload).toString('latin1');
      descriptions.set(key, { type, payload, startedAtMs, deadlineMs: startedAtMs + 60_000 });
      const endsAtMs = q.clock.monotonicMs() + 60_000;
      return pool.take({ key, id, queue, leaseExpiresAtS, returnAtMs, endsAtMs });
    });
  };
  const run = (...ids: string[]): Promise<LeaseRecord[]> => take(ids);
  const scoreOf = async (id: string): Promise<number | undefined> => (await q.dump()).leases[id];
  const startS = ceilS(q.clock.nowMs());
  const heard = { asked, lost, requests };
  const parts = { failing, counts: recorded.counts, next, heartbeat, main, pool };
  return { q, clock: q.clock, ...parts, ...heard, run, take, takePending, scoreOf, startS };
}

/** Leases in two queues, and a broker whose replies the test controls. */
function openStubbed() {
  const clock = new SteppingClock();
  const calls: { readonly name: string; readonly expiresAtS?: number; answer(): void; fail(): void }[] = [];
  const silent = new Set<string>();
  const call = (name: string, expiresAtS?: number): Promise<ExtendReply> =>
    new Promise((resolve, reject) => {
      const answer = (): void => resolve({ lost: [], cancelRequests: [] });
      const fail = (): void => reject(new RedisCommandError(name, true, { cause: new Error('timed out') }));
      calls.push({ name, ...(expiresAtS && { expiresAtS }), answer, fail });
      if (!silent.has(name)) answer();
    });
  const broker = {
    extendLeases: (queue: string, _claims: readonly LeaseClaim[], expiresAtS: number) => call(queue, expiresAtS),
    writePresence: async () => void (await call('presence')),
    clearPresence: async () => undefined,
  };
  const pulse = new Pulse(10_000);
  pulse.announce(ceilS(clock.nowMs() + LEASE_MS));
  const listener = {
    describe: (tasks: readonly TaskRef[]) => Promise.resolve(tasks.map(() => undefined)),
    onLost: () => undefined,
    onCancelRequests: () => undefined,
  };
  const settings = { identity, intervalMs: 5_000, leaseMs: LEASE_MS };
  const table = new LeaseTable();
  const pool = new RecordPool(table, () => undefined);
  const heartbeat = new Heartbeater(broker, settings, { table, pulse }, listener, {
    clock,
    logger: silentLogger,
    random: () => 1,
  });
  const startS = ceilS(clock.nowMs());
  const endsAtMs = clock.monotonicMs() + HOUR_MS;
  const [unresponsive, healthy] = ['unresponsive', 'healthy'].map((queue, key) => {
    const leaseExpiresAtS = startS + 30;
    return pool.take({ key, id: queue, queue, leaseExpiresAtS, returnAtMs: undefined, endsAtMs });
  }) as [LeaseRecord, LeaseRecord];
  const callsOf = (name: string) => calls.filter((made) => made.name === name);
  const scoresOf = (queue: string) => callsOf(queue).map(({ expiresAtS }) => expiresAtS! - startS);
  return { clock, silent, pulse, heartbeat, unresponsive, healthy, callsOf, scoresOf, startS };
}

describe('Heartbeater', () => {
  it('extends the leases of a queue at every interval while the extension of another is not answered', async () => {
    const { clock, silent, heartbeat, unresponsive, healthy, callsOf, scoresOf, startS } = openStubbed();
    silent.add('unresponsive');
    heartbeat.start();

    const confirmed: number[] = [];
    await clock.advance('1s');
    for (let beat = 1; beat <= 4; beat++) {
      await clock.advance('5s');
      confirmed.push(healthy.confirmedS - startS);
    }

    expect(confirmed).toEqual([35, 40, 45, 50]);
    expect(scoresOf('healthy')).toEqual([35, 40, 45, 50]);
    expect(callsOf('presence')).toHaveLength(5);
    expect(scoresOf('unresponsive')).toEqual([35]); // never two at the same time
    expect([unresponsive.confirmedS, unresponsive.pendingS]).toEqual([startS + 30, startS + 35]);
  });

  it('publishes the server and extends leases at every interval while its presence writes are not answered', async () => {
    const { clock, silent, heartbeat, callsOf, scoresOf } = openStubbed();
    silent.add('presence');
    heartbeat.start();

    await clock.advance('16s');

    expect(scoresOf('healthy')).toEqual([35, 40, 45]);
    expect(callsOf('presence')).toHaveLength(1);
  });

  it('catches up with a queue that answers late, without an extra extension for the others', async () => {
    const { clock, silent, heartbeat, unresponsive, callsOf, scoresOf, startS } = openStubbed();
    silent.add('unresponsive');
    heartbeat.start();
    await clock.advance('12s');

    silent.clear();
    callsOf('unresponsive')[0]!.answer();
    await clock.advance('2s');

    expect(scoresOf('unresponsive')).toEqual([35, 45]);
    expect([unresponsive.confirmedS, unresponsive.pendingS]).toEqual([startS + 45, 0]);
    expect(scoresOf('healthy')).toEqual([35, 40]);
  });

  it('sends the score of an extension that failed late again before any other, and names it in claims until then', async () => {
    const { clock, silent, pulse, heartbeat, unresponsive, callsOf, scoresOf, startS } = openStubbed();
    silent.add('unresponsive');
    heartbeat.start();
    await clock.advance('12s');
    const named = possibleExpiriesS(unresponsive, pulse, clock.nowMs());

    silent.clear();
    callsOf('unresponsive')[0]!.fail();
    await clock.advance('2s');

    expect(named).toEqual([startS + 30, startS + 35]);
    expect(scoresOf('unresponsive')).toEqual([35, 35, 45]);
    expect(unresponsive.confirmedS).toBe(startS + 45);
  });

  it('names no score that it proposes for an expired lease, which another server may have written, before the reply', async () => {
    const { clock, silent, pulse, heartbeat, unresponsive, callsOf, startS } = openStubbed();
    await clock.advance('31s'); // as after a freeze
    silent.add('unresponsive');
    heartbeat.start();
    await clock.advance(1);
    const named = possibleExpiriesS(unresponsive, pulse, clock.nowMs());

    callsOf('unresponsive')[0]!.answer();
    await clock.advance(1);

    expect(named).toEqual([startS + 30]);
    expect([unresponsive.confirmedS, unresponsive.pendingS]).toEqual([startS + 61, 0]);
  });

  it('measures time by the clock, not by turns, while a queue is silent', async () => {
    const { clock, silent, heartbeat } = openStubbed();
    silent.add('unresponsive');
    const steps = vi.spyOn(heartbeat, 'runOnce');
    heartbeat.start();

    await clock.advance('51s');

    expect(steps.mock.calls.length).toBeLessThan(15);
  });

  it('extends leases by a full lease at each beat', async () => {
    const { clock, heartbeat, run, scoreOf, startS } = openBeating();
    const [lease] = await run('a');
    heartbeat.start();

    const scores: unknown[] = [];
    for (const advanceMs of [0, 5_000, 5_000]) {
      await clock.advance(advanceMs);
      scores.push([await scoreOf('a'), lease!.confirmedS, lease!.pendingS]);
    }

    expect(scores).toEqual([30, 35, 40].map((afterS) => [startS + afterS, startS + afterS, 0]));
  });

  it('announces the score of the next beat', async () => {
    const { clock, next, heartbeat, run, scoreOf } = openBeating();
    await run('a');
    heartbeat.start();
    await clock.advance(1);

    const announcedS = next.expiresAtS;
    await clock.advance(5_000);

    expect(await scoreOf('a')).toBe(announcedS);
  });

  it('extends the leases of a queue in calls of at most 1,000', async () => {
    const { clock, heartbeat, run, counts } = openBeating();
    await run(...Array.from({ length: 1_000 }, (_, index) => `first-${index}`));
    await run(...Array.from({ length: 1_000 }, (_, index) => `second-${index}`));
    await run('one more');
    await heartbeat.runOnce(); // nothing to extend yet
    const callsBefore = counts()['extendLeases'];

    await clock.advance(5_000);
    await heartbeat.runOnce();

    expect(callsBefore).toBeUndefined();
    expect(counts()['extendLeases']).toBe(3);
  });

  it('skips tasks that have ended, were just fetched, or are past their deadline', async () => {
    const { clock, heartbeat, run, scoreOf, counts, startS } = openBeating();
    const [ended] = await run('ended');
    await run('kept');
    heartbeat.start();
    await clock.advance('4s');
    ended!.end();
    await clock.advance('56s');
    const kept = await scoreOf('kept');
    await clock.advance('10s');
    const callsAtDeadline = counts()['extendLeases'];

    expect(await scoreOf('ended')).toBe(startS + 30);
    expect(kept).toBe(startS + 55 + 30); // the beat before the deadline
    expect(await scoreOf('kept')).toBe(kept);
    expect(callsAtDeadline).toBe(11);
  });

  it('reports a task that was taken over, once, and continues with the others', async () => {
    const { q, clock, heartbeat, run, lost, scoreOf, startS } = openBeating();
    await run('stolen', 'kept');
    await q.broker.extendLeases(q.name, [{ id: 'stolen', expiriesS: [startS + 30] }], startS + 99);
    heartbeat.start();

    await clock.advance('10s');

    expect(lost).toEqual([1]);
    expect(await scoreOf('stolen')).toBe(startS + 99);
    expect(await scoreOf('kept')).toBe(startS + 40);
  });

  it.each(['lostReply', 'lostRequest'] as const)(
    'finds out whether an extension took effect after a %s',
    async (as) => {
      const { clock, heartbeat, run, failing, lost, scoreOf, startS } = openBeating();
      const [lease] = await run('a');
      heartbeat.start();
      await clock.advance('4s');
      failing.failNext('extendLeases', { times: 2, as });

      await clock.advance('1s');
      const unknown = [lease!.confirmedS, lease!.pendingS];
      await clock.advance('1s');
      const known = [lease!.confirmedS, lease!.pendingS];
      await clock.advance('1s'); // catches up without waiting for the next full beat
      const caughtUp = await scoreOf('a');

      expect(unknown).toEqual([startS + 30, startS + 35]);
      expect(known).toEqual([startS + 35, 0]);
      expect(caughtUp).toBeGreaterThanOrEqual(startS + 36);
      expect(lost).toEqual([]);
      expect(lease!.confirmedS).toBe(caughtUp);
    },
  );

  it('passes on a cancel request, with the beat that extends the lease', async () => {
    const { q, clock, heartbeat, run, requests, counts } = openBeating();
    await run('a', 'b');
    heartbeat.start();
    await clock.advance('1s');
    await q.broker.requestCancel(q.name, 'b', 'delete');

    await clock.advance('4s');

    expect(requests).toEqual([{ queue: q.name, id: 'b', outcome: 'delete' }]);
    expect(counts()['extendLeases']).toBe(1);
  });

  it('extends a lease again that ended while Redis was unavailable, if no server took the task', async () => {
    const { clock, heartbeat, run, failing, scoreOf, lost } = openBeating();
    await run('a');
    heartbeat.start();
    failing.failNext('extendLeases', { times: Number.POSITIVE_INFINITY });
    await clock.advance('31s');
    failing.failNext('extendLeases', { times: 0 });

    await clock.advance('10s');

    expect(Number(await scoreOf('a'))).toBeGreaterThan(clock.nowMs() / 1000 + 20);
    expect(lost).toEqual([]);
  });

  it('gives up a lease that expired while Redis was unavailable, if another server took the task', async () => {
    const { q, clock, heartbeat, run, failing, lost } = openBeating();
    await run('a');
    heartbeat.start();
    failing.failNext('extendLeases', { times: Number.POSITIVE_INFINITY });
    await clock.advance('31s');
    await q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 5, limit: 10 });
    const { tasks } = await q.broker.fetch(q.name, 1, LEASE_MS);
    failing.failNext('extendLeases', { times: 0 });

    await clock.advance('10s');

    expect([tasks.length, lost.length]).toEqual([1, 1]);
  });

  it('keeps the lease of a task that it lost and has been given again, while the lost attempt still runs', async () => {
    const { q, clock, heartbeat, run, takePending, scoreOf, lost, startS } = openBeating();
    await run('a', 'b');
    await clock.advance('31s');
    await q.broker.recoverExpired(q.name, { graceMs: 0, maxCrashes: 5, limit: 10 });
    const again = await takePending(2);
    await clock.advance('2s'); // so that the first beat extends all
    heartbeat.start();

    await clock.advance('10s');

    expect(lost).toEqual([1, 2]);
    expect(again.map(({ isInHand }) => isInHand)).toEqual([true, true]);
    expect([await scoreOf('a'), await scoreOf('b')]).toEqual([startS + 73, startS + 73]);
  });

  it.each([8 * HOUR_MS, -HOUR_MS])(
    'extends leases by the usual length when the clock is set by %i ms',
    async (byMs) => {
      const { clock, heartbeat, run, scoreOf, lost } = openBeating();
      await run('a');
      heartbeat.start();
      await clock.advance('7s');

      clock.set(clock.nowMs() + byMs);
      await clock.advance('10s');

      const leftS = Number(await scoreOf('a')) - clock.nowMs() / 1000;
      expect([leftS > 20 && leftS <= 36, lost]).toEqual([true, []]);
    },
  );

  it('extends by a full lease when a beat is very late', async () => {
    const { clock, heartbeat, run, scoreOf, startS } = openBeating();
    await run('a');
    await heartbeat.runOnce();

    await clock.advance('20s'); // as when the machine was suspended
    await heartbeat.runOnce();

    expect(await scoreOf('a')).toBe(startS + 20 + 30);
  });

  it('publishes the server and its running tasks for twice the interval', async () => {
    const { q, clock, heartbeat, run } = openBeating();
    const [lease] = await run('a', 'b');
    heartbeat.start();
    await clock.advance(0);
    const server = { ...identity, status: 'active' as const, activeWorkerCount: 2 };
    const shown = await q.presence(server);
    lease!.end();
    heartbeat.setStatus('stopped');
    await clock.advance('5s');
    const later = await q.presence(server);

    expect(shown?.server).toEqual(server);
    expect(Object.keys(shown!.workers)).toEqual(['a', 'b']);
    expect(later).toMatchObject({ server: { status: 'stopped', activeWorkerCount: 1 } });
    expect(Object.keys(later!.workers)).toEqual(['b']);
  });

  it('deregisters at stop, and stops without Redis too', async () => {
    const { q, clock, heartbeat, failing } = openBeating();
    const server = { ...identity, status: 'active' as const, activeWorkerCount: 0 };
    heartbeat.start();
    await clock.advance(0);
    await heartbeat.stop();
    const shown = await q.presence(server);
    failing.failNext('clearPresence');

    await heartbeat.stop();

    expect(shown).toBeUndefined();
  });

  it('extends leases even when the presence cannot be written', async () => {
    const { clock, heartbeat, run, failing, scoreOf, startS } = openBeating();
    await run('a');
    failing.failNext('writePresence', { times: Number.POSITIVE_INFINITY });
    heartbeat.start();

    await clock.advance('10s');

    expect(await scoreOf('a')).toBeGreaterThanOrEqual(startS + 34);
  });

  it('asks for what inspectors see once, and only for tasks that run at a beat', async () => {
    const { q, clock, heartbeat, run, take, asked } = openBeating();
    const server = { ...identity, status: 'active' as const, activeWorkerCount: 1 };
    heartbeat.start();
    await clock.advance('1s');
    const [short] = await run('short');
    await run('long');
    await take(['held'], clock.monotonicMs() + 50);
    short!.end();

    await clock.advance('10s');

    expect(asked).toEqual([2]);
    const shown = await q.presence(server);
    expect(shown?.server.activeWorkerCount).toBe(1);
    expect(shown?.workers).toEqual({ long: expect.objectContaining({ taskType: 'test:task' }) as unknown });
  });

  it('publishes the server without new tasks while the main thread does not answer, and with those it knows', async () => {
    const { q, clock, heartbeat, run, main, asked } = openBeating();
    const server = { ...identity, status: 'active' as const, activeWorkerCount: 0 };
    await run('known');
    heartbeat.start();
    await clock.advance('1s');
    main.isBlocked = true;
    await run('new');

    await clock.advance('11s');

    const shown = await q.presence(server);
    expect(shown?.server.activeWorkerCount).toBe(2);
    expect(Object.keys(shown!.workers)).toEqual(['known']);
    expect(asked).toEqual([1, 2]); // not again while it has not answered
  });

  it('extends the lease of a held task past its deadline, until it begins', async () => {
    const { clock, heartbeat, take, scoreOf, startS } = openBeating();
    const [record] = await take(['held'], Infinity);
    heartbeat.start();

    await clock.advance('91s');
    const held = await scoreOf('held');
    record!.begin(clock.monotonicMs() + 7_000);
    await clock.advance('40s');

    expect(held).toBe(startS + 90 + 30);
    expect(await scoreOf('held')).toBe(startS + 95 + 30);
  });

  it('extends no lease whose record it uses for the call before, and leaves the record to later tasks', async () => {
    const { clock, silent, heartbeat, unresponsive, callsOf, startS } = openStubbed();
    silent.add('unresponsive');
    heartbeat.start();
    await clock.advance('6s');

    unresponsive.end();
    const isFreeDuringTheCall = unresponsive.isFree;
    callsOf('unresponsive')[0]!.answer();
    await clock.advance('1s');

    expect(isFreeDuringTheCall).toBe(false);
    expect([unresponsive.isFree, unresponsive.confirmedS]).toEqual([true, startS + 35]);
  });
});
