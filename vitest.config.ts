import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** A project whose tests start Redis servers; each file has a process of its own, so that nothing outlives it. */
function withRedis(name: string, groupOrder: number, include: readonly string[]): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      name,
      include: [...include],
      pool: 'forks',
      globalSetup: ['test/support/redis.global-setup.ts'],
      testTimeout: 30_000,
      hookTimeout: 30_000,
      sequence: { groupOrder },
    },
  };
}

/** Whole processes, Go's among them. One file at a time where timing is measured: none steals another's processor. */
function withProcesses(
  name: string,
  groupOrder: number,
  maxWorkers: number,
  include: readonly string[],
): TestProjectInlineConfiguration {
  const { test } = withRedis(name, groupOrder, include);
  const globalSetup = ['test/support/redis.global-setup.ts', 'test/support/go-peer.global-setup.ts'];
  return { extends: true, test: { ...test, globalSetup, maxWorkers, testTimeout: 120_000, hookTimeout: 120_000 } };
}

export default defineConfig({
  // Vite's compiler reads decorator options from the tsconfig that owns a file, which it does not find for the libs.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['{libs,apps}/*/src/**/*.spec.ts'], sequence: { groupOrder: 0 } },
      },
      withRedis('contract', 1, ['test/contract/**/*.spec.ts', 'test/heap/**/*.spec.ts', 'test/support/**/*.spec.ts']),
      withProcesses('interop', 2, 1, ['test/interop/**/*.spec.ts']),
      withProcesses('e2e', 3, 2, ['test/e2e/**/*.e2e-spec.ts']),
      withProcesses('recovery', 4, 1, ['test/recovery/**/*.spec.ts']),
    ],
  },
});
