import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { contenderOf } from './program.js';

const FOLDER = fileURLToPath(new URL('bullmq', import.meta.url));

export const bullmq = contenderOf([process.execPath, `${FOLDER}/main.mjs`], {
  name: 'bullmq',
  about:
    'BullMQ 6.5.1, `lockDuration` and `stalledInterval` 3 s, `maxStalledCount` 25 and `attempts` 26, as often as the others retry. Each process has a worker per queue, which share its concurrency',
  abandonedAfterMs: 9_000,
  prepare() {
    const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
      cwd: FOLDER,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    return status === 0 ? undefined : 'its packages cannot be installed';
  },
});
