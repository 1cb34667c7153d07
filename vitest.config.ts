import { availableParallelism } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { FileOrder } from './test/support/file-order.js';

type ProjectOptions = NonNullable<TestProjectInlineConfiguration['test']>;

/** Vitest leaves one core idle, which is half of a machine with two. */
const ALL_CORES = availableParallelism();

/** Files that work with servers and processes wait for them most of the time, so three of them share a core. */
const FILES_THAT_WAIT = 3 * ALL_CORES;

/** They run when all others have ended, side by side: they wait nearly all the time, and none steals another's processor. */
const MEASURE_TIME = ['recovery/fleet', 'recovery/redis-away', 'recovery/silent-master', 'interop/unknown-types'].map(
  (name) => `test/${name}.spec.ts`,
);

/** It computes as long as those wait: it runs beside them, in one thread, which leaves them a processor. */
const COMPUTES_MEANWHILE = ['test/heap/memory.spec.ts'];

/** All of the last group, at once. */
const LAST_FILES = MEASURE_TIME.length + COMPUTES_MEANWHILE.length;

const REDIS = ['test/support/redis.global-setup.ts'];
const PEERS = [...REDIS, 'test/support/go-peer.global-setup.ts'];
const CONTAINERS = [...PEERS, 'test/support/docker.global-setup.ts', 'test/support/prometheus.global-setup.ts'];

/**
 * Projects of one `groupOrder` run side by side, one group after the other. With `isolate: false` the files of a project
 * share processes, one file at a time in each: what they import is loaded once for all, and nothing may outlive a file.
 */
function project(name: string, groupOrder: number, options: ProjectOptions): TestProjectInlineConfiguration {
  return { extends: true, test: { name, sequence: { groupOrder }, ...options } };
}

/** A project whose tests start Redis servers. */
const withRedis = (name: string, options: ProjectOptions, groupOrder = 1): TestProjectInlineConfiguration =>
  project(name, groupOrder, {
    maxWorkers: FILES_THAT_WAIT,
    globalSetup: REDIS,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    ...options,
  });

/** A project of whole processes, Go's among them. */
const withProcesses = (name: string, options: ProjectOptions, groupOrder?: number): TestProjectInlineConfiguration =>
  withRedis(name, { globalSetup: PEERS, testTimeout: 120_000, hookTimeout: 120_000, ...options }, groupOrder);

export default defineConfig({
  // Vite's compiler reads decorator options from the tsconfig that owns a file, which it does not find for the libs.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    sequence: { sequencer: FileOrder },
    expect: { poll: { timeout: 20_000 } }, // what is polled comes soon, but a busy machine takes its time
    server: { deps: { external: [/\/(?:libs|apps)\/\w+\/dist\//] } }, // built packages, loaded by Node as for users
    projects: [
      project('unit', 0, {
        include: ['{libs,apps}/*/src/**/*.spec.ts', 'libs/dashboard/web/src/**/*.spec.ts', 'test/guide/*.spec.ts'],
        isolate: false,
        maxWorkers: ALL_CORES + 1, // a few wait
        setupFiles: ['test/support/memory.setup.ts'],
        testTimeout: 30_000,
      }),
      withRedis('contract', { include: ['test/{contract,cost,support}/**/*.spec.ts'], isolate: false }),
      withRedis('heap', { include: ['test/heap/**/*.spec.ts'], exclude: COMPUTES_MEANWHILE, testTimeout: 120_000 }),
      withProcesses('interop', { include: ['test/interop/**/*.spec.ts'], exclude: MEASURE_TIME, isolate: false }),
      withProcesses('e2e', {
        isolate: false,
        execArgv: ['--liftoff-only'], // as in MembersProcess
        include: ['test/e2e/**/*.e2e-spec.ts'],
        globalSetup: [...CONTAINERS, 'test/e2e/members-database.global-setup.ts'],
      }),
      withProcesses('browser', {
        isolate: false,
        include: ['test/dashboard/**/*.browser-spec.ts'],
        globalSetup: [...REDIS, 'test/support/chromium.global-setup.ts'],
      }),
      withProcesses('recovery', { include: ['test/recovery/**/*.spec.ts'], exclude: MEASURE_TIME, isolate: false }),
      withProcesses('timing', { include: MEASURE_TIME, maxWorkers: LAST_FILES }, 2),
      withRedis(
        'heap-of-core',
        { include: COMPUTES_MEANWHILE, maxWorkers: LAST_FILES, execArgv: ['--single-threaded'], testTimeout: 120_000 },
        2,
      ),
    ],
  },
});
