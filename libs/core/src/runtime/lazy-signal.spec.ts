import { describe, expect, it, vi } from 'vitest';
import { LazySignal } from './lazy-signal.js';

describe('LazySignal', () => {
  it('aborts a signal that was handed out', () => {
    const lazy = new LazySignal(() => undefined);
    const { signal } = lazy;
    const listener = vi.fn<() => void>();
    signal.addEventListener('abort', listener);

    lazy.abort(new Error('enough'));

    expect(listener).toHaveBeenCalledOnce();
    expect(signal.reason).toEqual(new Error('enough'));
    expect(lazy.signal).toBe(signal);
  });

  it('returns an aborted signal when it is read later', () => {
    const lazy = new LazySignal(() => undefined);

    lazy.abort('first');
    lazy.abort('second');

    expect(lazy.signal.aborted).toBe(true);
    expect(lazy.signal.reason).toBe('first');
  });

  it('passes on errors of listeners of any kind, and calls the others', async () => {
    const onError = vi.fn<(error: unknown) => void>();
    const lazy = new LazySignal(onError);
    const listener = vi.fn<() => void>();
    const fail = (): never => {
      throw new Error('broken');
    };
    lazy.signal.addEventListener('abort', fail);
    lazy.signal.addEventListener('abort', fail); // the same one counts once
    lazy.signal.addEventListener('abort', { handleEvent: async () => fail() });
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- handlers may do so
    lazy.signal.onabort = fail;
    lazy.signal.addEventListener('abort', listener);

    lazy.abort('enough');

    expect(listener).toHaveBeenCalledOnce();
    await expect.poll(() => onError).toHaveBeenCalledTimes(3);
    expect(onError).toHaveBeenCalledWith(new Error('broken'));
  });

  it('removes a listener', () => {
    const lazy = new LazySignal(() => undefined);
    const listener = vi.fn<() => void>();
    lazy.signal.addEventListener('abort', listener);
    lazy.signal.addEventListener('abort', listener, { once: true });

    lazy.signal.removeEventListener('abort', listener);
    lazy.abort('enough');

    expect(listener).not.toHaveBeenCalled();
  });

  it('knows whether and why it was aborted, without a signal', () => {
    const lazy = new LazySignal(() => undefined);
    const before = [lazy.isAborted, lazy.reason];

    lazy.abort('enough');

    expect(before).toEqual([false, undefined]);
    expect([lazy.isAborted, lazy.reason]).toEqual([true, 'enough']);
  });
});
