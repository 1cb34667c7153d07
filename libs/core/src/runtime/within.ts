import type { Clock } from './clock.js';

/** Waits for `work`, at most `timeoutMs`; `false` after the timeout. `work` continues then, and must not reject. */
export function within(clock: Clock, timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(() => resolve(false), timeoutMs);
    void work.then(() => {
      clock.clearTimer(timer);
      resolve(true);
    });
  });
}

/**
 * The result of `work`, or `undefined` after `timeoutMs`. `work` continues then, and its outcome is ignored.
 * @throws the rejection of `work` within the timeout
 */
export function resultWithin<T>(clock: Clock, timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => resolve(undefined), timeoutMs);
    work.then(
      (result) => {
        clock.clearTimer(timer);
        resolve(result);
      },
      (error: unknown) => {
        clock.clearTimer(timer);
        reject(error);
      },
    );
  });
}
