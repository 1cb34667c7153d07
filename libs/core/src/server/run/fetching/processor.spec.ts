import { describe, expect, it, vi } from 'vitest';
import type { FetchReply, LeasedTask } from '../../../broker/contract/lease.js';
import { type Logger, silentLogger } from '../../../runtime/logger.js';
import type { TaskEventListener } from '../../../task/task-event.js';
import { FakeClock } from '../../../testing/fake-clock.js';
import { FakeLease } from '../../../test-support/fake-lease.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { TrackedTask } from '../../leases/lease-handle.js';
import type { RunningLeases } from '../../leases/running-leases.js';
import { Processor } from './processor.js';
import { QueueWeights } from './queue-weights.js';
import type { NextFetch } from '../../../broker/contract/wake.js';
import type { WorkListener } from '../../watch/work-demand.js';
import type { WorkSignal } from '../../watch/work-watcher.js';
import { RunLimits } from '../running/run-limits.js';
import type { WorkerPool } from '../running/worker-pool.js';

/** A processor over queues that hold so many tasks, and slots that the test frees by hand. */
function prepare(
  waiting: Record<string, number>,
  { concurrency = 4, weights = {}, isStrict = false, readAheadMs = 20 } = {},
) {
  const clock = new FakeClock();
  const running: string[] = [];
  const returned: string[] = [];
  const fetches: [queue: string, limit: number][] = [];
  /** What each fetch passed over. */
  const passed: (readonly string[])[] = [];
  const broken = new Set<string>();
  const paused = new Set<string>();
  /** Ids of tasks whose type is unknown. */
  const unknown = new Set<string>();
  const offered = new Set<string>();
  /** Queues of suspects. */
  const suspects = new Set<string>();
  const rooms: Record<string, number> = {};
  /** Most tasks that a fetch brings, whatever it asks for. */
  const caps: Record<string, number> = {};
  /** How long fetches of a queue take. */
  const delaysMs: Record<string, number> = {};
  /** Queues that do not answer, and how to let them. */
  const silent = new Map<string, (() => void)[]>();
  const watched = new Set<string>();
  let listener: WorkListener | undefined;
  const workSignal = {
    listen: (given: WorkListener) => void (listener = given),
    watch: vi.fn<WorkSignal['watch']>((queue) => void watched.add(queue)),
    unwatch: (queue: string) => void watched.delete(queue),
    isAlwaysWatched: () => false,
    filledAmong: vi.fn<WorkSignal['filledAmong']>(async (queues) => queues.filter((queue) => waiting[queue]! > 0)),
    reportPaused: vi.fn<WorkSignal['reportPaused']>(),
    reportRemaining: vi.fn<WorkSignal['reportRemaining']>(),
    setFree: vi.fn<WorkSignal['setFree']>(),
    setRoom: vi.fn<WorkSignal['setRoom']>(),
    setPassing: vi.fn<WorkSignal['setPassing']>(),
  };
  /** How many slots a suspect leaves. */
  const suspect = { limit: Infinity };
  const workers = {
    get free() {
      return Math.min(concurrency, suspect.limit) - running.length;
    },
    onFree: () => undefined,
    onEnd: (_queue: string, _durationMs: number) => undefined,
    mostWaiting: 0,
    limits: new RunLimits({}, { route: () => undefined, patterns: () => [] }),
    isLimited: false,
    isSuspect: ({ crashes = 0 }: LeasedTask) => crashes > 0,
    knows: () => true,
    putBack: ({ message }: LeasedTask, _: FakeLease, onSettled?: () => void) => {
      putBack.push(message);
      if (onSettled && returns.isSilent) returns.answered.push(onSettled);
      else if (onSettled) queueMicrotask(onSettled);
    },
    leaveToOthers: ({ task }: TrackedTask, _: FakeLease, onBack: () => void) => {
      const { id } = task.message;
      if (!unknown.has(id)) return false;
      offered.add(id);
      queueMicrotask(onBack);
      return true;
    },
    leftToOthers: () => [...offered],
    isTellDue: () => offered.size > 0,
    run: ({ task }: TrackedTask) => void running.push(task.message.queue),
    onCancel: (_isMeant: (message: TaskMessage) => boolean) => undefined,
    takeCanceled: ({ task }: TrackedTask) => void canceled.push(task.message),
    giveBack: ({ task }: TrackedTask) => void returned.push(task.message.id),
    stop: async () => undefined,
  } as unknown as WorkerPool;
  const orphans: Record<string, readonly string[]> = {};
  const fetch = async (queue: string, limit: number, _: number, passOver: readonly string[]): Promise<FetchReply> => {
    fetches.push([queue, limit]);
    passed.push(passOver);
    const unanswered = silent.get(queue);
    if (unanswered) await new Promise<void>((resolve) => unanswered.push(resolve));
    const delayMs = delaysMs[queue];
    if (delayMs !== undefined) await new Promise<void>((resolve) => void clock.setTimer(resolve, delayMs));
    if (broken.has(queue)) throw new Error('Redis is away');
    if (paused.has(queue)) return { tasks: [], isPaused: true, remaining: 0 };
    const count = Math.min(limit, waiting[queue]!, caps[queue] ?? Infinity);
    const tasks = Array.from({ length: count }, (_, nth): LeasedTask => {
      const message = { id: `${queue}-${nth}`, queue, timeoutS: 10n, deadlineS: 0n } as TaskMessage;
      fetched.push(message);
      return { message, leaseExpiresAtS: 1, ...(suspects.has(queue) && { crashes: 2 }) };
    });
    waiting[queue]! -= count;
    const passedOver = passOver.length;
    return { tasks, isPaused: false, remaining: waiting[queue]!, passedOver, orphans: orphans[queue] };
  };
  const leases: FakeLease[] = [];
  /** In their order. */
  const fetched: TaskMessage[] = [];
  const putBack: TaskMessage[] = [];
  const canceled: TaskMessage[] = [];
  /** While a call that returns tasks is not answered: what to do then. */
  const returns = { isSilent: false, answered: [] as (() => void)[] };
  const track = vi.fn<RunningLeases['track']>((tasks) =>
    tasks.map(() => {
      leases.push(new FakeLease({ id: '', expiriesS: [] }, 0));
      return leases.at(-1)!;
    }),
  );
  const logger = { ...silentLogger, warn: vi.fn<Logger['warn']>() };
  const queueWeights = new QueueWeights(
    { ...Object.fromEntries(Object.keys(waiting).map((q) => [q, 1])), ...weights },
    isStrict,
  );
  const settler = { room: (queue: string) => rooms[queue] ?? Infinity };
  const emit = vi.fn<TaskEventListener>();
  const deps = { workers, settler, runningLeases: { track }, workSignal, clock, logger, emit };
  const processor = new Processor({ fetch }, queueWeights, { leaseMs: 30_000, readAheadMs }, deps);
  /** Lets everything happen that can without time passing. */
  const settle = (): Promise<void> => clock.advance(0);
  return {
    processor,
    orphans,
    emit,
    clock,
    waiting,
    running,
    returned,
    fetches,
    broken,
    paused,
    unknown,
    passed,
    suspects,
    leases,
    fetched,
    putBack,
    canceled,
    returns,
    rooms,
    caps,
    delaysMs,
    watched,
    workers,
    suspect,
    workSignal,
    track,
    logger,
    settle,
    end: (count: number): void => {
      running.splice(0, count);
      workers.onFree();
    },
    /** As a watcher does: it looks no more until it is told to. */
    wake: (queue: string): void => {
      watched.delete(queue);
      listener!.onWork(queue);
    },
    nextFetch: (queue: string): NextFetch | undefined => listener!.nextFetch(queue),
    /** As a watcher does that has fetched a task itself. */
    deliver: (queue: string, id: string, remaining = 0): void => {
      watched.delete(queue);
      const message = { id, queue, timeoutS: 10n, deadlineS: 0n } as TaskMessage;
      listener!.onFetched(queue, { tasks: [{ message, leaseExpiresAtS: 1 }], isPaused: false, remaining });
    },
    /** From now on fetches of the queue are not answered; the function answers those under way, or one of them. */
    silence: (queue: string): ((nth?: number) => void) => {
      const unanswered: (() => void)[] = [];
      silent.set(queue, unanswered);
      return (nth) => {
        if (nth !== undefined) return unanswered[nth]!();
        silent.delete(queue);
        for (const answer of unanswered) answer();
      };
    },
    asked: (queue: string): number[] => fetches.flatMap(([of, limit]) => (of === queue ? [limit] : [])),
  };
}

