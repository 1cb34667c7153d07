import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const SOURCE = join(import.meta.dirname, '../interop/asynq-peer');
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/nestjs-asynq');

/** Builds the Go peer once per run, before the projects that talk to it; without Go their tests of it are skipped. */
export default function setup(): void {
  if (process.env['ASYNQ_PEER_BIN'] !== undefined) return;
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    console.warn('Go is not on the PATH: the tests with a live Go peer are skipped.');
    return;
  }
  mkdirSync(CACHE, { recursive: true });
  const binary = join(CACHE, 'asynq-peer');
  execFileSync('go', ['build', '-o', binary, '.'], { cwd: SOURCE, stdio: ['ignore', 'inherit', 'inherit'] });
  process.env['ASYNQ_PEER_BIN'] = binary;
}
