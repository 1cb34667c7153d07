import { describe, expect, it } from 'vitest';
import type { RecoverReply, RecoveredTask } from '../../broker/contract/recover.js';
import type { Logger } from '../../runtime/logger.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls } from '../../testing/call-recorder.js';
import { FakeClock } from '../../testing/fake-clock.js';
import { FakeLeadership } from '../../testing/fake-leadership.js';
import { openMemoryQueue } from '../../testing/test-queue.js';
import { Recoverer } from './recoverer.js';

function openRecovered({ isLeader = true, leaseMs = 30_000 } = {}) {
  const q = openMemoryQueue();
  const recorded = recordCalls(q.broker);
  const recovered: RecoveredTask[] = [];
  const options = {
    leaseMs,
    graceMs: 2_000,
    maxCrashes: 5,
    onRecovered: (task: RecoveredTask) => void recovered.push(task),
    ...STEADY,
  };
  const leadership = new FakeLeadership(isLeader ? [q.name] : []);
  const recoverer = new Recoverer(recorded.broker, leadership, q.name, options, {
    clock: q.clock,
    logger: silentLogger,
  });
  return { q, clock: q.clock, counts: recorded.counts, leadership, recoverer, recovered };
}

/** Of a server that was awake all the time. */
const STEADY = { pauseMs: 10_000, isSteady: () => true };

type RecovererOptions = ConstructorParameters<typeof Recoverer>[3];
type RecovererOps = ConstructorParameters<typeof Recoverer>[0];

/** A recoverer over replies that the test makes up. */
function openScripted(
  ops: Partial<RecovererOps>,
  logger: Logger = silentLogger,
  given: Partial<RecovererOptions> = {},
) {
  const clock = new FakeClock();
  const nothing: RecoverReply = { recovered: [], nextExpiryAtMs: undefined };
  let looks = 0;
  const broker: RecovererOps = {
    recoverExpired: async (...args) => (looks++, ops.recoverExpired?.(...args) ?? nothing),
    repair: async (...args) => ops.repair?.(...args) ?? { leasesAdded: 0, orphansRemoved: 0 },
    nameLostGroups: async (...args) => ops.nameLostGroups?.(...args) ?? 0,
    reclaimSets: async (...args) => ops.reclaimSets?.(...args) ?? 0,
  };
  const options = { leaseMs: 30_000, graceMs: 2_000, maxCrashes: 5, onRecovered: () => undefined, ...STEADY, ...given };
  const recoverer = new Recoverer(broker, new FakeLeadership(['q']), 'q', options, { clock, logger });
  return { clock, recoverer, looks: () => looks };
}

describe('Recoverer', () => {
  it('gives the task of a vanished server back when its lease and the grace are over', async () => {
    const { q, clock, recoverer, recovered } = openRecovered();
    recoverer.start();
    await clock.advance('1s');
    await q.broker.enqueue([{ message: q.message('a') }]);
    await q.broker.fetch(q.name, 1, 30_000);

    await clock.advance('31s');
    const early = recovered.length;
    await clock.advance('2s');

    expect(early).toBe(0);
    expect(recovered).toMatchObject([{ message: { id: 'a' }, crashes: 1, outcome: 'requeued' }]);
    expect((await q.dump()).nextUp).toEqual(['a']);
  });

  it('looks at least once per lease, so that a short lease is seen before it ends', async () => {
    const { clock, counts, recoverer } = openRecovered({ leaseMs: 3_000 });
    recoverer.start();

    await clock.advance('30s');

    expect(counts()['recoverExpired']).toBe(11);
  });

  it('looks every 15 s and repairs every minute while nothing happens', async () => {
    const { clock, counts, recoverer } = openRecovered();
    recoverer.start();

    await clock.advance('2m');

    expect(counts()).toEqual({ recoverExpired: 9, repair: 3, nameLostGroups: 3, reclaimSets: 3 });
  });

  it('rests while another server leads, and begins when this one is elected', async () => {
    const { q, clock, counts, leadership, recoverer } = openRecovered({ isLeader: false });
    recoverer.start();
    await clock.advance('2m');
    const callsBefore = counts();

    leadership.elect('another');
    leadership.elect(q.name);
    await clock.advance(0);

    expect(callsBefore).toEqual({});
    expect(counts()).toEqual({ recoverExpired: 1, repair: 1, nameLostGroups: 1, reclaimSets: 1 });
  });

  it('goes on at once after a full batch', async () => {
    const task = { message: openMemoryQueue().message('a'), crashes: 1, outcome: 'requeued' } as const;
    const batches = [100, 100, 3].map((size) => Array.from({ length: size }, (): RecoveredTask => task));
    const { clock, recoverer, looks } = openScripted({
      recoverExpired: async () => ({ recovered: batches.shift() ?? [], nextExpiryAtMs: undefined }),
    });
    recoverer.start();

    await clock.advance(0);

    expect(looks()).toBe(3);
  });

  it('recovers at once what a repair gave an expired lease, and says what was repaired', async () => {
    const log: object[] = [];
    const logger = {
      ...silentLogger,
      warn: (message: string, fields?: object) => void log.push({ message, ...fields }),
    };
    const { clock, recoverer, looks } = openScripted(
      { repair: async () => ({ leasesAdded: 2, orphansRemoved: 1 }), nameLostGroups: async () => 3 },
      logger,
    );
    recoverer.start();

    await clock.advance(0);

    expect(looks()).toBe(2);
    const done = { leasesAdded: 2, orphansRemoved: 1, groupsNamed: 3 };
    expect(log).toEqual([{ message: 'repaired queue "q"', queue: 'q', ...done }]);
  });

  it('says when it gave unfinished aggregations back to their groups', async () => {
    const log: object[] = [];
    const logger = {
      ...silentLogger,
      warn: (message: string, fields?: object) => void log.push({ message, ...fields }),
    };
    const { clock, recoverer } = openScripted({ reclaimSets: async () => 2 }, logger);
    recoverer.start();

    await clock.advance(0);

    const message = 'gave back unfinished aggregations of queue "q"';
    expect(log).toEqual([{ message, queue: 'q', setsReclaimed: 2 }]);
  });

  it('does not spin on a lease that ended and cannot be recovered', async () => {
    const { clock, recoverer, looks } = openScripted({
      recoverExpired: async () => ({ recovered: [], nextExpiryAtMs: 0 }),
    });
    recoverer.start();

    await clock.advance('10s');

    expect(looks()).toBe(11);
  });

  it('recovers nothing while others that were frozen with it may not have beaten yet', async () => {
    let isSteady = false;
    const { clock, recoverer, looks } = openScripted({}, silentLogger, { isSteady: () => isSteady });
    recoverer.start();
    await clock.advance('1m');
    const before = looks();

    isSteady = true;
    await clock.advance('1s');

    expect([before, looks() > 0]).toEqual([0, true]);
    await recoverer.stop();
  });

  it('lets others extend their leases first when Redis is back after a while', async () => {
    let isAway = true;
    let recoveries = 0;
    const { clock, recoverer } = openScripted({
      recoverExpired: async (_queue, { graceMs }) => {
        if (isAway) throw new Error('Redis is away');
        if (graceMs === 2_000) recoveries++;
        return { recovered: [], nextExpiryAtMs: undefined };
      },
    });
    recoverer.start();
    await clock.advance('1m');

    isAway = false;
    await clock.advance('5s');
    const soon = recoveries;
    await clock.advance('10s');

    expect([soon, recoveries > 0]).toEqual([0, true]);
    await recoverer.stop();
  });
});
