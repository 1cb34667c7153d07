import { describe, expect, it, vi } from 'vitest';
import type { Outcome } from '../../../broker/contract/settle.js';
import type { CancelOutcome } from '../../../wire/cancel-record.js';
import type { WaitOps } from '../../../broker/contract/waiting.js';
import { type Logger, silentLogger } from '../../../runtime/logger.js';
import { jsonCodec } from '../../../task/payload-codec.js';
import { RevokeTask, SkipRetry } from '../../../task/signals.js';
import type { Handler } from '../../../task/task-context.js';
import type { TaskEvent } from '../../../task/task-event.js';
import { SteppingClock } from '../../../test-support/stepping-clock.js';
import { FakeLease } from '../../../test-support/fake-lease.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import type { TrackedTask } from '../../leases/lease-handle.js';
import { ABORT_GRACE_MS } from './attempt.js';
import { DEAF_PATIENCE_MS } from './worker-pool.js';
import { routeAll, type TaskRouter } from './serve-mux.js';
import type { Settler, Unsettled } from '../settling/settler.js';
import { OFFER_MS } from './unknown-tasks.js';
import { WorkerPool } from './worker-pool.js';

const noRequest: WaitOps['requestedOutcome'] = async () => undefined;

/** Slots over a settler that only writes down what it gets. */
function prepare(router: Handler | TaskRouter, { concurrency = 2, requestedOutcome = noRequest, listener = {} } = {}) {
  const clock = new SteppingClock();
  const events: TaskEvent[] = [];
  const unsettled: Unsettled[] = [];
  const logger = {
    ...silentLogger,
    info: vi.fn<Logger['info']>(),
    warn: vi.fn<Logger['warn']>(),
    error: vi.fn<Logger['error']>(),
  };
  const settler = {
    waiting: 0,
    onRoom: () => undefined,
    onCanceled: ((): void => undefined) as Settler['onCanceled'],
    settle: (item: Unsettled) => void unsettled.push(item),
  };
  const workers = new WorkerPool(concurrency, settler as unknown as Settler, {
    router: typeof router === 'function' ? routeAll(router) : router,
    results: { writeResult: async () => true, writeProgress: async () => true, readBackoff: async () => undefined },
    leases: { noteAlone: async () => true },
    cancelRequests: { requestedOutcome },
    codec: jsonCodec,
    failurePolicy: {
      retryDelay: () => 5_000,
      isFailure: () => true,
      unknownTypeDelayMs: 100,
      unknownTypeTimeoutMs: 1_000,
    },
    logger,
    errorHandler: undefined,
    emit: Object.defineProperties(
      (event: TaskEvent) => void events.push(event),
      Object.getOwnPropertyDescriptors(listener),
    ),
    clock,
  });
  const track = (id: string, queue = 'q', crashes?: number): [TrackedTask, FakeLease] => {
    const payload = Buffer.from(JSON.stringify({ id }));
    const message = {
      id,
      queue,
      type: 't',
      payload,
      maxRetry: 3,
      retried: 0,
      retentionS: 0n,
      timeoutS: 0n,
      deadlineS: 0n,
    } as unknown as TaskMessage;
    const lease = new FakeLease({ id, expiriesS: [9] }, clock.nowMs() + 30_000, clock);
    const deadlineMs = clock.nowMs() + 10_000;
    return [{ task: { message, leaseExpiresAtS: 9, crashes }, startedAtMs: clock.nowMs(), deadlineMs }, lease];
  };
  const run = (id: string, queue?: string, crashes?: number): FakeLease => {
    const [tracked, lease] = track(id, queue, crashes);
    workers.run(tracked, lease);
    return lease;
  };
  const outcomes = (): Record<string, Outcome['kind']> =>
    Object.fromEntries(unsettled.map(({ message, outcome }) => [message.id, outcome.kind]));
  return { workers, clock, events, unsettled, outcomes, logger, settler, track, run };
}

