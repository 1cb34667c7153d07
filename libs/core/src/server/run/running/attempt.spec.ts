import { describe, expect, it, vi } from 'vitest';
import type { SettleOps } from '../../../broker/contract/settle.js';
import { ServerShutdownError, TaskCanceledError, TaskTimeoutError } from '../../../errors/attempt-aborted.error.js';
import { LeaseLostError } from '../../../errors/lease-lost.error.js';
import { type Logger, silentLogger } from '../../../runtime/logger.js';
import { jsonCodec, type PayloadCodec } from '../../../task/payload-codec.js';
import { SkipRetry } from '../../../task/signals.js';
import type { Handler, TaskContext } from '../../../task/task-context.js';
import type { TaskEvent } from '../../../task/task-event.js';
import { FakeClock } from '../../../testing/fake-clock.js';
import { FakeLease } from '../../../test-support/fake-lease.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import {
  ABORT_GRACE_MS,
  Attempt,
  type AttemptDeps,
  type AttemptListener,
  type Ending,
  type ErrorHandler,
} from './attempt.js';
import { Deadlines } from '../../../runtime/deadlines.js';
import { routeAll } from './serve-mux.js';

const message = {
  type: 't',
  payload: Buffer.from('{"a":1}'),
  id: 'task-1',
  queue: 'q',
  maxRetry: 3,
  retried: 1,
  retentionS: 0n,
  timeoutS: 0n,
  deadlineS: 0n,
  headers: { trace: 'x' },
} as unknown as TaskMessage;

/** One attempt with ten seconds to run, around a handler. */
function prepare(
  handler: Handler,
  differences: Partial<AttemptDeps> = {},
  messageDifferences: Partial<TaskMessage> = {},
) {
  const clock = new FakeClock();
  const events: TaskEvent[] = [];
  const warn = vi.fn<Logger['warn']>();
  const lease = new FakeLease({ id: 'task-1', expiriesS: [9] }, clock.nowMs() + 30_000);
  const task = { message: { ...message, ...messageDifferences }, leaseExpiresAtS: 9 };
  const tracked = { task, startedAtMs: clock.nowMs(), deadlineMs: clock.nowMs() + 10_000 };
  const surroundings = {
    deadlines: new Deadlines(clock),
    router: routeAll(handler),
    results: { writeResult: async () => true, writeProgress: async () => true, readBackoff: async () => undefined },
    codec: jsonCodec,
    failurePolicy: {
      retryDelay: () => 5_000,
      isFailure: () => true,
      unknownTypeDelayMs: 100,
      unknownTypeTimeoutMs: 1_000,
    },
    logger: { ...silentLogger, warn },
    errorHandler: undefined,
    emit: (event: TaskEvent) => events.push(event),
    clock,
    ...differences,
  };
  let attempt!: Attempt;
  const ending = new Promise<Ending>((resolve, reject) => {
    const listener: AttemptListener = { onEnded: (_, end) => resolve(end), onBroken: (_, error) => reject(error) };
    attempt = new Attempt(tracked, lease, 0, surroundings, listener);
  });
  endings.set(attempt, ending);
  return { attempt, clock, lease, events, warn };
}

const endings = new WeakMap<Attempt, Promise<Ending>>();

/** Runs an attempt to its end. */
function endOf(attempt: Attempt): Promise<Ending> {
  attempt.run();
  return endings.get(attempt)!;
}

