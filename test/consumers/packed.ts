import { execFile } from 'node:child_process';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(import.meta.dirname, '../..');

/** The published packages, by their folders in the repository. */
const FOLDERS = {
  '@nestjs-asynq/core': 'libs/core',
  'nestjs-asynq': 'libs/nestjs',
  '@nestjs-asynq/dashboard': 'libs/dashboard',
  '@nestjs-asynq/cli': 'apps/cli',
} as const;

export type PackageName = keyof typeof FOLDERS;

export const PACKAGE_NAMES = Object.keys(FOLDERS) as PackageName[];

/** A package as `npm publish` would send it. */
export interface PackedPackage {
  readonly name: PackageName;
  readonly tarball: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

export type PackedPackages = Readonly<Record<PackageName, PackedPackage>>;

const executeFile = promisify(execFile);

/**
 * Runs a command to its end; returns what it printed.
 * @throws {Error} it failed; the message contains what it printed
 */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<{ stdout: string; stderr: string }> {
  // As a user runs it: without what an outer `npm test` leaves in the environment.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_|^NODE_ENV$|^VITEST|^TEST$|^FORCE_COLOR$/.test(name),
  );
  try {
    const options = {
      cwd,
      env: { ...Object.fromEntries(inherited), CI: 'true', NO_COLOR: '1', ...env },
      maxBuffer: 64 * 1024 ** 2,
    };
    return await executeFile(command, args, options);
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${message}\n${stdout ?? ''}\n${stderr ?? ''}`, { cause: error });
  }
}

/** Asks the registry for what is needed only. */
export const NPM_SETTINGS = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_prefer_offline: 'true' };

export function npm(args: readonly string[], cwd: string): Promise<{ stdout: string; stderr: string }> {
  return run('npm', args, { cwd, env: NPM_SETTINGS });
}

/** Packs all packages into a folder. They must be built. */
export async function pack(into: string): Promise<PackedPackages> {
  const paths = PACKAGE_NAMES.map((name) => join(ROOT, FOLDERS[name]));
  const { stdout } = await npm(['pack', ...paths, '--json', '--pack-destination', into], into);
  const packed = JSON.parse(stdout) as readonly (Pick<PackedPackage, 'files'> & { name: string; filename: string })[];
  const found = packed.map(({ name, filename, files }) => [name, { name, tarball: join(into, filename), files }]);
  return Object.fromEntries(found) as PackedPackages;
}

/**
 * Puts packages into `node_modules` of an app as installed from their tarballs, and links everything that is installed in
 * this repository beside them, except what `without` names. That takes a moment, where an installer takes a minute.
 */
export async function unpack(app: string, packages: readonly PackedPackage[], without = /^$/): Promise<void> {
  const modules = join(app, 'node_modules');
  await mkdir(modules, { recursive: true });
  const ours = /^(?:nestjs-asynq|@nestjs-asynq)$/;
  // Those of an app come first: it may need other versions than the rest of the repository.
  for (const from of [join(ROOT, 'apps/cli/node_modules'), join(ROOT, 'node_modules')]) {
    for (const name of await readdir(from).catch(() => [])) {
      if (ours.test(name) || without.test(name)) continue;
      await symlink(join(from, name), join(modules, name)).catch(() => undefined); // it is there already
    }
  }
  for (const { name, tarball } of packages) {
    await mkdir(join(modules, name), { recursive: true });
    await run('tar', ['-xzf', tarball, '-C', join(modules, name), '--strip-components=1'], { cwd: app });
  }
}
