import { type EnqueuedMatch, type EnqueuedSource, type ExpectedTask, matchEnqueued } from './enqueued-match.js';

/** The matchers that {@link asynqMatchers} adds to `expect`. */
export interface AsynqMatchers<Result = unknown> {
  /** `expect(queues).toHaveEnqueued('email:welcome', { payload: { to: 'ada' }, queue: 'critical', processIn: '10s' })` */
  toHaveEnqueued(type: string, expected?: ExpectedTask): Result;
}

/**
 * For `expect.extend(asynqMatchers)`, in Vitest and Jest. Importing `@nestjs-asynq/core/testing/vitest` or
 * `…/testing/jest` in a setup file does this, and declares the types.
 */
export const asynqMatchers = {
  toHaveEnqueued(received: unknown, type: string, expected?: ExpectedTask): EnqueuedMatch {
    return matchEnqueued(received as EnqueuedSource, type, expected);
  },
};