/** The attempts end as soon as they begin. */
function endAtOnce({ workers, running }: ReturnType<typeof prepare>): void {
  workers.run = ({ task }) => {
    running.push(task.message.queue);
    queueMicrotask(() => {
      running.pop();
      workers.onFree();
    });
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

  it('logs and reports ids without a task that a fetch has dropped', async () => {
    const { processor, orphans, emit, logger, settle } = prepare({ q: 1 });
    orphans['q'] = ['gone', 'stub'];

    processor.start();
    await settle();

    const fields = { queue: 'q', ids: ['gone', 'stub'], count: 2 };
    expect(logger.warn).toHaveBeenCalledExactlyOnceWith('dropped ids without a task', fields);
    expect(emit.mock.calls.map(([event]) => event)).toMatchObject([
      { kind: 'dropped', id: 'gone', queue: 'q' },
      { kind: 'dropped', id: 'stub', queue: 'q' },
    ]);
  });

  it('looks at its lanes once for all of many queues that have news in a turn of the event loop', async () => {
    const names = Array.from({ length: 200 }, (_, n) => `q-${n}`);
    const { processor, silence, wake, workSignal, settle } = prepare(
      Object.fromEntries(names.map((name) => [name, 0])),
      { concurrency: 1 },
    );
    processor.start();
    await settle();
    const answer = silence(names[0]!);
    workSignal.setFree.mockClear();

    for (const name of names) {
      wake(name);
      for (let nth = 0; nth < 3; nth++) await Promise.resolve();
    }
    await new Promise((resolve) => void setImmediate(resolve));

    expect(workSignal.setFree.mock.calls.length).toBeLessThan(30);
    answer();
    await processor.stop();
  });

  it('fetches once for all slots that become free together, and tells when none is', async () => {
    const { processor, fetches, workSignal, watched, settle, end } = prepare({ q: 10 });
    processor.start();
    await settle();

    for (let slot = 0; slot < 3; slot++) end(1);
    await settle();

    expect(fetches).toEqual([
      ['q', 4],
      ['q', 3],
    ]);
    expect(workSignal.setFree).toHaveBeenLastCalledWith(false);
    expect(watched).toEqual(new Set());
    await processor.stop();
  });

  it('offers the slots that one queue leaves empty to the others', async () => {
    const { processor, running, settle } = prepare({ empty: 0, full: 10 }, { weights: { empty: 1_000 } });

    processor.start();
    await settle();

    expect(running).toEqual(['full', 'full', 'full', 'full']);
    await processor.stop();
  });

  it('asks again at once when a fetch brought fewer tasks than it may and left some', async () => {
    const { processor, caps, asked, running, watched, settle } = prepare({ q: 10 }, { concurrency: 8 });
    caps['q'] = 3;

    processor.start();
    await settle();

    expect(asked('q')).toEqual([8, 5, 2]);
    expect(running).toHaveLength(8);
    expect(watched).toEqual(new Set());
    await processor.stop();
  });

  it('asks for no more than one fetch may bring', async () => {
    const { processor, asked, running, settle } = prepare({ q: 2_100 }, { concurrency: 2_500 });

    processor.start();
    await settle();

    expect(asked('q')).toEqual([500, 500, 500, 500, 500]);
    expect(running).toHaveLength(2_100);
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

  it('shares 10,000 tasks by weight though the replies for one queue take 20 times as long', async () => {
    const weights = { critical: 6, default: 3, low: 1 };
    const overload = { critical: 20_000, default: 20_000, low: 20_000 };
    const prepared = prepare(overload, { concurrency: 20, weights });
    const { processor, workers, running, delaysMs, clock } = prepared;
    Object.assign(delaysMs, { critical: 20, default: 1, low: 2 });
    const counts: Record<string, number> = { critical: 0, default: 0, low: 0 };
    let handled = 0;
    workers.run = ({ task }) => {
      if (handled++ >= 10_000) return;
      counts[task.message.queue]! += 1;
      running.push(task.message.queue);
      clock.setTimer(() => {
        running.pop();
        workers.onFree();
      }, 5);
    };

    processor.start();
    for (let second = 0; second < 30; second++) await clock.advance('1s');

    expect(handled).toBeGreaterThanOrEqual(10_000);
    expect(Math.abs(counts['critical']! - 6_000)).toBeLessThan(300);
    expect(Math.abs(counts['default']! - 3_000)).toBeLessThan(300);
    expect(Math.abs(counts['low']! - 1_000)).toBeLessThan(300);
  });

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

  it('asks the higher queues again at each slot that becomes free, when strict', async () => {
    const prepared = prepare({ high: 0, low: 10 }, { concurrency: 2, weights: { high: 2 }, isStrict: true });
    const { processor, waiting, running, settle, end } = prepared;
    processor.start();
    await settle();

    waiting['high'] = 1;
    end(2);
    await settle();

    expect(running).toEqual(['high', 'low']);
    await processor.stop();
  });

  it('keeps slots for a higher queue while its fetch is under way, when strict', async () => {
    const prepared = prepare({ high: 10, low: 10 }, { concurrency: 2, weights: { high: 2 }, isStrict: true });
    const { processor, asked, silence, settle } = prepared;
    const answer = silence('high');

    processor.start();
    await settle();
    const lowAsked = asked('low');
    answer();
    await settle();

    expect(lowAsked).toEqual([]);
    expect(prepared.running).toEqual(['high', 'high']);
    await processor.stop();
  });

  it('watches queues that are empty, and does not poll them', async () => {
    const { processor, fetches, watched, clock } = prepare({ a: 0, b: 0 });

    processor.start();
    await clock.advance('1h');

    expect(fetches).toHaveLength(2);
    expect(watched).toEqual(new Set(['a', 'b']));
    await processor.stop();
  });

  it('asks the queue that a signal is for, and no other', async () => {
    const { processor, fetches, waiting, watched, wake, settle } = prepare({ a: 0, b: 0 });
    processor.start();
    await settle();
    fetches.length = 0;

    waiting['a'] = 1;
    wake('a');
    await settle();

    expect(fetches).toEqual([['a', 4]]);
    expect(watched).toEqual(new Set(['a', 'b']));
    await processor.stop();
  });

  it('asks once more when a signal came while the fetch was under way', async () => {
    const { processor, asked, wake, silence, settle } = prepare({ q: 0 });
    const answer = silence('q');
    processor.start();
    await settle();

    wake('q');
    answer();
    await settle();

    expect(asked('q')).toHaveLength(2);
    await processor.stop();
  });

  it('asks an empty queue seldom, and without a slot for it, while another one keeps the slots busy', async () => {
    const { processor, asked, clock, settle, end, waiting, workSignal } = prepare({ empty: 0, busy: 1_000 });
    processor.start();
    await settle();
    const rounds = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        end(4);
        await clock.advance(1);
      }
    };

    await rounds(100);
    const before = { fetches: asked('empty').length, questions: workSignal.filledAmong.mock.calls.length };
    waiting['empty'] = 1;
    await rounds(22);

    expect(before).toEqual({ fetches: 1, questions: 4 });
    expect(waiting['empty']).toBe(0);
    expect(asked('busy').length).toBeGreaterThanOrEqual(100);
    await processor.stop();
  });

  it('says once per signal how much it left for others', async () => {
    const { processor, workSignal, settle, end } = prepare({ q: 20 });
    processor.start();
    await settle();

    end(4);
    await settle();

    expect(workSignal.reportRemaining).toHaveBeenCalledExactlyOnceWith('q', 16);
    await processor.stop();
  });

  it('reports a paused queue, and asks it about once a second while another keeps the slots busy', async () => {
    const { processor, workSignal, paused, asked, clock, settle, end } = prepare({ q: 5, busy: 10_000 });
    paused.add('q');
    processor.start();
    await settle();

    for (let round = 0; round < 300; round++) {
      end(4);
      await clock.advance(10);
    }

    expect(workSignal.reportPaused).toHaveBeenCalledWith('q');
    expect(asked('q').length).toBeLessThanOrEqual(4);
    await processor.stop();
  });

  it('watches a paused queue when idle, and does not ask it', async () => {
    const { processor, paused, asked, watched, clock } = prepare({ q: 5 });
    paused.add('q');

    processor.start();
    await clock.advance('1m');

    expect(asked('q')).toHaveLength(1);
    expect(watched).toEqual(new Set(['q']));
    await processor.stop();
  });

  it('leaves tasks of unknown type to others, passes over them, and asks again in a moment only', async () => {
    const { processor, fetches, passed, unknown, running, workSignal, clock, waiting, wake, settle } = prepare({
      mixed: 0,
    });
    processor.start();
    await settle();
    unknown.add('mixed-0').add('mixed-1');
    waiting['mixed'] = 2;

    wake('mixed');
    await settle();
    const [before, running0] = [fetches.length, running.length];
    unknown.clear();
    waiting['mixed'] = 3;
    wake('mixed');
    await settle();
    const atOnce = fetches.length - before;
    await clock.advance(21);

    expect([running0, atOnce]).toEqual([0, 0]);
    expect(passed.at(-1)).toEqual(['mixed-0', 'mixed-1']);
    expect(running).toEqual(['mixed', 'mixed', 'mixed']);
    expect(workSignal.reportRemaining).toHaveBeenCalledWith('mixed', 2);
    await processor.stop();
  });

  it('does not fetch for slots that were drawn before a suspect limited them, until it does no longer', async () => {
    const { processor, workers, suspect, silence, asked, end, settle } = prepare({ q: 100 });
    processor.start();
    await settle();
    const answer = silence('q');
    end(2);
    await settle();
    end(1);
    await settle();

    suspect.limit = 1;
    answer();
    await settle();
    const limited = asked('q');
    suspect.limit = Infinity;
    workers.onFree();
    await settle();

    expect(limited).toEqual([4, 2]);
    expect(asked('q')).toEqual([4, 2, 1]);
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
    idle.wake('q');
    await full.clock.advance('1m');

    expect(idle.fetches).toHaveLength(1);
    expect(full.fetches).toHaveLength(1);
    expect(idle.workSignal.setFree).toHaveBeenLastCalledWith(false);
  });
});

