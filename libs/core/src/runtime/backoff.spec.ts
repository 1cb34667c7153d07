import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.js';

describe('Backoff', () => {
  it('doubles from the first pause to the longest', () => {
    const backoff = new Backoff(100, 1_000, () => 1);

    const pausesMs = Array.from({ length: 6 }, () => backoff.nextMs());

    expect(pausesMs).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });

  it('resets after a success', () => {
    const backoff = new Backoff(100, 1_000, () => 1);
    backoff.nextMs();
    backoff.nextMs();

    backoff.reset();

    expect(backoff.nextMs()).toBe(100);
  });

  it('randomizes at most half of a delay', () => {
    const backoff = new Backoff(100, 1_000, () => 0);

    expect(backoff.nextMs()).toBe(50);
  });

  it('stays at its limit however often it fails', () => {
    const backoff = new Backoff(100, 1_000, () => 1);

    for (let failure = 0; failure < 2_000; failure++) backoff.nextMs();

    expect(backoff.nextMs()).toBe(1_000);
  });
});
