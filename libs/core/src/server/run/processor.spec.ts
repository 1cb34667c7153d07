import { describe, expect, it, vi } from 'vitest';
import type { FetchReply, LeasedTask } from '../../broker/roles.js';
import { type Logger, silentLogger } from '../../runtime/logger.js';
import { FakeClock } from '../../testing/fake-clock.js';
import { FakeLease } from '../../testing/fake-lease.js';
import type { TaskMessage } from '../../wire/task-message.js';
import type { TrackedTask } from '../leases/lease-handle.js';
import type { LeaseKeeper } from '../leases/lease-keeper.js';
import { Processor } from './processor.js';
import { QueueWeights } from './queue-weights.js';
import type { WorkSignal } from '../watch/work-watcher.js';
import type { WorkerPool } from './worker-pool.js';

/** A processor over queues that hold so many tasks, and slots that the test frees by hand. */
function prepare(waiting: Record<string, number>, { concurrency = 4, weights = {}, isStrict = false } = {}) {
  const clock = new FakeClock();
  const running: string[] = [];
  const fetches: [queue: string, limit: number][] = [];
  const broken = new Set<string>();
  const paused = new Set<string>();
  const unknown = new Set<string>();
  let wake = (): void => undefined;
  let freed = (): void => undefined;
  const workSignal = {
    waitForWork: vi.fn<WorkSignal['waitForWork']>((signal) => {
      return new Promise<void>((resolve) => {
        wake = resolve;
        signal.addEventListener('abort', () => resolve());
      });
    }),
    reportPaused: vi.fn<WorkSignal['reportPaused']>(),
    reportRemaining: vi.fn<WorkSignal['reportRemaining']>(),
    setFree: vi.fn<WorkSignal['setFree']>(),
  };
  const workers = {
    get free() {
      return concurrency - running.length;
    },
    expectsUnknownTypes: (queue: string) => unknown.has(queue),
    run: ({ task }: TrackedTask) => void running.push(task.message.queue),
    whenFree: (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        freed = resolve;
        signal.addEventListener('abort', () => resolve());
      }),
  } as unknown as WorkerPool;
  const fetch = async (queue: string, limit: number): Promise<FetchReply> => {
    fetches.push([queue, limit]);
    if (broken.has(queue)) throw new Error('Redis is away');
    if (paused.has(queue)) return { tasks: [], isPaused: true, remaining: 0 };
    const count = Math.min(limit, waiting[queue]!);
    waiting[queue]! -= count;
    const tasks = Array.from({ length: count }, (): LeasedTask => {
      return { message: { queue, timeoutS: 10n, deadlineS: 0n } as TaskMessage, leaseExpiresAtS: 1 };
    });
    return { tasks, isPaused: false, remaining: count === limit ? waiting[queue]! : 0 };
  };
  const track = vi.fn<LeaseKeeper['track']>((tasks) => tasks.map(() => new FakeLease({ id: '', expiriesS: [] }, 0)));
  const logger = { ...silentLogger, warn: vi.fn<Logger['warn']>() };
  const queueWeights = new QueueWeights(
    { ...Object.fromEntries(Object.keys(waiting).map((q) => [q, 1])), ...weights },
    isStrict,
  );
  const deps = { workers, leaseKeeper: { track }, workSignal, clock, logger };
  const processor = new Processor({ fetch }, queueWeights, 30_000, deps);
  /** Lets everything happen that can without time passing. */
  const settle = (): Promise<void> => clock.advance(0);
  const end = (count: number): void => {
    running.splice(0, count);
    freed();
  };
  return {
    processor,
    clock,
    running,
    fetches,
    broken,
    paused,
    unknown,
    workers,
    workSignal,
    track,
    logger,
    settle,
    end,
    wake: () => wake(),
  };
}

