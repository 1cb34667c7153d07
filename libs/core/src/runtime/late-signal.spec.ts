import { describe, expect, it, vi } from 'vitest';
import { LateSignal } from './late-signal.js';

describe('LateSignal', () => {
  it('aborts a signal that somebody holds', () => {
    const late = new LateSignal();
    const { signal } = late;
    const heard = vi.fn<() => void>();
    signal.addEventListener('abort', heard);

    late.abort(new Error('enough'));

    expect(heard).toHaveBeenCalledOnce();
    expect(signal.reason).toEqual(new Error('enough'));
    expect(late.signal).toBe(signal);
  });

  it('hands out a signal that is aborted already to those who come late', () => {
    const late = new LateSignal();

    late.abort('first');
    late.abort('second');

    expect(late.signal.aborted).toBe(true);
    expect(late.signal.reason).toBe('first');
  });

  it('says whether and why, without a signal', () => {
    const late = new LateSignal();
    const before = [late.isAborted, late.reason];

    late.abort('enough');

    expect(before).toEqual([false, undefined]);
    expect([late.isAborted, late.reason]).toEqual([true, 'enough']);
  });
});