const obedient: Handler = (_, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
const deaf: Handler = () => new Promise(() => undefined);

describe('WorkerPool', () => {
  it('frees a slot when its handler ends and the outcome is on its way, without waiting until it is stored', async () => {
    const { workers, run, clock, outcomes } = prepare(async () => undefined);
    run('a');
    const during = workers.free;

    await clock.advance(0);

    expect(during).toBe(1);
    expect(workers.free).toBe(2);
    expect(outcomes()).toEqual({ a: 'done' });
  });

  it('gives back, and does not start, a task whose lease ended while the process was frozen after the fetch', async () => {
    const handler = vi.fn<Handler>();
    const { workers, track, clock, outcomes } = prepare(handler);
    const [tracked, lease] = track('a');
    clock.set(lease.expiresAtMs());

    workers.run(tracked, lease);
    await clock.advance(0);

    expect(handler).not.toHaveBeenCalled();
    expect(outcomes()).toEqual({ a: 'requeue' });
    expect(workers.free).toBe(2);
  });

  it('creates events from the moment at which somebody listens', async () => {
    const listener = { isIdle: true };
    const { run, clock, events, unsettled } = prepare(async () => undefined, {
      listener: {
        get isIdle() {
          return listener.isIdle;
        },
      },
    });
    run('a');
    run('b');
    await clock.advance(0);
    unsettled[0]!.onSettled?.('settled');
    listener.isIdle = false;

    unsettled[1]!.onSettled?.('settled');

    expect(events).toMatchObject([{ kind: 'succeeded', id: 'b' }]);
  });

  it('tells when a slot is free', async () => {
    let end = (): void => undefined;
    const { workers, run, clock } = prepare(() => new Promise<void>((resolve) => (end = resolve)), { concurrency: 1 });
    const free: number[] = [];
    workers.onFree = () => free.push(workers.free);
    run('a');
    await clock.advance(0);
    const before = [...free];

    end();
    await clock.advance(0);

    expect(before).toEqual([]);
    expect(free).toEqual([1]);
  });

  it('has no free slot beside a suspect that must be alone, and gives back what comes', async () => {
    const { workers, run, clock, events, outcomes } = prepare(obedient, { concurrency: 8 });
    run('suspect', 'q', 3);
    const before = workers.free;
    await clock.advance(0);

    run('late');

    expect([before, workers.free]).toEqual([0, 0]);
    expect(events).toMatchObject([{ kind: 'started', id: 'suspect' }]);
    expect(outcomes()).toEqual({ late: 'requeue' });
  });

  it('starts a suspect when the tasks before it have ended, and uses all slots again after it', async () => {
    const ends = new Map<string, () => void>();
    const handler: Handler = (payload) =>
      new Promise<void>((resolve) => void ends.set((payload as { id: string }).id, resolve));
    const { workers, run, clock } = prepare(handler, { concurrency: 8 });
    run('a');
    run('suspect', 'q', 3);
    const waiting = [...ends.keys()];

    ends.get('a')!();
    await clock.advance(0);
    const alone = [...ends.keys()];
    ends.get('suspect')!();
    await clock.advance(0);

    expect([waiting, alone]).toEqual([['a'], ['a', 'suspect']]);
    expect(workers.free).toBe(8);
  });

  it('gives a suspect back that has not been started when the server stops', async () => {
    const { workers, run, outcomes } = prepare(obedient, { concurrency: 8 });
    run('a');
    run('suspect', 'q', 3);

    await workers.stop();

    expect(outcomes()).toEqual({ suspect: 'requeue' });
  });

  it('keeps a slot taken while its outcome waits to be sent, and tells when it is', async () => {
    const { workers, run, clock, settler } = prepare(() => undefined);
    let told = 0;
    settler.waiting = 1;
    run('a');
    await clock.advance(0);
    workers.onFree = () => told++;
    const before = workers.free;

    settler.waiting = 0;
    settler.onRoom();

    expect(before).toBe(1);
    expect(workers.free).toBe(2);
    expect(told).toBe(1);
  });

  it('keeps the slot and the lease of a handler that ignores its timeout, and retries its task when it has ended', async () => {
    let end = (): void => undefined;
    const { workers, run, clock, outcomes, events } = prepare(() => new Promise<void>((resolve) => (end = resolve)), {
      concurrency: 1,
    });
    const lease = run('a');

    await clock.advance(10_000 + ABORT_GRACE_MS);
    const before = { outcomes: outcomes(), free: workers.free, lost: workers.lost, isKept: lease.isKept };
    end();
    await clock.advance(0);

    expect(before).toEqual({ outcomes: {}, free: 0, lost: 1, isKept: true });
    expect(outcomes()).toEqual({ a: 'retry' });
    expect(workers).toMatchObject({ free: 1, lost: 0 });
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'slotLost', 'failed']);
  });

  it('archives the task of such a handler at once when it is not to run again', async () => {
    const { workers, run, clock, outcomes } = prepare(deaf, { concurrency: 1 });
    const lease = run('a');
    workers.cancelAs('q', 'a', 'archive');

    await clock.advance(ABORT_GRACE_MS);

    expect(outcomes()).toEqual({ a: 'archive' });
    expect([lease.isKept, workers.lost]).toEqual([false, 1]);
  });

  it('stores the outcome of such a handler at shutdown', async () => {
    const { workers, run, clock, outcomes } = prepare(deaf, { concurrency: 1 });
    run('a');
    await clock.advance(10_000 + ABORT_GRACE_MS);

    await Promise.all([workers.abortAll(), clock.advance(ABORT_GRACE_MS)]);

    expect(outcomes()).toEqual({ a: 'retry' });
  });

  it('tells of a handler that still ignores its signal after a while, and of no other', async () => {
    const ends: (() => void)[] = [];
    const { workers, run, clock } = prepare(() => new Promise<void>((resolve) => ends.push(resolve)));
    let told = 0;
    workers.onDeaf = () => told++;
    run('slow');
    await clock.advance(10_000 + ABORT_GRACE_MS);
    ends[0]!();
    await clock.advance(DEAF_PATIENCE_MS);
    const before = told;
    run('deaf');

    await clock.advance(10_000 + ABORT_GRACE_MS + DEAF_PATIENCE_MS);

    expect([before, told]).toEqual([0, 1]);
  });

  it('cancels a task by its id in every queue', async () => {
    const { workers, run, clock, unsettled } = prepare(obedient, { concurrency: 3 });
    run('a', 'one');
    run('a', 'two');
    run('b', 'one');

    await workers.cancel('a');
    await clock.advance(0);

    expect(unsettled.map(({ message, outcome }) => [message.queue, outcome])).toEqual([
      ['one', expect.objectContaining({ kind: 'retry', error: 'context canceled' })],
      ['two', expect.objectContaining({ kind: 'retry', error: 'context canceled' })],
    ]);
    expect(workers.free).toBe(2);
  });

  it('cancels a task with the outcome stored in its hash', async () => {
    const { workers, run, clock, outcomes } = prepare(obedient, {
      requestedOutcome: async (queue) => queue as CancelOutcome,
    });
    run('a', 'archive');

    await workers.cancel('a');
    await clock.advance(0);

    expect(outcomes()).toEqual({ a: 'archive' });
  });

  it('cancels a task without an outcome when none can be read', async () => {
    const { workers, run, clock, outcomes, logger } = prepare(obedient, {
      requestedOutcome: () => Promise.reject(new Error('away')),
    });
    run('a');

    await workers.cancel('a');
    await clock.advance(0);

    expect(outcomes()).toEqual({ a: 'retry' });
    expect(logger.warn).toHaveBeenCalledWith(expect.stringContaining('cannot read'), expect.anything());
  });

  it('cancels a task of one queue as a heartbeat says', async () => {
    const { workers, run, clock, unsettled } = prepare(obedient, { concurrency: 2 });
    run('a', 'one');
    run('a', 'two');

    workers.cancelAs('two', 'a', 'delete');
    await clock.advance(0);

    expect(unsettled.map(({ message, outcome }) => [message.queue, outcome])).toEqual([['two', { kind: 'done' }]]);
  });

  it('asks for held tasks when one is canceled, and ends it without a start; it takes a slot until then', async () => {
    const handler = vi.fn<Handler>();
    const { workers, track, clock, outcomes, events } = prepare(handler, { requestedOutcome: async () => 'archive' });
    workers.onCancel = (isMeant) => {
      const [tracked, lease] = track('held');
      if (isMeant(tracked.task.message)) workers.takeCanceled(tracked, lease);
    };

    const canceled = workers.cancel('held');
    const { free } = workers;
    await canceled;
    await clock.advance(0);

    expect([free, workers.free]).toEqual([1, 2]);
    expect(outcomes()).toEqual({ held: 'archive' });
    expect(handler).not.toHaveBeenCalled();
    expect(events.map(({ kind }) => kind)).toEqual(['failed']);
  });

  it('ends a suspect that waits to be started when it is canceled', async () => {
    const { workers, run, clock, outcomes } = prepare(obedient);
    run('a');
    run('suspect', 'q', 4);

    workers.cancelAs('q', 'suspect', 'delete');
    await clock.advance(0);

    expect(outcomes()).toEqual({ suspect: 'done' });
    expect(workers.isLimited).toBe(false);
  });

  it('ends a task that was to return to its queue when it has been canceled', async () => {
    const { workers, track, settler, unsettled, clock, events } = prepare(obedient);
    workers.giveBack(...track('a'));
    const [returned] = unsettled.splice(0);

    settler.onCanceled(returned!, 'archive');
    returned!.onSettled!('archive');
    await clock.advance(0);

    expect(unsettled).toMatchObject([{ message: { id: 'a' }, outcome: { kind: 'archive' }, lease: returned!.lease }]);
    expect(events.map(({ kind }) => kind)).toEqual(['failed']);
  });

  it.each<[string, Handler, TaskEvent['kind']]>([
    ['success', () => undefined, 'succeeded'],
    ['an error', () => Promise.reject(new Error('boom')), 'retried'],
    ['SkipRetry', () => Promise.reject(new SkipRetry()), 'archived'],
    ['RevokeTask', () => Promise.reject(new RevokeTask()), 'revoked'],
  ])('tells of %s once the outcome is stored', async (_, handler, kind) => {
    const { run, clock, events, unsettled } = prepare(handler);
    run('a');
    await clock.advance(0);
    const before = events.map((event) => event.kind);

    unsettled[0]!.onSettled!('settled');

    expect(before).not.toContain(kind);
    expect(events.at(-1)).toMatchObject({ kind, id: 'a', queue: 'q', type: 't' });
  });

  it('tells of a lost lease instead, and of nothing when the outcome was given up', async () => {
    const { run, clock, events, unsettled } = prepare(() => undefined);
    run('a');
    run('b');
    await clock.advance(0);
    events.length = 0;

    unsettled[0]!.onSettled!('leaseLost');
    unsettled[1]!.onSettled!('givenUp');

    expect(events.map(({ kind, id }) => [kind, id])).toEqual([['leaseLost', 'a']]);
  });

  it('drops the outcome of a task whose lease was lost while it ran', async () => {
    const { run, clock, events, unsettled } = prepare(obedient);
    const lease = run('a');

    lease.lose();
    await clock.advance(0);

    expect(unsettled).toEqual([]);
    expect(lease.hasEnded).toBe(true);
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'failed', 'leaseLost']);
  });

  it('does not flood the log with tasks of unknown type', async () => {
    const { run, clock, logger } = prepare({ route: () => undefined, patterns: () => [] }, { concurrency: 9 });

    for (let task = 0; task < 9; task++) run(`task-${task}`);
    await clock.advance(0);

    expect(logger.warn).toHaveBeenCalledExactlyOnceWith(
      'task put back: handler not found for task "t"',
      expect.objectContaining({ queue: 'q' }),
    );
  });
});

