import { type Clock, sleep } from './clock.js';

/** Waits for `work`, at most `timeoutMs`; `false` when time ran out first. `work` goes on then, and must not reject. */
export async function within(clock: Clock, timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  const isDone = new AbortController();
  void work.then(() => isDone.abort());
  await sleep(clock, timeoutMs, isDone.signal);
  return isDone.signal.aborted;
}
