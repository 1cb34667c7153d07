import { describe, expect, it, vi } from 'vitest';
import { TaskCanceledError, TaskTimeoutError } from '../../../errors/attempt-aborted.error.js';
import { HandlerNotFoundError } from '../../../errors/handler-not-found.error.js';
import { type Logger, silentLogger } from '../../../runtime/logger.js';
import { MAX_RETRY_DELAY_MS, type RetryDelay } from '../../../task/retry-delay.js';
import { RevokeTask, SkipRetry } from '../../../task/signals.js';
import type { TaskMessage } from '../../../wire/task-message.js';
import { archiveReason, failureOutcome, type LoggedPolicy } from './attempt-outcome.js';

const NOW_MS = 1_700_000_000_000;
const policy: LoggedPolicy = {
  retryDelay: () => 5_000,
  isFailure: () => true,
  unknownTypeDelayMs: 100,
  unknownTypeTimeoutMs: 1_000,
  logger: silentLogger,
};

function outcome(error: unknown, differences: Partial<LoggedPolicy> = {}, message: Partial<TaskMessage> = {}) {
  const task = {
    message: { id: 'a', type: 't', retried: 1, maxRetry: 3, timeoutS: 0n, deadlineS: 0n, ...message } as TaskMessage,
    leaseExpiresAtS: 0,
  };
  return failureOutcome(task, error, { ...policy, ...differences }, NOW_MS);
}

describe('failureOutcome', () => {
  it('retries an ordinary error and counts it', () => {
    expect(outcome(new Error('boom'))).toEqual({
      kind: 'retry',
      retryAtMs: NOW_MS + 5_000,
      error: 'boom',
      isFailure: true,
    });
  });

  it('archives when no retry is left, even for an error that is not a failure', () => {
    expect(outcome(new Error('boom'), { isFailure: () => false }, { retried: 3 })).toEqual({
      kind: 'archive',
      error: 'boom',
    });
  });

  it('retries uncounted when the error is not a failure', () => {
    expect(outcome(new Error('boom'), { isFailure: () => false })).toMatchObject({ kind: 'retry', isFailure: false });
  });

  it.each([
    ['thrown without a message', new SkipRetry(), 'skip retry for the task'],
    ['with a message', new SkipRetry('no use'), 'no use: skip retry for the task'],
    ['with the whole text', new SkipRetry('m: skip retry for the task'), 'm: skip retry for the task'],
    ['as a cause', new Error('outer', { cause: new SkipRetry() }), 'outer: skip retry for the task'],
    ['as a cause with a message', new Error('a', { cause: new SkipRetry('b') }), 'a: b: skip retry for the task'],
    ['as a cause that is quoted', new Error('a: b', { cause: new SkipRetry('b') }), 'a: b: skip retry for the task'],
  ])("archives for SkipRetry %s, with the text that Go's would leave", (_, error, text) => {
    expect(outcome(error)).toEqual({ kind: 'archive', error: text });
  });

  it.each([
    ['its deadline has passed', { deadlineS: BigInt(NOW_MS / 1000) }, 'its deadline has passed'],
    ['its timeout is negative', { timeoutS: -1n }, 'its timeout is negative'],
  ])('archives at once, with the reason, when %s', (_, message, reason) => {
    expect(outcome(new TaskTimeoutError('a'), {}, message)).toEqual({
      kind: 'archive',
      error: `context deadline exceeded: ${reason}`,
    });
  });

  it('retries before the deadline', () => {
    expect(outcome(new Error('boom'), {}, { deadlineS: BigInt(NOW_MS / 1000 + 1) })).toMatchObject({ kind: 'retry' });
  });

  it.each([
    ['delete', { kind: 'done' }],
    ['archive', { kind: 'archive', error: 'context canceled' }],
    ['retry', { kind: 'retry', retryAtMs: NOW_MS + 5_000, error: 'context canceled', isFailure: true }],
    [undefined, { kind: 'retry', retryAtMs: NOW_MS + 5_000, error: 'context canceled', isFailure: true }],
  ] as const)('gives a canceled task the requested outcome: %s', (requested, expected) => {
    expect(outcome(new TaskCanceledError('a', requested))).toEqual(expected);
  });

  it('drops for RevokeTask, even when no retry is left', () => {
    expect(outcome(new RevokeTask(), {}, { retried: 3 })).toEqual({ kind: 'done' });
  });

  it('passes the number of earlier failures to retryDelay', () => {
    const retryDelay = vi.fn<RetryDelay>(() => 1);
    const error = new Error('boom');

    outcome(error, { retryDelay });

    expect(retryDelay).toHaveBeenCalledWith(1, error, expect.objectContaining({ id: 'a', type: 't' }));
  });

  it.each([
    ['none', () => 0, 0],
    ['too long', () => MAX_RETRY_DELAY_MS + 1, MAX_RETRY_DELAY_MS],
  ])('bounds a delay that is %s', (_, retryDelay, delayMs) => {
    expect(outcome(new Error('boom'), { retryDelay })).toMatchObject({ retryAtMs: NOW_MS + delayMs });
  });

  it.each([
    ['is no number', () => NaN],
    ['is negative', () => -5],
    ['is endless', () => Infinity],
    ['is a text', () => '5s' as unknown as number],
    ['is missing', () => undefined as unknown as number],
    ['is a promise', () => Promise.resolve(5) as unknown as number],
    ['is a promise that rejects', () => Promise.reject(new Error('broken')) as unknown as number],
    [
      'throws',
      (): number => {
        throw new Error('broken');
      },
    ],
  ])('falls back to the default delay, and logs it, when the delay %s', (_, retryDelay) => {
    const error = vi.fn<Logger['error']>();

    const result = outcome(new Error('boom'), { retryDelay, logger: { ...silentLogger, error } });

    expect(result).toMatchObject({ kind: 'retry' });
    expect((result as { retryAtMs: number }).retryAtMs).toBeGreaterThanOrEqual(NOW_MS + 16_000);
    expect(error).toHaveBeenCalledOnce();
  });

  it.each([
    [
      'throws',
      (): boolean => {
        throw new Error('broken');
      },
      'broken',
    ],
    ['is a promise', async () => false, 'it returned a promise, not true or false'],
    [
      'is a promise that rejects',
      () => Promise.reject(new Error('broken')),
      'it returned a promise, not true or false',
    ],
    ['is missing', () => undefined, 'it returned undefined, not true or false'],
    ['is a text', () => 'no', 'it returned a string, not true or false'],
    ['is a number', () => 0, 'it returned 0, not true or false'],
  ])('counts an error, and logs it, when the result of isFailure %s', (_, isFailure, message) => {
    const error = vi.fn<Logger['error']>();

    const result = outcome(new Error('boom'), {
      isFailure: isFailure as () => boolean,
      logger: { ...silentLogger, error },
    });

    expect(result).toMatchObject({ kind: 'retry', isFailure: true });
    expect(error).toHaveBeenCalledWith(
      'isFailure failed; the error counts as a failure',
      expect.objectContaining({ error: expect.objectContaining({ message }) }),
    );
  });
});