describe('Processor, when a queue fails', () => {
  it('asks ever more seldom, and logs seldom', async () => {
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

  it('serves the others at full speed', async () => {
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

  it('watches the others, and does not poll them', async () => {
    const { processor, asked, broken, clock, watched } = prepare({ bad: 5, good: 0 });
    broken.add('bad');
    processor.start();

    await clock.advance('60s');

    expect(asked('good')).toHaveLength(1);
    expect(watched).toEqual(new Set(['good']));
    await processor.stop();
  });
});

describe('Processor, when a queue does not answer', () => {
  it('runs the tasks of the others at once, and soon on all slots', async () => {
    const prepared = prepare({ silent: 100, sound: 10_000 }, { concurrency: 10, weights: { silent: 1_000_000 } });
    const { processor, running, silence, clock, settle } = prepared;
    silence('silent');

    processor.start();
    await settle();
    const atOnce = [...running];
    await clock.advance(300);

    expect(atOnce).not.toContain('silent');
    expect(running).toEqual(Array.from({ length: 10 }, () => 'sound'));
  });

  it('fetches for the others as often as without it, for as long as it takes', async () => {
    const prepared = prepare({ silent: 100, sound: 100_000 }, { concurrency: 10 });
    const { processor, running, asked, silence, clock, end } = prepared;
    silence('silent');
    processor.start();
    await clock.advance(300);
    const before = asked('sound').length;

    for (let round = 0; round < 1_000; round++) {
      end(10);
      await clock.advance(5);
    }

    expect(asked('sound').length - before).toBe(1_000);
    expect(asked('sound').slice(-1_000)).toEqual(Array.from({ length: 1_000 }, () => 10));
    expect(asked('silent')).toHaveLength(1);
    expect(running).toHaveLength(10);
  });

  it('takes the slots of the others no more when it fails after 5 s, again and again', async () => {
    const prepared = prepare({ silent: 100, sound: 1_000_000 }, { concurrency: 10 });
    const { processor, running, asked, broken, silence, clock, end } = prepared;
    broken.add('silent');
    let answer = silence('silent');
    processor.start();
    await clock.advance(300);
    const soundAsked = asked('sound').length;

    for (let second = 1; second <= 60; second++) {
      end(10);
      await clock.advance('1s');
      if (second % 5 > 0) continue;
      answer();
      answer = silence('silent');
    }

    expect(asked('sound').length - soundAsked).toBe(60);
    expect(asked('sound').slice(-60)).toEqual(Array.from({ length: 60 }, () => 10));
    expect(asked('silent').slice(1)).toEqual(
      asked('silent')
        .slice(1)
        .map(() => 1),
    );
    expect(running).toEqual(Array.from({ length: 10 }, () => 'sound'));
  });

  it('gives back what a late reply brings beyond the free slots, in order, and trusts the queue again', async () => {
    const prepared = prepare({ late: 100, sound: 1 }, { concurrency: 4, weights: { late: 1_000_000 } });
    const { processor, running, returned, waiting, asked, silence, wake, clock, settle, end } = prepared;
    const answer = silence('late');
    processor.start();
    await clock.advance(300);
    waiting['sound'] = 2;
    wake('sound');
    await settle();
    const before = [...running];

    answer();
    await settle();
    const after = [...running];
    end(4);
    await settle();

    expect(before).toEqual(['sound', 'sound', 'sound']);
    expect(after).toEqual(['sound', 'sound', 'sound', 'late']);
    expect(returned).toEqual(['late-1', 'late-2', 'late-3']);
    expect(asked('late').at(-1)).toBe(4);
  });

  it('waits longer for a queue whose replies always take long', async () => {
    const prepared = prepare({ far: 100, near: 100 }, { concurrency: 4, weights: { far: 1_000_000 } });
    const { processor, running, asked, silence, clock, settle, end } = prepared;
    let answer = silence('far');
    processor.start();
    await clock.advance(400);
    answer(); // 400 ms: too late
    await settle();
    end(4);
    answer = silence('far');
    await settle();
    const nearAsked = asked('near').length;

    await clock.advance(400);
    const nearAskedMeanwhile = asked('near').length - nearAsked;
    answer();
    await settle();

    expect(nearAskedMeanwhile).toBe(0);
    expect(running.filter((queue) => queue === 'far').length).toBeGreaterThanOrEqual(3);
  });

  it('begins no more of its tasks when there is no room for their outcomes', async () => {
    const { processor, asked, rooms, running, workers, settle } = prepare(
      { stuck: 100, sound: 6 },
      { concurrency: 10 },
    );
    rooms['stuck'] = 0;
    processor.start();
    await settle();
    const before = [...running];

    rooms['stuck'] = 3;
    workers.onFree();
    await settle();

    expect(before).toEqual(Array.from({ length: 6 }, () => 'sound'));
    expect(asked('stuck')[0]).toBe(3);
    await processor.stop();
  });

  it('does not hold up a stop, and gives back what comes later', async () => {
    const { processor, returned, running, silence, clock, settle } = prepare(
      { silent: 2, sound: 0 },
      { weights: { silent: 1_000_000 } },
    );
    const answer = silence('silent');
    processor.start();
    await clock.advance(1);
    let isStopped = false;
    const stopped = processor.stop().then(() => (isStopped = true));
    await settle();
    const early = isStopped;

    await clock.advance(300);
    await stopped;
    answer();
    await settle();

    expect(early).toBe(false);
    expect(running).toEqual([]);
    expect(returned).toEqual(['silent-0', 'silent-1']);
  });

  it('goes on with the others while their handlers end at once', async () => {
    const prepared = prepare({ silent: 100, sound: 500 }, { concurrency: 10 });
    const { processor, waiting, silence, clock } = prepared;
    endAtOnce(prepared);
    silence('silent');

    processor.start();
    await clock.advance(300);

    expect(waiting['sound']).toBe(0);
  });
});

describe('Processor, while tasks flow', () => {
  /** The first fetch has been answered; those that follow it are not. */
  async function flow(waiting: number, { concurrency = 1_200, others = {}, unknown = [] as string[] } = {}) {
    const t = prepare({ q: waiting, ...others }, { concurrency });
    for (const id of unknown) t.unknown.add(id);
    t.delaysMs['q'] = 1;
    t.processor.start();
    await t.settle();
    const answer = t.silence('q');
    await t.clock.advance(1);
    delete t.delaysMs['q'];
    return { ...t, answer };
  }

  it('sends a second fetch before the first is answered', async () => {
    const { asked, answer, running, settle } = await flow(5_000);
    expect(asked('q')).toEqual([500, 500, 200]);

    answer();
    await settle();

    expect(running).toHaveLength(1_200);
  });

  it('does not when the first may bring all that is left', async () => {
    const { asked } = await flow(1_000);

    expect(asked('q')).toEqual([500, 500]);
  });

  it('does not for a few tasks', async () => {
    const { asked } = await flow(5_000, { concurrency: 1_050 });

    expect(asked('q')).toEqual([500, 500]);
  });

  it('does not while tasks are left to others', async () => {
    const { asked } = await flow(5_000, { unknown: ['q-0'] });

    expect(asked('q')).toEqual([500, 500]);
  });

  it('does not after a fetch that has failed', async () => {
    const { broken, asked, answer, silence, clock, settle } = await flow(5_000);
    broken.add('q');
    answer();
    await settle();
    broken.delete('q');
    silence('q');
    await clock.advance(110);

    expect(asked('q')).toEqual([500, 500, 200, 1]);
  });

  it('pauses once for two fetches that fail together', async () => {
    const { broken, answer, asked, clock, logger, settle } = await flow(5_000);
    broken.add('q');
    answer();
    await settle();
    broken.delete('q');

    expect(logger.warn).toHaveBeenCalledOnce();
    await clock.advance(110);
    expect(asked('q').length).toBeGreaterThan(3);
  });

  it('asks again after the second has failed, though the first left nothing: the second may have brought tasks', async () => {
    const { broken, waiting, answer, asked, clock, settle } = await flow(5_000);
    waiting['q'] = 500;
    answer(0);
    await settle();
    broken.add('q');
    answer();
    await settle();
    broken.delete('q');

    await clock.advance(110);

    expect(asked('q')).toEqual([500, 500, 200, 1]);
  });

  it('asks again after the second has failed before the first, which left nothing', async () => {
    const { broken, waiting, answer, asked, clock, settle } = await flow(5_000);
    waiting['q'] = 500;
    broken.add('q');
    answer(1);
    await settle();
    broken.delete('q');
    answer();
    await settle();

    await clock.advance(110);

    expect(asked('q').length).toBeGreaterThan(3);
  });

  it('runs the tasks of both in the order of the fetches', async () => {
    const { answer, fetched, track, settle } = await flow(5_000);
    answer();
    await settle();

    const tracked = track.mock.calls.flatMap(([tasks]) => tasks.map(({ task }) => task.message));
    expect(tracked).toEqual(fetched);
  });

  it('begins nothing of two slow fetches after a pause that did not wait for them', async () => {
    const { answer, ...t } = await flow(5_000, { others: { other: 0 } });
    await t.clock.advance(3_000);
    const before = t.running.length;

    await t.processor.pause();
    answer();
    await t.settle();

    expect(t.asked('q').length).toBeGreaterThan(2);
    expect(t.running).toHaveLength(before);
  });

  it('waits for both when it stops', async () => {
    const { processor, answer, running, settle } = await flow(5_000);
    let isStopped = false;
    const stopped = processor.stop().then(() => (isStopped = true));
    await settle();
    expect(isStopped).toBe(false);

    answer();
    await stopped;

    expect(running).toHaveLength(1_200);
  });
});

describe('Processor, reading ahead', () => {
  /** A slot that ends a task every 2 ms, so many times. */
  async function work(t: ReturnType<typeof prepare>, rounds: number, durationMs = 0): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await t.clock.advance(2);
      const [queue] = t.running;
      if (queue === undefined) continue;
      t.workers.onEnd(queue, durationMs);
      t.end(1);
      await t.settle();
    }
  }

  it('holds tasks for slots that are soon free, and begins them without another fetch', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    const fetches = t.fetches.length;
    const most = Math.max(...t.asked('q'));

    await work(t, 4);

    expect(most).toBeGreaterThan(5);
    expect(t.fetches.length - fetches).toBeLessThan(3);
    expect(t.running).toHaveLength(1);
    expect(t.track.mock.calls.some(([, options]) => options?.returnAtMs !== undefined)).toBe(true);
  });

  it('fetches nothing ahead when handlers take longer than the window, and nothing when it is turned off', async () => {
    const slow = prepare({ q: 500 }, { concurrency: 2 });
    slow.processor.start();
    const off = prepare({ q: 500 }, { concurrency: 2, readAheadMs: 0 });
    off.processor.start();

    await work(slow, 20, 50);
    await work(off, 20);

    expect(Math.max(...slow.asked('q'), ...off.asked('q'))).toBe(2);
  });

  it('returns what is held, in its order, when it stops', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);

    await t.processor.stop();

    expect(t.putBack.length).toBeGreaterThan(2);
    expect(t.putBack).toEqual(t.fetched.slice(-t.putBack.length));
  });

  it('passes on a held task that is canceled, and keeps the others in their order', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    const meant = t.fetched.at(-2)!;

    t.workers.onCancel((message) => message === meant);
    t.workers.onCancel(({ id }) => id === 'unknown');

    await t.processor.stop();
    expect(t.canceled).toEqual([meant]);
    expect(t.putBack).toEqual(t.fetched.slice(-t.putBack.length - 1).filter((message) => message !== meant));
  });

  it('returns what is held when the queue is paused', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    t.paused.add('q');

    await work(t, 10);

    expect(t.putBack.length).toBeGreaterThan(0);
    expect(t.running).toEqual([]);
  });

  it('returns what is held when a handler turned slow, and wakes other servers', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    t.workSignal.reportRemaining.mockClear();

    await t.clock.advance(70);

    expect(t.putBack.length).toBeGreaterThan(0);
    expect(t.workSignal.reportRemaining).toHaveBeenCalledExactlyOnceWith('q', t.putBack.length);
    expect(t.running).toHaveLength(1);
  });

  it('returns what is held with what a fetch brings that is under way, so that the order stays', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    const answer = t.silence('q');
    for (const before = t.fetches.length; t.fetches.length === before;) await work(t, 1);
    const [held, asked] = [t.putBack.length, t.fetches.length];

    await t.clock.advance(70);
    const meanwhile = t.putBack.length;
    answer();
    await t.clock.advance(5);

    expect([held, meanwhile]).toEqual([0, 0]);
    expect(t.putBack.length).toBeGreaterThan(0);
    expect(t.putBack).toEqual(t.fetched.slice(-t.putBack.length));
    expect(t.fetches).toHaveLength(asked);
  });

  it.each(['stop', 'pause'] as const)('does so, too, at a %s', async (method) => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    const answer = t.silence('q');
    for (const before = t.fetches.length; t.fetches.length === before;) await work(t, 1);

    const ended = t.processor[method]();
    await t.settle();
    answer();
    await ended;

    expect(t.returned).toEqual([]);
    expect(t.putBack.length).toBeGreaterThan(2);
    expect(t.putBack).toEqual(t.fetched.slice(-t.putBack.length));
  });

  it('fetches nothing until what was held is back, so that it comes first', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    t.returns.isSilent = true;
    await t.clock.advance(70);
    const asked = t.fetches.length;

    t.end(1);
    await t.settle();
    const meanwhile = t.fetches.length;
    for (const answered of t.returns.answered) answered();
    await t.settle();

    expect(t.putBack.length).toBeGreaterThan(0);
    expect([meanwhile - asked, t.fetches.length - asked]).toEqual([0, 1]);
  });

  it('gives what is held time to begin after the process has stood still, then returns it', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    let stoodStillMs = 0;
    const { clock } = t;
    const elapsedMs = clock.monotonicMs.bind(clock);
    clock.monotonicMs = () => elapsedMs() + stoodStillMs;
    t.processor.start();
    await work(t, 20);

    stoodStillMs = 100;
    await clock.advance(32);
    const returnedAtOnce = t.putBack.length;
    await clock.advance(25);

    expect(returnedAtOnce).toBe(0);
    expect(t.putBack.length).toBeGreaterThan(0);
  });

  it('does not begin a task that the heartbeat has returned meanwhile', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    const before = t.waiting['q']!;
    for (const lease of t.leases) lease.isLost = true;

    await work(t, 1);

    expect(t.waiting['q']).toBeLessThan(before);
    expect(t.running).toHaveLength(1);
    expect(t.putBack).toEqual([]);
  });

  it('returns what is held, and the suspect, when a suspect is fetched: it comes again alone', async () => {
    const t = prepare({ q: 500 }, { concurrency: 1 });
    t.processor.start();
    await work(t, 20);
    t.suspects.add('q');
    const fetches = t.fetches.length;

    await work(t, 10);

    const later = t.fetches.slice(fetches).map(([, limit]) => limit);
    expect(t.putBack.length).toBeGreaterThan(1);
    expect(t.returned).not.toEqual([]);
    expect(later.slice(1)).toEqual(later.slice(1).map(() => 1));
  });

  it('gives slots to other queues that were drawn for more tasks than are left', async () => {
    const t = prepare({ a: 60, b: 0 }, { concurrency: 8, weights: { a: 1_000_000 } });
    t.processor.start();
    let ended = 0;
    const held = (): number => t.fetched.length - ended - t.running.length;
    while (t.waiting['a']! > 0 || held() > 7) {
      await t.clock.advance(1);
      t.workers.onEnd('a', 0);
      t.end(1);
      ended += 1;
      await t.settle();
    }
    const left = held();
    t.waiting['b'] = 100;
    t.wake('b');
    await t.settle();

    t.end(8);
    await t.settle();

    expect(left).toBeGreaterThan(0);
    expect(t.running).toEqual(Array.from({ length: 8 }, (_, nth) => (nth < left ? 'a' : 'b')));
  });

  it('begins no held task while a better queue has some, when strict', async () => {
    const t = prepare({ high: 0, low: 500 }, { concurrency: 1, weights: { high: 2 }, isStrict: true });
    t.processor.start();
    await work(t, 20);
    t.waiting['high'] = 3;
    t.wake('high');

    const begun: (string | undefined)[] = [];
    for (let round = 0; round < 5; round++) {
      await work(t, 1);
      begun.push(t.running[0]);
    }

    expect(Math.max(...t.asked('low'))).toBeGreaterThan(5);
    expect(t.putBack).toEqual([]);
    expect(begun).toEqual(['high', 'high', 'high', 'low', 'low']);
  });
});

