import { describe, expect, it } from 'vitest';
import type { TaskMessage } from '../../../wire/task-message.js';
import { attemptDeadlineMs } from './attempt-deadline.js';

const NOW_MS = 1_700_000_000_700;

function deadlineMs(timeoutS: bigint, deadlineS: bigint): number {
  return attemptDeadlineMs({ timeoutS, deadlineS } as TaskMessage, NOW_MS);
}

describe('attemptDeadlineMs', () => {
  it.each([
    ['neither: half an hour', 0n, 0n, NOW_MS + 1_800_000],
    ['a timeout: from now', 10n, 0n, NOW_MS + 10_000],
    ['a deadline: that', 0n, 1_700_000_005n, 1_700_000_005_000],
    ['both, the timeout being earlier: from the whole second', 3n, 1_700_000_005n, 1_700_000_003_000],
    ['both, the deadline being earlier: that', 10n, 1_700_000_005n, 1_700_000_005_000],
    ['a negative timeout: already past', -5n, 0n, NOW_MS - 5_000],
    ['a deadline long ago: that', 0n, 1n, 1_000],
  ])('ends a task that has %s', (_, timeoutS, taskDeadlineS, expectedMs) => {
    expect(deadlineMs(timeoutS, taskDeadlineS)).toBe(expectedMs);
  });

  it.each([
    [2n ** 63n - 1n, 0n],
    [-(2n ** 63n), 0n],
    [0n, 2n ** 63n - 1n],
    [2n ** 63n - 1n, 2n ** 63n - 1n],
  ])('stays within the range of a Date for timeout %d and deadline %d', (timeoutS, taskDeadlineS) => {
    expect(new Date(deadlineMs(timeoutS, taskDeadlineS)).getTime()).not.toBeNaN();
  });
});
