import { describe, expect, it, vi } from 'vitest';
import type { ExtendReply, LeaseClaim } from '../../broker/contract/lease.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls } from '../../testing/call-recorder.js';
import { FakeClock } from '../../testing/fake-clock.js';
import { failingBroker } from '../../testing/failing-broker.js';
import { openMemoryQueue } from '../../testing/test-queue.js';
import { ceilS } from '../../wire/unix-time.js';
import { type CancelRequest, Heartbeater, type RunningTask } from './heartbeater.js';
import { possibleExpiriesS, Pulse, type SharedLease, SharedLeases } from './shared-leases.js';

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
  const heartbeat = new Heartbeater(
    recorded.broker,
    { identity, intervalMs: 5_000, leaseMs: LEASE_MS },
    next,
    { onLost: (keys) => void lost.push(...keys), onCancelRequests: (found) => void requests.push(...found) },
    { clock: q.clock, logger: silentLogger, random: () => 1 },
  );
  let lastKey = 0;
  /** Fetches tasks and puts them in the heartbeat's care. */
  const run = async (...ids: string[]): Promise<SharedLease[]> => {
    await q.broker.enqueue(ids.map((id) => ({ message: q.message(id) })));
    const { tasks } = await q.broker.fetch(q.name, ids.length, LEASE_MS);
    const leases = SharedLeases.of(tasks.map((task) => task.leaseExpiresAtS));
    const running = tasks.map(({ message }): RunningTask => {
      const { id, type, queue } = message;
      const payload = Buffer.from(message.payload).toString('latin1');
      const startedAtMs = q.clock.nowMs();
      return {
        key: ++lastKey,
        id,
        type,
        payload,
        queue,
        startedAtMs,
        deadlineMs: startedAtMs + 60_000,
        endsAtMonotonicMs: startedAtMs + 60_000,
      };
    });
    heartbeat.track({ leases: leases.buffer, tasks: running });
    return running.map((_, index) => leases.lease(index));
  };
  const scoreOf = async (id: string): Promise<number | undefined> => (await q.dump()).leases[id];
  const startS = ceilS(q.clock.nowMs());
  return { q, clock: q.clock, failing, counts: recorded.counts, next, heartbeat, lost, requests, run, scoreOf, startS };
}

/** Leases in two queues, and a broker whose replies the test gives. */
function openStubbed() {
  const clock = new FakeClock();
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
  const listener = { onLost: () => undefined, onCancelRequests: () => undefined };
  const settings = { identity, intervalMs: 5_000, leaseMs: LEASE_MS };
  const heartbeat = new Heartbeater(broker, settings, pulse, listener, {
    clock,
    logger: silentLogger,
    random: () => 1,
  });
  const startS = ceilS(clock.nowMs());
  const leases = SharedLeases.of([startS + 30, startS + 30]);
  const tasks = ['sick', 'healthy'].map((queue, key) => {
    const startedAtMs = clock.nowMs();
    const ends = { deadlineMs: startedAtMs + HOUR_MS, endsAtMonotonicMs: clock.monotonicMs() + HOUR_MS };
    return { key, id: queue, type: 't', payload: '', queue, startedAtMs, ...ends };
  });
  heartbeat.track({ leases: leases.buffer, tasks });
  const callsOf = (name: string) => calls.filter((made) => made.name === name);
  const scoresOf = (queue: string) => callsOf(queue).map(({ expiresAtS }) => expiresAtS! - startS);
  const [sick, healthy] = [leases.lease(0), leases.lease(1)];
  return { clock, silent, pulse, heartbeat, sick, healthy, callsOf, scoresOf, startS };
}