describe('a task that the watcher of an empty queue has fetched', () => {
  it('begins at once, and the queue is watched again without another fetch', async () => {
    const { processor, nextFetch, deliver, running, fetches, watched, settle } = prepare({ q: 0 });
    processor.start();
    await settle();
    expect(nextFetch('q')).toEqual({ leaseMs: 30_000, withSince: true });

    deliver('q', 'next');
    expect(running).toEqual(['q']);
    await settle();

    expect(fetches).toEqual([['q', 4]]);
    expect(watched).toEqual(new Set(['q']));
    await processor.stop();
  });

  it('is followed by a fetch of those behind it, and other servers are woken for the rest', async () => {
    const { processor, waiting, deliver, running, fetches, workSignal, settle } = prepare({ q: 0 });
    processor.start();
    await settle();

    waiting['q'] = 9;
    deliver('q', 'next', 9);
    await settle();

    expect(fetches.at(-1)).toEqual(['q', 3]);
    expect(running).toHaveLength(4);
    expect(workSignal.reportRemaining).toHaveBeenCalledExactlyOnceWith('q', 9);
    await processor.stop();
  });

  it.each<[string, (t: ReturnType<typeof prepare>) => unknown]>([
    ['all slots are taken by then', (t) => t.running.push('other', 'other', 'other', 'other')],
    ['the server takes no more', ({ processor }) => processor.stop()],
    ['the server was paused', ({ processor }) => processor.pause()],
  ])('returns to the queue when %s', async (_, happen) => {
    const t = prepare({ q: 0 });
    t.processor.start();
    await t.settle();

    await happen(t);
    t.deliver('q', 'late');
    await t.settle();

    expect(t.returned).toEqual(['late']);
    expect(t.running).not.toContain('q');
    await t.processor.stop();
  });

  it.each<[string, object, (t: ReturnType<typeof prepare>) => unknown]>([
    ['while no slot is free', {}, (t) => t.running.push('other', 'other', 'other', 'other')],
    ['with strict priorities', { isStrict: true }, () => undefined],
    ['while tasks are left to others', {}, ({ workers }) => (workers.leftToOthers = () => ['unknown'])],
    ['while a suspect runs', {}, ({ workers }) => Object.assign(workers, { isLimited: true })],
    ['while a fetch is under way', {}, (t) => (t.silence('q'), t.wake('q'), t.settle())],
    ['once the server takes no more', {}, ({ processor }) => processor.stop()],
    ['while the server is paused', {}, ({ processor }) => processor.pause()],
  ])('is not asked for %s', async (_, options, happen) => {
    const t = prepare({ q: 0 }, options);
    t.processor.start();
    await t.settle();

    await happen(t);

    expect(t.nextFetch('q')).toBeUndefined();
    void t.processor.stop();
  });
});
