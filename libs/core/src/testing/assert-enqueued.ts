import { AssertionError } from 'node:assert';
import { type EnqueuedSource, type ExpectedTask, matchEnqueued } from './enqueued-match.js';

/**
 * Checks that a task was enqueued, for test runners without matchers, such as `node --test`.
 * @throws {AssertionError} no such task was enqueued; its message shows as a table what was
 */
export function assertEnqueued(source: EnqueuedSource, type: string, expected?: ExpectedTask): void {
  const { pass, message } = matchEnqueued(source, type, expected);
  if (!pass) throw new AssertionError({ message: message(), stackStartFn: assertEnqueued });
}

/**
 * Checks that no such task was enqueued.
 * @throws {AssertionError} such a task was enqueued
 */
export function assertNotEnqueued(source: EnqueuedSource, type: string, expected?: ExpectedTask): void {
  const { pass, message } = matchEnqueued(source, type, expected);
  if (pass) throw new AssertionError({ message: message(), stackStartFn: assertNotEnqueued });
}
