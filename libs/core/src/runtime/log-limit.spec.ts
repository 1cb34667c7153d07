import { describe, expect, it } from 'vitest';
import { LogLimit } from './log-limit.js';

describe('LogLimit', () => {
  it('allows one line per subject and period', () => {
    let nowMs = 0;
    const limit = new LogLimit(
      { nowMs: () => 0, nowNs: () => 0n, monotonicMs: () => nowMs, setTimer: () => 0, clearTimer: () => undefined },
      3_000,
    );
    const allowed: boolean[] = [limit.allows('low'), limit.allows('low'), limit.allows('high')];

    nowMs = 2_999;
    allowed.push(limit.allows('low'));
    nowMs = 3_000;
    allowed.push(limit.allows('low'));

    expect(allowed).toEqual([true, false, true, false, true]);
  });
});
