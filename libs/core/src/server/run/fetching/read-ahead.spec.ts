import { describe, expect, it } from 'vitest';
import { ReadAhead } from './read-ahead.js';

/** When so many attempts of this duration end every 10 ms, for as long as it takes to notice. */
function after(attempts: number, durationMs: number, windowMs = 20): ReadAhead {
  const ahead = new ReadAhead(windowMs);
  for (let round = 0; round < 6; round++) {
    for (let nth = 0; nth < attempts; nth++) {
      ahead.noteBegun();
      ahead.noteEnded(durationMs);
    }
    ahead.target(10 * round - 50);
  }
  return ahead;
}

describe('ReadAhead', () => {
  it('holds what the pace of the last moments uses up in the window', () => {
    expect(after(50, 1).target(0)).toBe(100);
  });

  it('does not count the time in which there was no task', () => {
    const ahead = after(50, 1);

    for (let nth = 0; nth < 20; nth++) ahead.noteBegun();
    ahead.noteStarved(2);
    ahead.noteStarved(5);
    ahead.noteFed(10);

    expect(ahead.target(10)).toBe(110); // 10 a ms for 2 ms, after 5 a ms
  });

  it('grows in steps', () => {
    const ahead = new ReadAhead(20);
    const grown = [10, 20, 30, 40, 50].map((nowMs) => {
      for (let nth = 0; nth < 5_000; nth++) ahead.noteBegun();
      ahead.noteEnded(0);
      return ahead.target(nowMs);
    });

    expect(grown).toEqual([0, 16, 80, 336, 1_000]);
  });

  it('holds nothing before the first attempt, and at most 1,000', () => {
    expect(new ReadAhead(20).target(0)).toBe(0);
    expect(after(5_000, 0).target(0)).toBe(1_000);
  });

  it('holds nothing for handlers that take the window or longer, and nothing without a window', () => {
    expect(after(50, 20).target(0)).toBe(0);
    expect(after(50, 0, 0).target(0)).toBe(0);
  });

  it('follows the pace within a window', () => {
    const ahead = after(50, 1);
    ahead.noteBegun();
    const afterHalf = ahead.target(10);
    ahead.noteBegun();

    expect([afterHalf, ahead.target(30)]).toEqual([51, 1]);
  });

  it('holds nothing after one slow attempt, and something after ten or so fast ones', () => {
    const ahead = after(50, 1);

    ahead.noteEnded(5_000);
    const afterSlow = ahead.target(0);
    for (let nth = 0; nth < 12; nth++) ahead.noteEnded(1);

    expect(afterSlow).toBe(0);
    expect(ahead.target(0)).toBe(100);
  });

  it('holds nothing after a pause until an attempt has ended', () => {
    const ahead = after(50, 1);

    ahead.pause();
    const paused = ahead.target(0);
    for (let nth = 0; nth < 50; nth++) ahead.noteBegun();
    ahead.noteEnded(1);

    expect([paused, ahead.target(10)]).toEqual([0, 16]);
  });
});
