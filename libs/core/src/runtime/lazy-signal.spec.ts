import { describe, expect, it, vi } from 'vitest';
import { LazySignal } from './lazy-signal.js';

describe('LazySignal', () => {
  it('aborts a signal that was handed out', () => {
    const lazy = new LazySignal(() => undefined);
    const { signal } = lazy;
    const heard = vi.fn<() => void>();
    signal.addEventListener('abort', heard);

    lazy.abort(new Error('enough'));

    expect(heard).toHaveBeenCalledOnce();
    expect(signal.reason).toEqual(new Error('enough'));
    expect(lazy.signal).toBe(signal);
  });

  it('hands out a signal that is aborted already to those that ask later', () => {
    const lazy = new LazySignal(() => undefined);

    lazy.abort('first');
    lazy.abort('second');

    expect(lazy.signal.aborted).toBe(true);
    expect(lazy.signal.reason).toBe('first');
  });

  it('passes on errors of listeners of any kind, and calls the others', async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const lazy = new LazySignal(onError);
    const heard = vi.fn<() => void>();
    const fail = (): never => {
      throw new Error('broken');
    };
    lazy.signal.addEventListener('abort', fail);
    lazy.signal.addEventListener('abort', fail); // the same one counts once
    lazy.signal.addEventListener('abort', { handleEvent: async () => fail() });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- handlers may do so
    lazy.signal.onabort = fail;
    lazy.signal.addEventListener('abort', heard);

    lazy.abort('enough');

    expect(heard).toHaveBeenCalledOnce();
    await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(3));
    expect(onError).toHaveBeenCalledWith(new Error('broken'));
  });

  it('takes a listener back', () => {
    const lazy = new LazySignal(() => undefined);
    const heard = vi.fn<() => void>();
    lazy.signal.addEventListener('abort', heard);
    lazy.signal.addEventListener('abort', heard, { once: true });

    lazy.signal.removeEventListener('abort', heard);
    lazy.abort('enough');

    expect(heard).not.toHaveBeenCalled();
  });

  it('says whether and why, without a signal', () => {
    const lazy = new LazySignal(() => undefined);
    const before = [lazy.isAborted, lazy.reason];

    lazy.abort('enough');

    expect(before).toEqual([false, undefined]);
    expect([lazy.isAborted, lazy.reason]).toEqual([true, 'enough']);
  });
});