describe('Heartbeater', () => {
  it('extends the leases of a queue at every interval while the extension of another is not answered', async () => {
    const { clock, silent, heartbeat, sick, healthy, callsOf, scoresOf, startS } = openStubbed();
    silent.add('sick');
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
    expect(scoresOf('sick')).toEqual([35]); // never a second one under way
    expect([sick.confirmedS, sick.pendingS]).toEqual([startS + 30, startS + 35]);
  });

  it('shows the server and extends leases at every interval while the presence is not answered', async () => {
    const { clock, silent, heartbeat, callsOf, scoresOf } = openStubbed();
    silent.add('presence');
    heartbeat.start();

    await clock.advance('16s');

    expect(scoresOf('healthy')).toEqual([35, 40, 45]);
    expect(callsOf('presence')).toHaveLength(1);
  });

  it('catches up with a queue that answers late, without an extension more for the others', async () => {
    const { clock, silent, heartbeat, sick, callsOf, scoresOf, startS } = openStubbed();
    silent.add('sick');
    heartbeat.start();
    await clock.advance('12s');

    silent.clear();
    callsOf('sick')[0]!.answer();
    await clock.advance('2s');

    expect(scoresOf('sick')).toEqual([35, 45]);
    expect([sick.confirmedS, sick.pendingS]).toEqual([startS + 45, 0]);
    expect(scoresOf('healthy')).toEqual([35, 40]);
  });

  it('sends the score of an extension that failed late again before any other, and names it meanwhile', async () => {
    const { clock, silent, pulse, heartbeat, sick, callsOf, scoresOf, startS } = openStubbed();
    silent.add('sick');
    heartbeat.start();
    await clock.advance('12s');
    const named = possibleExpiriesS(sick, pulse, clock.nowMs());

    silent.clear();
    callsOf('sick')[0]!.fail();
    await clock.advance('2s');

    expect(named).toEqual([startS + 30, startS + 35]);
    expect(scoresOf('sick')).toEqual([35, 35, 45]);
    expect(sick.confirmedS).toBe(startS + 45);
  });

  it('takes its time by the clock, not by turns, while a queue is silent', async () => {
    const { clock, silent, heartbeat } = openStubbed();
    silent.add('sick');
    const steps = vi.spyOn(heartbeat, 'runOnce');
    heartbeat.start();

    await clock.advance('51s');

    expect(steps.mock.calls.length).toBeLessThan(15);
  });

  it('extends leases by a whole lease at each beat', async () => {
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

  it('leaves tasks alone that ended, that were just fetched, or that are past their deadline', async () => {
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

  it('reports a task that was taken from us, once, and goes on with the others', async () => {
    const { q, clock, heartbeat, run, lost, scoreOf, startS } = openBeating();
    await run('stolen', 'kept');
    await q.broker.extendLeases(q.name, [{ id: 'stolen', expiriesS: [startS + 30] }], startS + 99);
    heartbeat.start();

    await clock.advance('10s');

    expect(lost).toEqual([1]);
    expect(await scoreOf('stolen')).toBe(startS + 99);
    expect(await scoreOf('kept')).toBe(startS + 40);
  });

  it.each(['lostReply', 'lostRequest'] as const)('finds out what became of an extension after a %s', async (as) => {
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
  });

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

  it('extends a lease again that ended while Redis was away, when nobody took the task', async () => {
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

  it('gives up a lease that ended while Redis was away, when somebody took the task', async () => {
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

  it.each([8 * HOUR_MS, -HOUR_MS])('holds leases of the usual length when the clock is set by %i ms', async (byMs) => {
    const { clock, heartbeat, run, scoreOf, lost } = openBeating();
    await run('a');
    heartbeat.start();
    await clock.advance('7s');

    clock.set(clock.nowMs() + byMs);
    await clock.advance('10s');

    const leftS = Number(await scoreOf('a')) - clock.nowMs() / 1000;
    expect([leftS > 20 && leftS <= 36, lost]).toEqual([true, []]);
  });

  it('extends by a full lease when it beats long after its time', async () => {
    const { clock, heartbeat, run, scoreOf, startS } = openBeating();
    await run('a');
    await heartbeat.runOnce();

    await clock.advance('20s'); // as when the machine was suspended
    await heartbeat.runOnce();

    expect(await scoreOf('a')).toBe(startS + 20 + 30);
  });

  it('shows the server and its running tasks for twice the interval', async () => {
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

  it('removes the presence at stop, and stops without Redis too', async () => {
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

  it('forgets tasks that come and go by thousands between two beats', async () => {
    const { heartbeat, run } = openBeating();

    for (let batch = 0; batch < 30; batch++) {
      const leases = await run(...Array.from({ length: 100 }, (_, index) => `${batch}-${index}`));
      for (const lease of leases) lease.end();
    }

    expect((Reflect.get(heartbeat, 'running') as Map<number, unknown>).size).toBeLessThanOrEqual(1_000);
  });
});
