/** A blocked event loop uses up one of them. */
const STEPS = 10;

/**
 * Calls `onEnd` when nobody has ended the patience for `forMs`; returns the function that ends it.
 *
 * For answers that come through the event loop. It counts steps, not time: while the loop is blocked no answer can be
 * read, so a timer that is due when the loop goes on says nothing about the other side. Real time, whichever clock
 * timestamps the tasks.
 */
export function startPatience(forMs: number, onEnd: () => void): () => void {
  let left = STEPS;
  const step = (): void => {
    left -= 1;
    if (left === 0) onEnd();
    else timer = setTimeout(step, forMs / STEPS);
  };
  let timer = setTimeout(step, forMs / STEPS);
  return () => clearTimeout(timer);
}
