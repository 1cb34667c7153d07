import { join } from 'node:path';
import { buildGoProgram } from './go-program.js';

const SOURCE = join(import.meta.dirname, '../interop/asynq-peer');
const BINARY = join(import.meta.dirname, '../../node_modules/.cache/nestjs-asynq/asynq-peer');

/** Builds the Go peer once per run, before the projects that talk to it; without Go their tests of it are skipped. */
export default function setup(): void {
  if (process.env['ASYNQ_PEER_BIN'] !== undefined) return;
  if (buildGoProgram(SOURCE, BINARY)) process.env['ASYNQ_PEER_BIN'] = BINARY;
  else console.warn('Go is not on the PATH: the tests with a live Go peer are skipped.');
}
