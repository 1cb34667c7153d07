import { describe, expect, it } from 'vitest';
import { findSignal, RevokeTask, SkipRetry } from './signals.js';

describe('findSignal', () => {
  it('finds a signal that was thrown, or wrapped as the cause of another error', () => {
    const skip = new SkipRetry('no use');
    const revoke = new RevokeTask();

    expect(findSignal(skip)).toBe(skip);
    expect(findSignal(new Error('outer', { cause: new TypeError('inner', { cause: revoke }) }))).toBe(revoke);
  });

  it.each([[new Error('boom')], ['text'], [undefined], [{ cause: new SkipRetry() }]])('finds none in %s', (error) => {
    expect(findSignal(error)).toBeUndefined();
  });

  it('stops at circular causes', () => {
    const error = new Error('ring');
    error.cause = error;

    expect(findSignal(error)).toBeUndefined();
  });
});