/** A handler that runs until its signal aborts, and throws the reason. */
const obedient: Handler = (_, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

const deaf: Handler = () => new Promise(() => undefined);

describe('Attempt', () => {
  it('calls the handler with the decoded payload and ends with success', async () => {
    const handler = vi.fn<Handler>();
    const { attempt, events } = prepare(handler);

    const ending = await endOf(attempt);

    expect(handler).toHaveBeenCalledWith({ a: 1 }, expect.objectContaining({ id: 'task-1', queue: 'q', retried: 1 }));
    expect(ending).toEqual({ outcome: { kind: 'done' }, durationMs: 0 });
    expect(events.map(({ kind }) => kind)).toEqual(['started']);
  });

  it('keeps a successful task that has a retention', async () => {
    const { attempt } = prepare(() => undefined, {}, { retentionS: 60n });

    expect((await endOf(attempt)).outcome).toEqual({ kind: 'complete' });
  });

  it('retries when the handler throws, also before it returns a promise', async () => {
    const { attempt, events } = prepare(() => {
      throw new Error('boom');
    });

    const ending = await endOf(attempt);

    expect(ending.outcome).toMatchObject({ kind: 'retry', error: 'boom', isFailure: true });
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'failed']);
  });

  it('calls errorHandler before it decides, and survives its errors', async () => {
    const error = vi.fn<Logger['error']>();
    const errorHandler = vi.fn<NonNullable<ErrorHandler>>().mockRejectedValue(new Error('broken'));
    const { attempt } = prepare(() => Promise.reject(new Error('boom')), {
      errorHandler,
      failurePolicy: {
        retryDelay: () => 5_000,
        isFailure: () => errorHandler.mock.calls.length === 0,
        unknownTypeDelayMs: 1,
        unknownTypeTimeoutMs: 1,
      },
      logger: { ...silentLogger, error },
    });

    const ending = await endOf(attempt);

    expect(errorHandler).toHaveBeenCalledWith(new Error('boom'), expect.objectContaining({ id: 'task-1' }));
    expect(ending.outcome).toMatchObject({ kind: 'retry', isFailure: false });
    expect(error).toHaveBeenCalledOnce();
  });

  it('retries a task with its payload, whatever the handler does to the bytes', async () => {
    const view: PayloadCodec = { encode: () => new Uint8Array(), decode: (bytes) => bytes.subarray(1) };
    const { attempt } = prepare(
      async (payload, context) => {
        context.payloadBytes.fill(0);
        const { buffer } = payload as Uint8Array<ArrayBuffer>;
        structuredClone(buffer, { transfer: [buffer] });
        throw new Error('failed');
      },
      { codec: view },
      { payload: Uint8Array.of(1, 2, 3) },
    );

    const ending = await endOf(attempt);

    expect(ending.outcome).toMatchObject({ kind: 'retry' });
    expect(attempt.message.payload).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('archives a payload that does not decode, without calling the handler', async () => {
    const handler = vi.fn<Handler>();
    const { attempt } = prepare(handler, {}, { payload: Buffer.from('{') });

    const ending = await endOf(attempt);

    expect(ending.outcome).toMatchObject({
      kind: 'archive',
      error: expect.stringContaining('payload does not decode'),
    });
    expect(handler).not.toHaveBeenCalled();
  });

  it('puts back a task of unknown type, whatever its payload', async () => {
    const router = { route: () => undefined, patterns: () => ['other'] };
    const { attempt } = prepare(vi.fn<Handler>(), { router }, { payload: Buffer.from('{') });

    const { outcome } = await endOf(attempt);

    expect(outcome).toMatchObject({ kind: 'retry', isFailure: false, error: 'handler not found for task "t"' });
  });

  it('retries when the router itself fails', async () => {
    const route = (): never => {
      throw new Error('bad middleware');
    };
    const { attempt } = prepare(vi.fn<Handler>(), { router: { route, patterns: () => [] } });

    expect((await endOf(attempt)).outcome).toMatchObject({ kind: 'retry', error: 'bad middleware' });
  });

  it('fails past the deadline without calling the handler', async () => {
    const handler = vi.fn<Handler>();
    const deadlineS = BigInt(new FakeClock().nowMs() / 1_000 - 1);
    const { attempt } = prepare(handler, {}, { deadlineS, timeoutS: 10n });

    const ending = await endOf(attempt);

    expect(ending.outcome).toMatchObject({
      kind: 'archive',
      error: expect.stringContaining('context deadline exceeded') as string,
    });
    expect(handler).not.toHaveBeenCalled();
  });

  it('prefers the retryDelay and isFailure of the route', async () => {
    const handler: Handler = () => Promise.reject(new Error('boom'));
    const route = { handler, retryDelay: () => 7, isFailure: () => false };
    const { attempt, clock } = prepare(handler, { router: { route: () => route, patterns: () => [] } });

    const { outcome } = await endOf(attempt);

    expect(outcome).toMatchObject({ kind: 'retry', retryAtMs: clock.nowMs() + 7, isFailure: false });
  });
});

describe('Attempt, aborted', () => {
  it.each([8 * 3_600_000, -3_600_000])('has its full timeout when the clock is set by %i ms', async (byMs) => {
    const { attempt, clock } = prepare(obedient);
    let isEnded = false;
    const ending = endOf(attempt).finally(() => (isEnded = true));
    await clock.advance(1_000);

    clock.set(clock.nowMs() + byMs);
    await clock.advance(8_999);
    const early = isEnded;
    await clock.advance(1);

    expect(early).toBe(false);
    expect((await ending).error).toBeInstanceOf(TaskTimeoutError);
  });

  it('times out at the deadline', async () => {
    const { attempt, clock } = prepare(obedient);
    const running = endOf(attempt);

    await clock.advance(9_999);
    const early = await Promise.race([running, Promise.resolve('still running')]);
    await clock.advance(1);

    expect(early).toBe('still running');
    expect((await running).outcome).toMatchObject({ kind: 'retry', error: 'context deadline exceeded' });
  });

  it.each([
    [new TaskCanceledError('task-1'), { kind: 'retry', error: 'context canceled' }],
    [new ServerShutdownError('task-1'), { kind: 'requeue' }],
  ])('ends at once with a handler that obeys its signal: %s', async (reason, outcome) => {
    const { attempt } = prepare(obedient);
    const running = endOf(attempt);

    attempt.abort(reason);

    expect((await running).outcome).toMatchObject(outcome);
  });

  it('treats any other error after an abort as the abort', async () => {
    const { attempt } = prepare(async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('socket closed');
    });
    const running = endOf(attempt);

    attempt.abort(new TaskCanceledError('task-1'));

    expect((await running).outcome).toMatchObject({ error: 'context canceled' });
  });

  it("prefers the handler's own outcome after an abort", async () => {
    const answering = (answer: () => unknown): Handler => {
      return async (_, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return answer();
      };
    };
    const success = prepare(answering(() => 'done'));
    const skip = prepare(answering(() => Promise.reject(new SkipRetry('enough'))));
    const endings = [endOf(success.attempt), endOf(skip.attempt)];

    success.attempt.abort(new ServerShutdownError('task-1'));
    skip.attempt.abort(new TaskCanceledError('task-1'));

    const [first, second] = await Promise.all(endings);
    expect(first!.outcome).toEqual({ kind: 'done' });
    expect(second!.outcome).toEqual({ kind: 'archive', error: 'enough: skip retry for the task' });
  });

  it('ends an attempt whose handler ignores its signal after the grace period, and logs it once', async () => {
    const { attempt, clock, warn } = prepare(deaf);
    const running = endOf(attempt);

    attempt.abort(new TaskCanceledError('task-1'));
    attempt.abort(new ServerShutdownError('task-1'));
    await clock.advance(ABORT_GRACE_MS);

    expect((await running).outcome).toMatchObject({ kind: 'retry', error: 'context canceled' });
    expect(warn).toHaveBeenCalledOnce();
  });

  it('notices when a handler that ignored its signal has ended', async () => {
    let end = (): void => undefined;
    const { attempt, clock } = prepare(() => new Promise<void>((resolve) => (end = resolve)));
    const running = endOf(attempt);
    attempt.abort(new TaskCanceledError('task-1'));
    await clock.advance(ABORT_GRACE_MS);
    await running;
    const before = await Promise.race([attempt.handlerEnded, Promise.resolve('still running')]);

    end();

    expect(before).toBe('still running');
    await expect(attempt.handlerEnded).resolves.toBeUndefined();
  });

  it('has nothing to store once the lease is lost, whatever the handler returns', async () => {
    const success = prepare(async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const failing = prepare(obedient);
    const endings = [endOf(success.attempt), endOf(failing.attempt)];

    success.lease.lose();
    failing.lease.lose();

    const [first, second] = await Promise.all(endings);
    expect(first!.outcome).toBeUndefined();
    expect(second).toMatchObject({ outcome: undefined, error: new LeaseLostError('q', 'task-1') });
  });

  it('ends without calling the handler when it is aborted before it is run, by the policy of the route', async () => {
    const handler = vi.fn<Handler>();
    const router = { route: () => ({ handler, retryDelay: () => 7_000 }), patterns: () => [] };
    const { attempt, clock, events } = prepare(handler, { router });

    attempt.abort(new TaskCanceledError('task-1', undefined));

    const retryAtMs = clock.nowMs() + 7_000;
    expect(await endings.get(attempt)).toMatchObject({ outcome: { kind: 'retry', retryAtMs, isFailure: true } });
    expect(events.map(({ kind }) => kind)).toEqual(['failed']);
    expect(handler).not.toHaveBeenCalled();
  });

  it('ends as aborted before it is run, also when no handler can be found', async () => {
    const route = (): never => {
      throw new Error('broken');
    };
    const { attempt } = prepare(deaf, { router: { route, patterns: () => [] } });

    attempt.abort(new TaskCanceledError('task-1', 'archive'));

    expect((await endings.get(attempt)!).outcome).toEqual({ kind: 'archive', error: 'context canceled' });
  });

  it('ignores an abort after the handler has settled', async () => {
    const { attempt, clock, warn } = prepare(() => undefined);
    await endOf(attempt);

    attempt.abort(new TaskCanceledError('task-1'));
    await clock.advance(ABORT_GRACE_MS);

    expect(warn).not.toHaveBeenCalled();
  });
});

describe('what a handler returns', () => {
  const retained = { retentionS: 60n };
  const text = (ending: Ending): string | undefined => {
    const { outcome } = ending;
    return outcome?.kind === 'complete' && outcome.result ? Buffer.from(outcome.result).toString() : undefined;
  };

  it.each<[string, unknown, string | undefined]>([
    ['an object', { sent: 2 }, '{"sent":2}'],
    ['null', null, 'null'],
    ['bytes', Buffer.from('as they are'), 'as they are'],
    ['nothing', undefined, undefined],
  ])('is the result of a task with retention: %s', async (_, returned, result) => {
    const { attempt } = prepare(() => Promise.resolve(returned), {}, retained);

    const ending = await endOf(attempt);

    expect(ending.outcome?.kind).toBe('complete');
    expect(text(ending)).toBe(result);
  });

  it('is nothing without retention', async () => {
    const { attempt } = prepare(() => ({ sent: 2 }));

    expect((await endOf(attempt)).outcome).toEqual({ kind: 'done' });
  });

  it('is ignored when the handler has written a result', async () => {
    const { attempt } = prepare(
      async (_, context) => {
        await context.writeResult('mine');
        return 'other';
      },
      {},
      retained,
    );

    expect(text(await endOf(attempt))).toBeUndefined();
  });

  it('does not fail the task when it cannot be encoded', async () => {
    const { attempt, warn } = prepare(() => () => 'a function', {}, retained);

    const ending = await endOf(attempt);

    expect(ending.outcome?.kind).toBe('complete');
    expect(warn).toHaveBeenCalledOnce();
  });
});

describe('TaskContext', () => {
  it('stores the last progress before the outcome, and emits an event for each that is stored', async () => {
    const writeProgress = vi.fn<SettleOps['writeProgress']>(async () => true);
    const { attempt, clock, events } = prepare(
      (_, context) => {
        for (const share of [0.1, 0.2, 0.3]) context.progress(share, 'resizing');
      },
      { results: { writeResult: async () => true, writeProgress, readBackoff: async () => undefined } },
    );

    await endOf(attempt);

    const claim = { id: 'task-1', expiriesS: [9] };
    const atMs = clock.nowMs();
    expect(writeProgress.mock.calls).toEqual([
      [expect.objectContaining({ queue: 'q' }), claim, { share: 0.1, note: 'resizing', atMs }],
      [expect.objectContaining({ queue: 'q' }), claim, { share: 0.3, note: 'resizing', atMs }],
    ]);
    expect(events.map((event) => (event.kind === 'progressed' ? event.share : event.kind))).toEqual([
      'started',
      0.1,
      0.3,
    ]);
  });

  it('shows the task', async () => {
    let seen: TaskContext | undefined;
    const { attempt, clock } = prepare((_, context) => void (seen = context));

    await endOf(attempt);

    expect(seen).toMatchObject({
      type: 't',
      maxRetry: 3,
      headers: { trace: 'x' },
      payloadBytes: new Uint8Array(message.payload),
    });
    expect(seen?.deadline).toEqual(new Date(clock.nowMs() + 10_000));
  });

  it('stores results with the current claim: bytes unchanged, the rest through the codec', async () => {
    const writeResult = vi.fn<SettleOps['writeResult']>(async () => true);
    const { attempt } = prepare(
      async (_, context) => {
        await context.writeResult({ ok: true });
        await context.writeResult(Uint8Array.of(1));
      },
      { results: { writeResult, writeProgress: async () => true, readBackoff: async () => undefined } },
    );

    await endOf(attempt);

    const claim = { id: 'task-1', expiriesS: [9] };
    expect(writeResult).toHaveBeenNthCalledWith(1, 'q', claim, new TextEncoder().encode('{"ok":true}'));
    expect(writeResult).toHaveBeenNthCalledWith(2, 'q', claim, Uint8Array.of(1));
  });

  it('repeats a late write of a result with the new score when the lease was extended before it', async () => {
    const writeResult = vi.fn<SettleOps['writeResult']>(async (_queue, { expiriesS }) => {
      if (expiriesS[0] === 7) return true;
      lease.extendTo(7); // the heartbeat came first
      return false;
    });
    const { attempt, lease } = prepare((_, context) => context.writeResult(1), {
      results: { writeResult, writeProgress: async () => true, readBackoff: async () => undefined },
    });

    const { error } = await endOf(attempt);

    expect(error).toBeUndefined();
    expect(writeResult).toHaveBeenCalledTimes(2);
  });

  it('refuses a result when the task is no longer ours, or the attempt was aborted', async () => {
    const results = {
      writeResult: async () => false,
      writeProgress: async () => false,
      readBackoff: async () => undefined,
    };
    const lost = prepare((_, context) => context.writeResult(1), { results });
    const aborted = prepare(async (_, context) => {
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
      await context.writeResult(1).catch((error: unknown) => {
        throw new SkipRetry(`refused: ${String(error)}`);
      });
    });

    const first = await endOf(lost.attempt);
    const running = endOf(aborted.attempt);
    aborted.attempt.abort(new TaskCanceledError('task-1'));
    const second = await running;

    expect(first.error).toBeInstanceOf(LeaseLostError);
    expect(second.outcome).toMatchObject({ kind: 'archive', error: expect.stringContaining('context canceled') });
  });
});
