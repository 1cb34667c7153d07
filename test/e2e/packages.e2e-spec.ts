import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const PACKAGES = ['apps/cli', 'libs/core', 'libs/nestjs', 'libs/dashboard'];

const OTHERS = ['rxjs@7', 'reflect-metadata@0.2', 'class-validator@0.15', 'class-transformer@0.5'];
const CONSUMERS = [
  ['main.ts', 'main.mts'],
  ['main.ts', 'main.cts'],
  ['namesakes.ts', 'namesakes.mts'],
  ['dashboard.ts', 'dashboard.mts'],
  ['dashboard.ts', 'dashboard.cts'],
] as const;

const COMPILER_OPTIONS = {
  module: 'nodenext',
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  strict: true,
  exactOptionalPropertyTypes: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  types: [],
  typeRoots: [join(ROOT, 'node_modules/@types')],
};

const nest = (major: number): string[] =>
  ['common', 'core', 'platform-express', 'platform-fastify'].map((name) => `@nestjs/${name}@${major}`);

const APPS = [
  { title: 'Nest 12 app', peers: [...nest(12), 'ioredis@6'] },
  { title: 'Nest 11 app', peers: [...nest(11), 'ioredis@5'] },
];

let scratch: string;
let tarballs: string[];
let cliTarball: string;
let coreFiles: readonly string[];
/** Folders of the apps. npm waits for its registry, so all of them are made at the same time. */
let apps: ReadonlyMap<string, Promise<string>>;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'nestjs-asynq-packages-'));
  const packed = await pack(PACKAGES);
  [cliTarball, ...tarballs] = packed.map(({ filename }) => join(scratch, filename)) as [string, ...string[]];
  coreFiles = packed[1]!.files.map(({ path }) => path);
  apps = new Map(APPS.map(({ title, peers }) => [title, makeApp(peers)]));
  await Promise.allSettled(apps.values());
}, 300_000);

afterAll(() => rm(scratch, { recursive: true, force: true }));

async function makeApp(peers: readonly string[]): Promise<string> {
  const app = await mkdtemp(join(scratch, 'app-'));
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await npm(['install', ...tarballs, ...peers, ...OTHERS], app);
  for (const [source, name] of CONSUMERS) {
    await copyFile(join(import.meta.dirname, 'consumer', source), join(app, name));
  }
  await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
  await execute(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', app]);
  return app;
}

describe.each(APPS)('the packed packages in an empty $title', ({ title }) => {
  let app: string;

  beforeAll(async () => {
    app = await apps.get(title)!;
  });

  it.each([
    ['imported', 'main.mjs'],
    ['required', 'main.cjs'],
  ])('run a handler when they are %s', async (_how, file) => {
    const { stdout } = await execute(process.execPath, [file], { cwd: app });

    expect(stdout).toBe('hello Ada, Ada on the wire\n');
  });

  it.each(['dashboard.mjs', 'dashboard.cjs'])('serve the dashboard under Express and Fastify (%s)', async (file) => {
    const { stdout } = await execute(process.execPath, [file], { cwd: app });

    expect(stdout).toBe('302 200 200 200 404 {"changed":true}\n'.repeat(2));
  });

  it('keep classes of one name in two modules apart, with their parameters, DTOs and enhancers', async () => {
    const { stdout } = await execute(process.execPath, ['namesakes.mjs'], { cwd: app });

    expect(stdout.trim().split('\n')).toEqual([
      'guard of members',
      'members add Ada in members:add',
      'guard of orders',
      'orders add 3 in orders:add',
      'pipe of members',
      'pipe of members',
      'interceptor of orders',
      'filter of orders: Error: no 3 of these',
      'archived orders:pipe: Error: no 3 of these',
      'members bare true',
      'orders bare true',
      'members scoped Ada in members:scoped',
      'orders scoped 3 in orders:scoped',
      'members sadd in members:sadd',
    ]);
  });
});

it('install next to the command line and the newest of everything', async () => {
  const app = await mkdtemp(join(scratch, 'newest-'));
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true }));
  const nest = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'rxjs', 'reflect-metadata'];
  const peers = ['ioredis', 'class-validator', 'class-transformer'];

  const { stdout } = await npm(['install', '--dry-run', ...tarballs, cliTarball, ...nest, ...peers], app);

  expect(stdout).toMatch(/added \d+ packages/);
}, 300_000);

it('do not contain the tools of our own suites', () => {
  const folders = new Set(coreFiles.map((path) => path.split('/').slice(0, -1).join('/')));
  expect([...folders]).toContain('dist/testing');
  expect([...folders].filter((folder) => /support|\bspec\b/.test(folder))).toEqual([]);
});

it('let npx run the command line', async () => {
  const folder = await mkdtemp(join(scratch, 'command-'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'operator', private: true }));
  await npm(['install', ...cliNeeds(tarballs), cliTarball], folder);

  const { stdout } = await execute('npx', ['--no-install', 'asynq', 'queue', '--help'], { cwd: folder });

  expect(stdout).toContain('asynq queue list');
}, 300_000);

/** Core and the dashboard, but no Nest. */
const cliNeeds = ([core, , dashboard]: readonly string[]): string[] => [core!, dashboard!];

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** What `npm publish` would send, in the order of the folders. */
async function pack(folders: readonly string[]): Promise<Packed[]> {
  const paths = folders.map((folder) => join(ROOT, folder));
  const { stdout } = await npm(['pack', ...paths, '--json', '--pack-destination', scratch], scratch);
  return JSON.parse(stdout) as Packed[];
}

/** npm as a user runs it: without what an outer `npm test` leaves in the environment. */
function npm(args: readonly string[], cwd: string): Promise<{ stdout: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  return execute('npm', [...args, '--no-audit', '--no-fund', '--prefer-offline'], { cwd, env });
}
