import { describe, expect, it } from 'vitest';
import type { LeasedTask } from '../../broker/contract/lease.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { silentLogger } from '../../runtime/logger.js';
import { failingBroker } from '../../test-support/failing-broker.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
import { HeldWatch } from './held-watch.js';
import type { LeaseRecord } from './lease-record.js';
import { LeaseTable } from './lease-table.js';
import { Pulse } from './pulse.js';
import { RecordPool } from './record-pool.js';

const LEASE_MS = 30_000;

function openWatch(requeue?: () => Promise<never>) {
  const q = openMemoryQueue();
  const broker = failingBroker(q.broker);
  const table = new LeaseTable();
  const pool = new RecordPool(table, () => undefined);
  const pulse = new Pulse(10_000);
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
  const deps = { clock: q.clock, logger };
  const watch = new HeldWatch(requeue ? { requeue } : broker, table, pulse, deps);
  const fetch = async (ids: readonly string[]) => {
    await q.broker.enqueue(ids.map((id) => ({ message: q.message(id) })));
    return (await q.broker.fetch(q.name, ids.length, LEASE_MS)).tasks;
  };
  const fill = (tasks: readonly LeasedTask[], returnAtMs: number, firstKey = 1): LeaseRecord[] =>
    tasks.map(({ message: { id }, leaseExpiresAtS }, index) => {
      const key = (firstKey + index) >>> 0;
      return pool.take({ key, id, queue: q.name, leaseExpiresAtS, returnAtMs, endsAtMs: Infinity });
    });
  /** As the main thread does, which also wakes the watch. */
  const hold = async (ids: readonly string[], forMs: number, firstKey?: number): Promise<LeaseRecord[]> => {
    const records = fill(await fetch(ids), q.clock.monotonicMs() + forMs, firstKey);
    if (pulse.resumeWatch()) watch.wake();
    return records;
  };
  const places = async () => {
    const { nextUp, active } = await q.dump();
    return { nextUp, active: [...active].sort() };
  };
  return { q, clock: q.clock, broker, watch, pulse, fetch, fill, hold, places, warnings };
}

describe('HeldWatch', () => {
  it('returns held tasks to the head of their queue in order when nobody begins them', async () => {
    const { q, clock, watch, hold, places } = openWatch();
    watch.start();
    const records = await hold(['a', 'b', 'c', 'd'], 50, 2 ** 32 - 2); // keys wrap around
    await q.broker.enqueue([{ message: q.message('waiting') }]);
    records[1]!.begin(Infinity);

    await clock.advance('1s');

    expect(await places()).toEqual({ nextUp: ['a', 'c', 'd', 'waiting'], active: ['b'] });
    expect(records.map((record) => record.begin(Infinity))).toEqual([false, true, false, false]);
    expect((await q.dump()).tasks['a']).toMatchObject({ state: 'pending', message: { retried: 0 } });
    await watch.stop();
  });

  it('leaves tasks to the main thread until they are late', async () => {
    const { clock, watch, hold, places } = openWatch();
    watch.start();
    await hold(['a'], 1_000);

    await clock.advance(1_150);

    expect(await places()).toEqual({ nextUp: [], active: ['a'] });
    await watch.stop();
  });

  it('rests while nothing is held, and looks again when it is woken', async () => {
    const { clock, watch, pulse, hold, places } = openWatch();
    watch.start();
    await clock.advance(0);
    const [first] = await hold(['a'], 50);
    first!.begin(Infinity);
    await clock.advance('1s');
    const isResting = pulse.resumeWatch();
    if (isResting) watch.wake();
    await clock.advance(0);

    await hold(['b'], 50);
    await clock.advance('1s');

    expect(isResting).toBe(true);
    expect(await places()).toEqual({ nextUp: ['b'], active: ['a'] });
    await watch.stop();
  });

  it('does not miss a task that is added while it goes to rest', async () => {
    const { q, clock, watch, pulse, fetch, fill, places } = openWatch();
    const tasks = await fetch(['a']);
    const rest = pulse.restWatch.bind(pulse);
    let wakes: boolean | undefined;
    pulse.restWatch = () => {
      if (wakes === undefined) fill(tasks, q.clock.monotonicMs() + 50);
      wakes ??= pulse.resumeWatch();
      rest();
    };

    watch.start();
    await clock.advance('1s');

    expect(wakes).toBe(false);
    expect((await places()).nextUp).toEqual(['a']);
    await watch.stop();
  });

  it('leaves a task alone that is no longer ours', async () => {
    const { q, clock, watch, hold, places } = openWatch();
    watch.start();
    const [record] = await hold(['stolen', 'mine'], 50);
    await q.broker.extendLeases(q.name, [{ id: 'stolen', expiriesS: [record!.confirmedS] }], 4_294_000_000);

    await clock.advance('1s');

    expect(await places()).toEqual({ nextUp: ['mine'], active: ['stolen'] });
    await watch.stop();
  });

  it('leaves a task that is canceled to the main thread', async () => {
    const { q, clock, watch, hold, places } = openWatch();
    watch.start();
    const [canceled, other] = await hold(['canceled', 'other'], 50);
    await q.broker.requestCancel(q.name, 'canceled', 'archive');

    await clock.advance('1s');

    expect(await places()).toEqual({ nextUp: ['other'], active: ['canceled'] });
    expect([canceled!.begin(Infinity), other!.begin(Infinity)]).toEqual([true, false]);
    await watch.stop();
  });

  it('tries again when Redis could not be reached, and lets the main thread begin the tasks meanwhile', async () => {
    const { clock, broker, watch, hold, places, warnings } = openWatch();
    watch.start();
    const records = await hold(['a', 'b'], 50);
    broker.failNext('requeue', { times: 2 });
    await clock.advance(600);
    const isOurs = records[0]!.begin(Infinity);

    await clock.advance('1s');

    expect(isOurs).toBe(true);
    expect(await places()).toEqual({ nextUp: ['b'], active: ['a'] });
    expect(warnings).toEqual(['cannot return held tasks']);
    await watch.stop();
  });

  it('gives up tasks whose return was not answered: another server may have them', async () => {
    const unanswered = new RedisCommandError('requeue', true, {
      cause: new Error('timed out'),
      isOutcomeUnknown: true,
    });
    let calls = 0;
    const { clock, watch, hold } = openWatch(() => {
      calls += 1;
      return Promise.reject(unanswered);
    });
    watch.start();
    const [record] = await hold(['a'], 50);

    await clock.advance('2s');

    expect([calls, record!.begin(Infinity)]).toEqual([1, false]);
    await watch.stop();
  });
});