describe('WorkerPool and unknown types', () => {
  it('leaves a task to others for a while, without a word, and then puts it back', async () => {
    const { workers, track, clock, outcomes, events, unsettled } = prepare({
      route: () => undefined,
      patterns: () => [],
    });
    const onBack = vi.fn<() => void>();
    const leave = (): boolean => workers.leaveToOthers(...track('a'), onBack);

    const answers = [leave(), leave()];
    const left = outcomes();
    const leftNow = workers.leftToOthers('q');
    const backBefore = onBack.mock.calls.length;
    for (const { onSettled } of unsettled) onSettled!('settled');
    await clock.advance(OFFER_MS);
    answers.push(leave());

    expect(answers).toEqual([true, true, false]);
    expect(left).toEqual({ a: 'requeue' });
    expect([leftNow, workers.leftToOthers('q')]).toEqual([['a'], []]);
    expect([backBefore, onBack.mock.calls.length]).toEqual([0, 2]);
    expect(events).toEqual([]);
  });

  it.each([
    ['is known', { route: () => ({ handler: () => undefined }), patterns: () => [] }],
    [
      'cannot be told',
      {
        route: (): never => {
          throw new Error('broken');
        },
        patterns: () => [],
      },
    ],
  ])('runs a task whose type %s', (_, router) => {
    const { workers, track, outcomes } = prepare(router);

    expect(workers.leaveToOthers(...track('a'), () => undefined)).toBe(false);
    expect(outcomes()).toEqual({});
  });
});

