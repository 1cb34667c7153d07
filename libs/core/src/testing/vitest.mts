/** Entry `@nestjs-asynq/core/testing/vitest`: adds the matchers to `expect` of Vitest. For a setup file. */
import { expect } from 'vitest';
import { type AsynqMatchers, asynqMatchers } from './matchers.js';

expect.extend(asynqMatchers);

declare module 'vitest' {
  // oxlint-disable-next-line typescript/no-explicit-any, typescript/no-empty-object-type -- as Vitest declares it
  interface Matchers<T = any> extends AsynqMatchers<T> {}
}
