import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { findPrograms } from './programs.js';
import { ResultsFile, SPECS } from './results-file.js';

const programs = await findPrograms();

/**
 * The contract suites on each server that can be had here, over every kind of connection: `npm run test:servers`, or on
 * some servers with `-- --project 'Valkey*'`. The results go into `results.json`, and from there into `docs/servers.md`.
 */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    expect: { poll: { timeout: 20_000 } },
    reporters: ['default', new ResultsFile(programs)],
    projects: programs.map(({ name, env }, groupOrder) => ({
      extends: true,
      test: {
        name,
        env,
        include: [...SPECS],
        pool: 'forks',
        maxWorkers: availableParallelism(),
        testTimeout: 30_000,
        hookTimeout: 30_000,
        sequence: { groupOrder },
      },
    })),
  },
});