describe('WorkerPool at shutdown', () => {
  it('waits for handlers, but not for ever', async () => {
    let end = (): void => undefined;
    const quick = prepare(() => new Promise<void>((resolve) => (end = resolve)));
    const slow = prepare(deaf);
    quick.run('a');
    slow.run('b');
    const quickDrain = quick.workers.drain(8_000);
    let hasGivenUp = false;
    const slowDrain = slow.workers.drain(8_000).then(() => (hasGivenUp = true));

    end();
    await quickDrain;
    await slow.clock.advance(7_999);
    const early = hasGivenUp;
    await slow.clock.advance(1);
    await slowDrain;

    expect(quick.outcomes()).toEqual({ a: 'done' });
    expect(early).toBe(false);
  });

  it('gives back what still runs, obedient or deaf', async () => {
    const { workers, run, clock, outcomes } = prepare((payload, context) =>
      (payload as { id: string }).id === 'deaf' ? deaf(payload, context) : obedient(payload, context),
    );
    run('obedient');
    run('deaf');
    const aborted = workers.abortAll();

    await clock.advance(ABORT_GRACE_MS);
    await aborted;

    expect(outcomes()).toEqual({ obedient: 'requeue', deaf: 'requeue' });
  });

  it('says what it waits for, and which tasks it aborts', async () => {
    const { workers, run, clock, logger } = prepare(obedient);
    run('a');

    await Promise.all([workers.drain(8_000), clock.advance('8s')]);
    await Promise.all([workers.abortAll(), clock.advance(ABORT_GRACE_MS)]);

    expect(logger.info).toHaveBeenCalledExactlyOnceWith('shutting down: waiting up to 8000 ms for 1 running task(s)');
    expect(logger.warn).toHaveBeenCalledExactlyOnceWith(
      'shutting down: aborting tasks that take longer than shutdownTimeout',
      { tasks: [{ queue: 'q', type: 't', taskId: 'a' }], count: 1 },
    );
  });

  it('names ten of the tasks that it aborts, and says how many there are', async () => {
    const { workers, clock, run, logger } = prepare(obedient, { concurrency: 12 });
    for (let n = 0; n < 12; n++) run(`task-${n}`);

    await Promise.all([workers.abortAll(), clock.advance(ABORT_GRACE_MS)]);

    const [, fields] = logger.warn.mock.calls[0]! as unknown as [string, { tasks: unknown[]; count: number }];
    expect(fields.tasks).toHaveLength(10);
    expect(fields.count).toBe(12);
  });

  it('says nothing at shutdown when no task runs', async () => {
    const { workers, logger } = prepare(obedient);

    await workers.drain(8_000);
    await workers.abortAll();

    expect([logger.info.mock.calls, logger.warn.mock.calls]).toEqual([[], []]);
  });

  it('does not give back tasks with a cancel request, even one not received until now', async () => {
    const requested: Readonly<Record<string, CancelOutcome>> = { a: 'archive', d: 'delete', r: 'retry' };
    const { workers, run, clock, outcomes } = prepare(obedient, { requestedOutcome: async (_, id) => requested[id] });
    for (const id of ['a', 'd', 'r', 'unrequested']) run(id);
    const aborted = workers.abortAll();

    await clock.advance(ABORT_GRACE_MS);
    await aborted;

    expect(outcomes()).toEqual({ a: 'archive', d: 'done', r: 'retry', unrequested: 'requeue' });
  });

  it.each([
    ['cannot be read', () => Promise.reject(new Error('Redis is away'))],
    ['does not come', () => new Promise<undefined>(() => undefined)],
  ])('gives back running tasks when the cancel request %s', async (_, requestedOutcome) => {
    const { workers, run, clock, outcomes } = prepare(obedient, { requestedOutcome });
    run('a');
    const aborted = workers.abortAll();

    await clock.advance('1s');
    await aborted;

    expect(outcomes()).toEqual({ a: 'requeue' });
  });

  it('gives tasks back in the order in which they were begun, however soon their handlers heed the signal', async () => {
    const delays: Record<string, number> = { t1: 300, t2: 0, t3: 200, t4: 100 };
    const handler: Handler = (payload, { signal }) =>
      new Promise((_resolve, reject) => {
        const { id } = payload as { id: string };
        const heed = (): void => reject(signal.reason as Error);
        signal.addEventListener('abort', () => void clock.setTimer(heed, delays[id]!));
      });
    const { workers, clock, run, unsettled } = prepare(handler, { concurrency: 4 });
    for (const id of Object.keys(delays)) run(id);
    const aborted = workers.abortAll();
    await clock.advance(250);
    const early = unsettled.length;

    await clock.advance(ABORT_GRACE_MS);
    await aborted;

    expect(early).toBe(0);
    expect(unsettled.map(({ message }) => message.id)).toEqual(['t1', 't2', 't3', 't4']);
  });

  it('gives back what arrives too late, without calling the handler', async () => {
    const handler = vi.fn<Handler>();
    const { workers, run, outcomes } = prepare(handler);
    await workers.abortAll();

    run('late');

    expect(outcomes()).toEqual({ late: 'requeue' });
    expect(handler).not.toHaveBeenCalled();
  });
});
