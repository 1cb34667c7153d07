import { describe, expect, it, vi } from 'vitest';
import type { RecoverOptions, RecoverReply, RecoveredTask } from '../../broker/contract/recover.js';
import type { Logger } from '../../runtime/logger.js';
import { silentLogger } from '../../runtime/logger.js';
import { recordCalls } from '../../test-support/call-recorder.js';
import { SteppingClock } from '../../test-support/stepping-clock.js';
import { FakeLeadership } from '../../test-support/fake-leadership.js';
import { openMemoryQueue } from '../../test-support/test-queue.js';
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
  const recoverer = new Recoverer(recorded.broker, leadership, [q.name], options, {
    clock: q.clock,
    logger: silentLogger,
  });
  return { q, clock: q.clock, counts: recorded.counts, leadership, recoverer, recovered };
}

/** Of a server that was never frozen. */
const STEADY = { pauseMs: 10_000, isSteady: () => true };

type RecovererOptions = ConstructorParameters<typeof Recoverer>[3];
type RecovererOps = ConstructorParameters<typeof Recoverer>[0];

/** A recoverer with replies made up by the test. */
function openScripted(
  ops: Partial<RecovererOps>,
  logger: Logger = silentLogger,
  given: Partial<RecovererOptions> = {},
) {
  const clock = new SteppingClock();
  const nothing: RecoverReply = { recovered: [], nextExpiryAtMs: undefined };
  let looks = 0;
  const broker: RecovererOps = {
    recoverExpired: async (...args) => (looks++, ops.recoverExpired?.(...args) ?? nothing),
    repair: async (...args) => ops.repair?.(...args) ?? { leasesAdded: 0, orphansRemoved: 0 },
    nameLostGroups: async (...args) => ops.nameLostGroups?.(...args) ?? 0,
    reclaimSets: async (...args) => ops.reclaimSets?.(...args) ?? 0,
  };
  const options = { leaseMs: 30_000, graceMs: 2_000, maxCrashes: 5, onRecovered: () => undefined, ...STEADY, ...given };
  const recoverer = new Recoverer(broker, new FakeLeadership(['q']), ['q'], options, { clock, logger });
  return { clock, recoverer, looks: () => looks };
}

describe('Recoverer', () => {
  it('returns the task of a lost server when its lease and the grace period are over', async () => {
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

  it('recovers what was lost when it was awake: it may be frozen after the check of that', async () => {
    const asked: (number | undefined)[] = [];
    const recoverExpired = async (_queue: string, options: RecoverOptions): Promise<RecoverReply> => {
      asked.push(options.sinceAwakeMs?.());
      return { recovered: [], nextExpiryAtMs: undefined };
    };
    const freeze = (): void => void vi.spyOn(clock, 'monotonicMs').mockReturnValue(frozenUntilMs);
    const isSteady = (): boolean => (freeze(), true);
    const { clock, recoverer } = openScripted({ recoverExpired }, silentLogger, { isSteady });
    const frozenUntilMs = clock.monotonicMs() + 60_000;

    await recoverer.runOnce('q');

    expect(asked).toEqual([60_000]);
  });

  it('logs one line for all tasks of a round that are requeued, and one for those that are archived', async () => {
    const warn = vi.fn<Logger['warn']>();
    const recovered = Array.from({ length: 15 }, (_, at): RecoveredTask => {
      const message = { id: `t${at}`, type: 'work', queue: 'q' } as RecoveredTask['message'];
      return { message, crashes: at, outcome: at === 14 ? 'archived' : 'requeued' };
    });
    const rounds = [{ recovered, nextExpiryAtMs: undefined }];
    const nothing: RecoverReply = { recovered: [], nextExpiryAtMs: undefined };
    const { clock, recoverer } = openScripted(
      { recoverExpired: async () => rounds.shift() ?? nothing },
      { ...silentLogger, warn },
    );

    recoverer.start();
    await clock.advance('1s');

    const taskIds = recovered.slice(0, 10).map(({ message }) => message.id);
    expect(warn.mock.calls).toEqual([
      [
        'workers of tasks were lost; the tasks are requeued',
        { queue: 'q', tasks: 14, taskIds, types: ['work'], mostCrashes: 13 },
      ],
      [
        'workers of tasks were lost; the tasks are archived',
        { queue: 'q', tasks: 1, taskIds: ['t14'], types: ['work'], mostCrashes: 14 },
      ],
    ]);
  });

  it('checks at least once per lease, so that a short lease is seen before it ends', async () => {
    const { clock, counts, recoverer } = openRecovered({ leaseMs: 3_000 });
    recoverer.start();

    await clock.advance('30s');

    expect(counts()['recoverExpired']).toBe(11);
  });

  it('checks every 15 s and repairs every minute while nothing happens', async () => {
    const { clock, counts, recoverer } = openRecovered();
    recoverer.start();

    await clock.advance('2m');

    expect(counts()).toEqual({ recoverExpired: 9, repair: 3, nameLostGroups: 3, reclaimSets: 3 });
  });

  it('pauses while another server leads, and starts when this one is elected', async () => {
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

  it('continues at once after a full batch', async () => {
    const task = { message: openMemoryQueue().message('a'), crashes: 1, outcome: 'requeued' } as const;
    const batches = [100, 100, 3].map((size) => Array.from({ length: size }, (): RecoveredTask => task));
    const { clock, recoverer, looks } = openScripted({
      recoverExpired: async () => ({ recovered: batches.shift() ?? [], nextExpiryAtMs: undefined }),
    });
    recoverer.start();

    await clock.advance(0);

    expect(looks()).toBe(3);
  });

  it('recovers tasks at once that a repair has given an expired lease, and logs the repair', async () => {
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

  it('logs that it has returned unfinished aggregations to their groups', async () => {
    const log: object[] = [];
    const logger = {
      ...silentLogger,
      warn: (message: string, fields?: object) => void log.push({ message, ...fields }),
    };
    const { clock, recoverer } = openScripted({ reclaimSets: async () => 2 }, logger);
    recoverer.start();

    await clock.advance(0);

    const message = 'returned unfinished aggregations of queue "q"';
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

  it('recovers nothing while other servers that were frozen with it may not have extended their leases', async () => {
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

  it('lets other servers extend their leases first when Redis is back after a while', async () => {
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
