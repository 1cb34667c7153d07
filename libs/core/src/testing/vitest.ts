/** Entry `@nestjs-asynq/core/testing/vitest`: adds the matchers to `expect` of Vitest. For a setup file. */
import type { ExpectStatic } from 'vitest';
import { type AsynqMatchers, asynqMatchers } from './matchers.js';

/** Where Vitest keeps its `expect` for all modules: it cannot be required, as this module would do. */
const GLOBAL_EXPECT = Symbol.for('expect-global');

const expect = (globalThis as unknown as Record<symbol, ExpectStatic | undefined>)[GLOBAL_EXPECT];
if (!expect) throw new Error('the matchers of testing/vitest were imported outside of Vitest');
expect.extend(asynqMatchers);

declare module 'vitest' {
  // oxlint-disable-next-line typescript/no-explicit-any, typescript/no-empty-object-type -- as Vitest declares it
  interface Matchers<T = any> extends AsynqMatchers<T> {}
}
