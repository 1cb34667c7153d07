import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Builds the Go program in a folder. `false`: Go is not on the PATH.
 * @throws {Error} it does not compile
 */
export function buildGoProgram(folder: string, binary: string): boolean {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return false;
  mkdirSync(dirname(binary), { recursive: true });
  execFileSync('go', ['build', '-o', binary, '.'], { cwd: folder, stdio: ['ignore', 2, 2] });
  return true;
}
