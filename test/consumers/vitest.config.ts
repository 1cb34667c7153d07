import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { ResultsFile } from './results-file.js';

/**
 * The packed packages in the tools of their users: `npm run test:consumers`. Files run side by side, since installers wait
 * for their registry. The results go into `results.json`, and from there into `docs/guide/install.md`.
 */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    name: 'consumers',
    include: ['test/consumers/*.consumer-spec.ts'],
    globalSetup: ['test/support/redis.global-setup.ts', 'test/consumers/packed.global-setup.ts'],
    reporters: ['default', new ResultsFile()],
    maxWorkers: 4,
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
});
