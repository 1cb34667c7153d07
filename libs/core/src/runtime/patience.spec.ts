import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startPatience } from './patience.js';

describe('startPatience', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('ends after its time', () => {
    const onEnd = vi.fn<() => void>();
    startPatience(1_000, onEnd);

    vi.advanceTimersByTime(999);
    expect(onEnd).not.toHaveBeenCalled();

    vi.advanceTimersByTime(1);
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it('goes on after the event loop was blocked for longer than it lasts', async () => {
    vi.useRealTimers();
    const onEnd = vi.fn<() => void>();
    const stop = startPatience(50, onEnd);

    const untilMs = performance.now() + 100;
    while (performance.now() < untilMs);
    await new Promise((resolve) => setTimeout(resolve, 0)); // all timers that are due have run
    await new Promise((resolve) => setImmediate(resolve)); // and replies have been read

    expect(onEnd).not.toHaveBeenCalled();
    stop();
  });

  it('does not end once it was ended by its caller', () => {
    const onEnd = vi.fn<() => void>();
    const stop = startPatience(1_000, onEnd);
    vi.advanceTimersByTime(500);

    stop();
    vi.advanceTimersByTime(5_000);

    expect(onEnd).not.toHaveBeenCalled();
  });
});
