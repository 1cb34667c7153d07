import { describe, expect, it, vi } from 'vitest';
import { TaskCanceledError } from '../../errors/attempt-aborted.error.js';
import { HandlerNotFoundError } from '../../errors/handler-not-found.error.js';
import { type Logger, silentLogger } from '../../runtime/logger.js';
import { MAX_RETRY_DELAY_MS, type RetryDelay } from '../../task/retry-delay.js';
import { RevokeTask, SkipRetry } from '../../task/signals.js';
import type { TaskMessage } from '../../wire/task-message.js';
import { errorText, failureOutcome, type FailurePolicy } from './attempt-outcome.js';

const NOW_MS = 1_700_000_000_000;
const policy: FailurePolicy = {
  retryDelay: () => 5_000,
  isFailure: () => true,
  unknownTypeDelayMs: 100,
  unknownTypeTimeoutMs: 1_000,
  logger: silentLogger,
};

function outcome(error: unknown, differences: Partial<FailurePolicy> = {}, message: Partial<TaskMessage> = {}) {
  const task = {
    message: { id: 'a', type: 't', retried: 1, maxRetry: 3, ...message } as TaskMessage,
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

  it('archives when no retry is left, even when it is no failure', () => {
    expect(outcome(new Error('boom'), { isFailure: () => false }, { retried: 3 })).toEqual({
      kind: 'archive',
      error: 'boom',
    });
  });

  it('retries uncounted when it is no failure', () => {
    expect(outcome(new Error('boom'), { isFailure: () => false })).toMatchObject({ kind: 'retry', isFailure: false });
  });

  it('archives for SkipRetry, also as the cause of another error', () => {
    expect(outcome(new SkipRetry('no use'))).toEqual({ kind: 'archive', error: 'no use' });
    expect(outcome(new Error('outer', { cause: new SkipRetry() }))).toEqual({ kind: 'archive', error: 'outer' });
  });

  it.each([
    ['delete', { kind: 'done' }],
    ['archive', { kind: 'archive', error: 'context canceled' }],
    ['retry', { kind: 'retry', retryAtMs: NOW_MS + 5_000, error: 'context canceled', isFailure: true }],
    [undefined, { kind: 'retry', retryAtMs: NOW_MS + 5_000, error: 'context canceled', isFailure: true }],
  ] as const)('does what is wished for a canceled task: %s', (wish, expected) => {
    expect(outcome(new TaskCanceledError('a', wish))).toEqual(expected);
  });

  it('drops for RevokeTask, even when no retry is left', () => {
    expect(outcome(new RevokeTask(), {}, { retried: 3 })).toEqual({ kind: 'done' });
  });

  it('asks for the delay with the failures before this one', () => {
    const retryDelay = vi.fn<RetryDelay>(() => 1);
    const error = new Error('boom');

    outcome(error, { retryDelay });

    expect(retryDelay).toHaveBeenCalledWith(1, error, expect.objectContaining({ id: 'a', type: 't' }));
  });

  it.each([
    ['negative', () => -5, 0],
    ['endless', () => Infinity, MAX_RETRY_DELAY_MS],
  ])('bounds a delay that is %s', (_, retryDelay, delayMs) => {
    expect(outcome(new Error('boom'), { retryDelay })).toMatchObject({ retryAtMs: NOW_MS + delayMs });
  });

  it.each([
    ['is no number', () => NaN],
    [
      'throws',
      (): number => {
        throw new Error('broken');
      },
    ],
  ])('falls back to the default delay, and says so, when the delay %s', (_, retryDelay) => {
    const error = vi.fn<Logger['error']>();

    const result = outcome(new Error('boom'), { retryDelay, logger: { ...silentLogger, error } });

    expect(result).toMatchObject({ kind: 'retry' });
    expect((result as { retryAtMs: number }).retryAtMs).toBeGreaterThanOrEqual(NOW_MS + 16_000);
    expect(error).toHaveBeenCalledOnce();
  });

  it('counts an error whose judgement throws', () => {
    const isFailure = (): boolean => {
      throw new Error('broken');
    };

    expect(outcome(new Error('boom'), { isFailure })).toMatchObject({ kind: 'retry', isFailure: true });
  });
});

describe('failureOutcome for an unknown type', () => {
  const notFound = new HandlerNotFoundError('t', []);
  const task = { message: { type: 't', retried: 3, maxRetry: 3 } as TaskMessage, leaseExpiresAtS: 0 };
  const text = 'handler not found for task "t"';

  it('puts the task back uncounted, even when no retry is left, and remembers since when', () => {
    expect(failureOutcome(task, notFound, policy, NOW_MS)).toEqual({
      kind: 'retry',
      retryAtMs: NOW_MS + 100,
      error: text,
      isFailure: false,
      unknownTypeSinceMs: NOW_MS,
    });
  });

  it('keeps the first time it saw the type', () => {
    const seen = { ...task, unknownTypeSinceMs: NOW_MS - 999 };

    expect(failureOutcome(seen, notFound, policy, NOW_MS)).toMatchObject({ unknownTypeSinceMs: NOW_MS - 999 });
  });

  it('archives the task when that has lasted too long', () => {
    const seen = { ...task, unknownTypeSinceMs: NOW_MS - 1_000 };

    expect(failureOutcome(seen, notFound, policy, NOW_MS)).toEqual({ kind: 'archive', error: text });
  });
});

describe('errorText', () => {
  it.each([
    ['the message of an error', new Error('boom'), 'boom'],
    ['its name when the message is empty', new TypeError(''), 'TypeError'],
    ['text that was thrown', 'just text', 'just text'],
    ['what is no error', 42, '42'],
    ['nothing', undefined, 'undefined'],
    ['valid Unicode only', new Error('half \ud83d'), 'half \ufffd'],
    ['something even for what has no text', Object.create(null), 'an error that has no text'],
  ])('is %s', (_, error, text) => {
    expect(errorText(error)).toBe(text);
  });
});
