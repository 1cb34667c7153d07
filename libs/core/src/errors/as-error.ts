import { errorText } from './error-text.js';

/** The thrown value as an error: it may be a string, `undefined`, or an object that throws when it is accessed. */
export function asError(thrown: unknown): Error {
  return isInstance(thrown, Error) ? thrown : new Error(errorText(thrown));
}

/** A safe `instanceof` for thrown values: a proxy may throw. */
export function isInstance<Kind>(thrown: unknown, kind: abstract new (...args: never[]) => Kind): thrown is Kind {
  try {
    return thrown instanceof kind;
  } catch {
    return false;
  }
}
