import { errorText } from './error-text.js';

/** What was thrown, as an error: some throw texts, nothing at all, or what throws when it is looked at. */
export function asError(thrown: unknown): Error {
  return isInstance(thrown, Error) ? thrown : new Error(errorText(thrown));
}

/** `instanceof` for what users throw: a proxy may throw at the question. */
export function isInstance<Kind>(thrown: unknown, kind: abstract new (...args: never[]) => Kind): thrown is Kind {
  try {
    return thrown instanceof kind;
  } catch {
    return false;
  }
}
