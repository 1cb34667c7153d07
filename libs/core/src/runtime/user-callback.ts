/**
 * Calls a user's function whose failure must not affect the caller. Errors, and rejections of a returned promise, which
 * is not awaited, go to `report`.
 */
export function callGuarded(call: () => unknown, report: (error: unknown) => void): void {
  try {
    const returned = call();
    if (isObject(returned)) void settledOf(returned).then(undefined, report);
  } catch (error) {
    report(error);
  }
}

/**
 * Whether a function that must be synchronous returned a promise. Its rejection is dropped, because it would end the
 * process.
 */
export function dropPromise(answer: unknown): boolean {
  if (!isObject(answer)) return false;
  try {
    if (typeof (answer as { readonly then?: unknown }).then !== 'function') return false;
  } catch {
    return false;
  }
  void settledOf(answer).then(undefined, () => undefined);
  return true;
}

/** Unlike `Promise.resolve`, never throws, not even if `then` or `constructor` does. */
const settledOf = (value: object): Promise<unknown> => new Promise((resolve) => resolve(value));

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';
