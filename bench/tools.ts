import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buildGoProgram } from '../test/support/go-program.js';
import { findPostgres } from '../test/support/postgres-programs.js';
import { installLauncher } from '../test/support/redis-launcher.js';

/** External programs and packages of the benchmark. */
export interface Tools {
  /** Of the repository. */
  readonly root: string;
  /** Folder of the programs whose packages the project itself does not need. */
  readonly external: string;
  /** Undefined without Go. */
  readonly asynq: { readonly binary: string; readonly version: string } | undefined;
  /** Folder of PostgreSQL's programs; `undefined` if not installed. */
  readonly postgres: string | undefined;
}

/** Installs and builds what is missing or out of date. */
export function prepareTools(root: string): Tools {
  installLauncher();
  const external = join(root, 'bench/external');
  if (!isInstalled(external)) {
    console.error('Installing the other queues and the chart library: npm ci in bench/external.');
    execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: external, stdio: ['ignore', 2, 2] });
  }
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', external], {
    stdio: ['ignore', 2, 2],
  });
  return { root, external, asynq: buildAsynq(join(external, 'asynq')), postgres: findPostgres() };
}

/** npm writes the inner lock file when it has installed everything. */
function isInstalled(external: string): boolean {
  const installed = join(external, 'node_modules/.package-lock.json');
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(external, 'package-lock.json')).mtimeMs;
}

function buildAsynq(folder: string): Tools['asynq'] {
  const binary = join(folder, 'dist/asynq');
  if (!buildGoProgram(folder, binary)) {
    console.error('Go is not on the PATH: asynq is skipped.');
    return undefined;
  }
  const module = readFileSync(join(folder, 'go.mod'), 'utf8');
  return { binary, version: /hibiken\/asynq v(\S+)/.exec(module)![1]! };
}
