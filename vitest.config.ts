import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts'] } },
      { test: { name: 'contract', include: ['test/contract/**/*.spec.ts'], pool: 'forks' } },
    ],
  },
});
