/**
 * Calls a function of the user's that must not stop us. `report` hears what it throws, and what a promise that it returns
 * rejects with; nobody waits for that promise.
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
 * Whether a function that should have answered at once returned a promise instead. What that rejects with is dropped, or
 * it would end the process.
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

/** Unlike `Promise.resolve`, never throws: not for a `then` or a `constructor` that does. */
const settledOf = (value: object): Promise<unknown> => new Promise((resolve) => resolve(value));

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';
