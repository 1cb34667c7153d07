import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('aggregates 1,000 sets of 100 tasks of 2 kB into one task each, in a heap of 56 MB', async () => {
  const script = new URL('many-sets.mjs', import.meta.url).pathname;

  const { stdout } = await promisify(execFile)(process.execPath, ['--max-old-space-size=56', script]);

  expect(stdout).toBe('1000 sets\n');
});
