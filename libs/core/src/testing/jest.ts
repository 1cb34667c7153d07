/** Entry `@nestjs-asynq/core/testing/jest`: adds the matchers to the global `expect` of Jest. For `setupFilesAfterEnv`. */
import { type AsynqMatchers, asynqMatchers } from './matchers.js';

interface Expect {
  extend(matchers: typeof asynqMatchers): void;
}

const { expect } = globalThis as { expect?: Expect };
if (!expect)
  throw new Error('no global "expect": import this in setupFilesAfterEnv, or call expect.extend(asynqMatchers)');
expect.extend(asynqMatchers);

declare global {
  // oxlint-disable-next-line typescript/no-namespace -- as Jest declares it
  namespace jest {
    // oxlint-disable-next-line typescript/no-empty-object-type, no-unused-vars -- as Jest declares it
    interface Matchers<R, T = {}> extends AsynqMatchers<R> {}
  }
}