describe('failureOutcome for an unknown type', () => {
  const notFound = new HandlerNotFoundError('t', []);
  const message = { type: 't', retried: 3, maxRetry: 3, timeoutS: 0n, deadlineS: 0n } as TaskMessage;
  const task = { message, leaseExpiresAtS: 0 };
  const text = 'handler not found for task "t"';

  it('puts the task back uncounted, even when no retry is left, and records since when', () => {
    expect(failureOutcome(task, notFound, policy, NOW_MS)).toEqual({
      kind: 'retry',
      retryAtMs: NOW_MS + 100,
      error: text,
      isFailure: false,
      unknownTypeSinceMs: NOW_MS,
    });
  });

  it('keeps the time of the first try', () => {
    const seen = { ...task, unknownTypeSinceMs: NOW_MS - 999 };

    expect(failureOutcome(seen, notFound, policy, NOW_MS)).toMatchObject({ unknownTypeSinceMs: NOW_MS - 999 });
  });

  it('archives the task after the timeout', () => {
    const seen = { ...task, unknownTypeSinceMs: NOW_MS - 1_000 };

    expect(failureOutcome(seen, notFound, policy, NOW_MS)).toEqual({ kind: 'archive', error: text });
  });
});

describe('the reason of an archived task', () => {
  it.each([
    ['canceled', new TaskCanceledError('a', 'archive'), {}],
    ['skipRetry', new SkipRetry(), {}],
    ['skipRetry', new Error('no such user', { cause: new SkipRetry() }), {}],
    ['deadline', new Error('boom'), { deadlineS: BigInt(NOW_MS / 1000) }],
    ['unknownType', new HandlerNotFoundError('t', []), {}],
    ['exhausted', new Error('boom'), { retried: 3 }],
  ])('is %s', (reason, error, message) => {
    const full = { retried: 1, maxRetry: 3, timeoutS: 0n, deadlineS: 0n, ...message } as TaskMessage;

    expect(archiveReason(full, error, NOW_MS)).toBe(reason);
  });
});