describe('Processor', () => {
  it('asks for as many tasks as there are free slots and tracks them in one batch', async () => {
    const { processor, fetches, running, track, clock, settle } = prepare({ q: 10 });

    processor.start();
    await settle();

    expect(fetches).toEqual([['q', 4]]);
    expect(running).toHaveLength(4);
    expect(track).toHaveBeenCalledOnce();
    expect(track.mock.calls[0]![0][0]).toMatchObject({
      startedAtMs: clock.nowMs(),
      deadlineMs: clock.nowMs() + 10_000,
    });
    await processor.stop();
  });

  it('fetches for the slots that became free, and tells when none is', async () => {
    const { processor, fetches, workSignal, settle, end } = prepare({ q: 10 });
    processor.start();
    await settle();

    end(3);
    await settle();

    expect(fetches).toEqual([
      ['q', 4],
      ['q', 3],
    ]);
    expect(workSignal.setFree.mock.calls).toEqual([[false], [true], [false]]);
    expect(workSignal.waitForWork).not.toHaveBeenCalled();
    await processor.stop();
  });

  it('offers the slots that one queue leaves empty to the others', async () => {
    const { processor, running, settle } = prepare({ empty: 0, full: 10 }, { weights: { empty: 1_000 } });

    processor.start();
    await settle();

    expect(running).toEqual(['full', 'full', 'full', 'full']);
    await processor.stop();
  });

  it.each([4, 50])(
    'shares 10,000 tasks by weight, with %d slots and handlers that end at once',
    async (concurrency) => {
      const weights = { critical: 6, default: 3, low: 1 };
      const overload = { critical: 20_000, default: 20_000, low: 20_000 };
      const { processor, workers, settle } = prepare(overload, { concurrency, weights });
      const counts: Record<string, number> = { critical: 0, default: 0, low: 0 };
      let handled = 0;
      workers.run = ({ task }) => {
        if (handled === 10_000) return;
        counts[task.message.queue]! += 1;
        if (++handled === 10_000) void processor.stop();
      };

      processor.start();
      await settle();

      expect(handled).toBe(10_000);
      expect(Math.abs(counts['critical']! - 6_000)).toBeLessThan(300);
      expect(Math.abs(counts['default']! - 3_000)).toBeLessThan(300);
      expect(Math.abs(counts['low']! - 1_000)).toBeLessThan(300);
    },
  );

  it('serves a lower queue only from what the higher ones leave, when strict', async () => {
    const options = { concurrency: 5, weights: { high: 9, middle: 5, low: 1 }, isStrict: true };
    const { processor, fetches, running, settle } = prepare({ low: 10, high: 2, middle: 1 }, options);

    processor.start();
    await settle();

    expect(fetches).toEqual([
      ['high', 5],
      ['middle', 3],
      ['low', 2],
    ]);
    expect(running).toEqual(['high', 'high', 'middle', 'low', 'low']);
    await processor.stop();
  });

  it('waits for work when every queue is empty, and does not poll', async () => {
    const { processor, fetches, workSignal, clock, wake, settle } = prepare({ a: 0, b: 0 });
    processor.start();
    await clock.advance('1h');
    const asked = fetches.length;

    wake();
    await settle();

    expect(asked).toBe(2);
    expect(fetches).toHaveLength(4);
    expect(workSignal.waitForWork).toHaveBeenCalledTimes(2);
    await processor.stop();
  });

  it('says once per wake-up how much it left for others', async () => {
    const { processor, workSignal, settle, end } = prepare({ q: 20 });
    processor.start();
    await settle();

    end(4);
    await settle();

    expect(workSignal.reportRemaining).toHaveBeenCalledExactlyOnceWith('q', 16);
    await processor.stop();
  });

  it('reports a paused queue', async () => {
    const { processor, workSignal, paused, settle } = prepare({ q: 5 });
    paused.add('q');

    processor.start();
    await settle();

    expect(workSignal.reportPaused).toHaveBeenCalledWith('q');
    expect(workSignal.waitForWork).toHaveBeenCalledOnce();
    await processor.stop();
  });

  it('asks ever more seldom while Redis is away, and logs seldom', async () => {
    const { processor, fetches, broken, clock, logger } = prepare({ q: 5 });
    broken.add('q');
    processor.start();

    await clock.advance('10m');

    expect(fetches.length).toBeGreaterThan(100);
    expect(fetches.length).toBeLessThan(250);
    expect(logger.warn.mock.calls.length).toBeLessThanOrEqual(20);
    await processor.stop();
  });

  it('fetches again soon after Redis is back', async () => {
    const { processor, broken, running, clock } = prepare({ q: 5 });
    broken.add('q');
    processor.start();
    await clock.advance('1m');

    broken.delete('q');
    await clock.advance('5s');

    expect(running).toHaveLength(4);
    await processor.stop();
  });

  it('serves the other queues at full speed while one fails', async () => {
    const { processor, broken, running, settle, end } = prepare({ bad: 5, good: 100 });
    broken.add('bad');
    processor.start();
    await settle();

    for (let round = 0; round < 5; round++) {
      end(4);
      await settle();
    }

    expect(running).toEqual(['good', 'good', 'good', 'good']);
    await processor.stop();
  });

  it('looks at the other queues twice a second while one fails, since a signal may be for that one', async () => {
    const { processor, fetches, broken, clock, workSignal } = prepare({ bad: 5, good: 0 });
    broken.add('bad');
    processor.start();

    await clock.advance('60s');

    const good = fetches.filter(([queue]) => queue === 'good').length;
    expect(good).toBeGreaterThanOrEqual(60);
    expect(good).toBeLessThan(160);
    expect(workSignal.waitForWork).not.toHaveBeenCalled();
    await processor.stop();
  });

  it('gives other servers the first chance at a queue with tasks of unknown type', async () => {
    const { processor, fetches, unknown, workSignal, clock, wake, settle } = prepare({ mixed: 0, known: 0 });
    processor.start();
    await settle();
    fetches.length = 0;
    unknown.add('mixed');

    wake();
    await settle();
    const atOnce = fetches.map(([queue]) => queue);
    await clock.advance(250);

    expect(atOnce).toEqual(['known']);
    expect(workSignal.reportRemaining).toHaveBeenCalledExactlyOnceWith('mixed', 1);
    expect(fetches.map(([queue]) => queue)).toContain('mixed');
    expect(workSignal.waitForWork).toHaveBeenCalledTimes(2);
    await processor.stop();
  });

  it('fetches no more once stopped, full or idle', async () => {
    const idle = prepare({ q: 0 });
    const full = prepare({ q: 100 });
    for (const { processor, settle } of [idle, full]) {
      processor.start();
      await settle();
    }

    await Promise.all([idle.processor.stop(), full.processor.stop()]);
    full.end(4);
    idle.wake();
    await full.clock.advance('1m');

    expect(idle.fetches).toHaveLength(1);
    expect(full.fetches).toHaveLength(1);
    expect(idle.workSignal.setFree.mock.calls).toEqual([[false]]);
  });
});
