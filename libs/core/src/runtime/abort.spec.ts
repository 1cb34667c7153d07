import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LinkedAbort, onAbort, unlessAborted } from './abort.js';

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describe('onAbort', () => {
  it('adds one listener to a signal for any number of calls, and removes it with the last', () => {
    const { signal } = new AbortController();

    const ends = Array.from({ length: 20 }, () => onAbort(signal, () => undefined));
    const during = listeners(signal);
    for (const end of ends) end();

    expect([during, listeners(signal)]).toEqual([1, 0]);
  });

  it('calls each listener once, in order, except removed ones', () => {
    const controller = new AbortController();
    const calls: string[] = [];
    const note = (): void => void calls.push('twice');
    onAbort(controller.signal, note);
    onAbort(controller.signal, note);
    onAbort(controller.signal, () => calls.push('never'))();
    onAbort(controller.signal, () => calls.push('last'));

    controller.abort();

    expect(calls).toEqual(['twice', 'twice', 'last']);
  });

  it('calls at once for a signal that has aborted', () => {
    let isCalled = false;

    onAbort(AbortSignal.abort(), () => (isCalled = true));

    expect(isCalled).toBe(true);
  });
});

describe('LinkedAbort', () => {
  it('aborts with the reason of the signal that aborts first', () => {
    const source = new AbortController();
    const link = new LinkedAbort([new AbortController().signal, source.signal]);

    source.abort('enough');

    expect(link.signal.reason).toBe('enough');
  });

  it('leaves no listener behind once it is released, and no longer follows', () => {
    const source = new AbortController();
    const link = new LinkedAbort([source.signal]);

    link.release();
    source.abort();

    expect([listeners(source.signal), link.signal.aborted]).toEqual([0, false]);
  });
});

describe('unlessAborted', () => {
  it('leaves no listener behind when the work ends', async () => {
    const { signal } = new AbortController();

    const answer = await unlessAborted(signal, Promise.resolve('done'));

    expect([answer, listeners(signal)]).toEqual(['done', 0]);
  });

  it('rejects with the reason of the signal while the work continues', async () => {
    const controller = new AbortController();
    const waiting = unlessAborted(controller.signal, new Promise(() => undefined));

    controller.abort(new Error('enough'));

    await expect(waiting).rejects.toThrow('enough');
  });
});
