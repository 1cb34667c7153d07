import { describe, expect, it, vi } from 'vitest';
import { LateSignal } from './late-signal.js';

describe('LateSignal', () => {
  it('aborts a signal that somebody holds', () => {
    const late = new LateSignal(() => undefined);
    const { signal } = late;
    const heard = vi.fn<() => void>();
    signal.addEventListener('abort', heard);

    late.abort(new Error('enough'));

    expect(heard).toHaveBeenCalledOnce();
    expect(signal.reason).toEqual(new Error('enough'));
    expect(late.signal).toBe(signal);
  });

  it('hands out a signal that is aborted already to those who come late', () => {
    const late = new LateSignal(() => undefined);

    late.abort('first');
    late.abort('second');

    expect(late.signal.aborted).toBe(true);
    expect(late.signal.reason).toBe('first');
  });

  it('hands errors of listeners over, whatever kind of listener, and lets the others hear', async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const late = new LateSignal(onError);
    const heard = vi.fn<() => void>();
    const fail = (): never => {
      throw new Error('broken');
    };
    late.signal.addEventListener('abort', fail);
    late.signal.addEventListener('abort', fail); // the same one counts once
    late.signal.addEventListener('abort', { handleEvent: async () => fail() });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- handlers may do so
    late.signal.onabort = fail;
    late.signal.addEventListener('abort', heard);

    late.abort('enough');

    expect(heard).toHaveBeenCalledOnce();
    await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(3));
    expect(onError).toHaveBeenCalledWith(new Error('broken'));
  });

  it('takes a listener back', () => {
    const late = new LateSignal(() => undefined);
    const heard = vi.fn<() => void>();
    late.signal.addEventListener('abort', heard);
    late.signal.addEventListener('abort', heard, { once: true });

    late.signal.removeEventListener('abort', heard);
    late.abort('enough');

    expect(heard).not.toHaveBeenCalled();
  });

  it('says whether and why, without a signal', () => {
    const late = new LateSignal(() => undefined);
    const before = [late.isAborted, late.reason];

    late.abort('enough');

    expect(before).toEqual([false, undefined]);
    expect([late.isAborted, late.reason]).toEqual([true, 'enough']);
  });
});
