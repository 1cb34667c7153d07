import { fileURLToPath } from 'node:url';
import { buildGoProgram } from '../../../support/go-program.js';
import { contenderOf } from './program.js';

const SOURCE = fileURLToPath(new URL('asynq', import.meta.url));
const BINARY = fileURLToPath(new URL('../../../../node_modules/.cache/nestjs-asynq/soak-asynq', import.meta.url));

export const asynq = contenderOf([BINARY], {
  name: 'asynq',
  about:
    'Go asynq 0.26.0, retries due at once. Its lease is always 30 s, and a task is taken for lost 30 s after its lease ended, by a check every 60 s',
  abandonedAfterMs: 125_000,
  prepare() {
    try {
      return buildGoProgram(SOURCE, BINARY) ? undefined : 'Go is not on the PATH';
    } catch {
      return 'its program cannot be built';
    }
  },
});
