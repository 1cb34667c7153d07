import { defineConfig } from 'vitest/config';

/**
 * Long runs under load, apart from the suites: `npm run soak`, or one section by the name of its file,
 * `npm run soak -- high-concurrency`. Sections run one after the other, each in a process of its own, on servers that it
 * starts. A section asserts what must hold and prints what it measured with `printFigures`.
 */
export default defineConfig({
  test: {
    name: 'soak',
    root: new URL('../../..', import.meta.url).pathname,
    dir: new URL('.', import.meta.url).pathname, // a filter is compared with the path from here
    include: ['*.soak.ts'],
    globalSetup: ['test/support/redis.global-setup.ts'],
    pool: 'forks',
    execArgv: ['--expose-gc'],
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
  },
});
