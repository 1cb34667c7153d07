import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const PACKAGES = ['libs/core', 'libs/nestjs'];

const OTHERS = ['rxjs@7', 'reflect-metadata@0.2', 'class-validator@0.15', 'class-transformer@0.5'];
const CONSUMERS = [
  ['main.ts', 'main.mts'],
  ['main.ts', 'main.cts'],
  ['namesakes.ts', 'namesakes.mts'],
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

let scratch: string;
let tarballs: string[];

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'nestjs-asynq-packages-'));
  tarballs = await Promise.all(PACKAGES.map(pack));
});

afterAll(() => rm(scratch, { recursive: true, force: true }));

describe.each([
  { title: 'Nest 12 app', peers: ['@nestjs/common@12', '@nestjs/core@12', 'ioredis@6'] },
  { title: 'Nest 11 app', peers: ['@nestjs/common@11', '@nestjs/core@11', 'ioredis@5'] },
])('the packed packages in an empty $title', ({ peers }) => {
  let app: string;

  beforeAll(async () => {
    app = await mkdtemp(join(scratch, 'app-'));
    await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
    await npm(['install', ...tarballs, ...peers, ...OTHERS], app);
    for (const [source, name] of CONSUMERS) {
      await copyFile(join(import.meta.dirname, 'consumer', source), join(app, name));
    }
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
    await execute(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', app]);
  }, 300_000);

  it.each([
    ['imported', 'main.mjs'],
    ['required', 'main.cjs'],
  ])('run a handler when they are %s', async (_how, file) => {
    const { stdout } = await execute(process.execPath, [file], { cwd: app });

    expect(stdout).toBe('hello Ada, Ada on the wire\n');
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

it('install beside the command line and the newest of everything', async () => {
  const app = await mkdtemp(join(scratch, 'newest-'));
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true }));
  const nest = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'rxjs', 'reflect-metadata'];
  const peers = ['ioredis', 'class-validator', 'class-transformer'];

  const { stdout } = await npm(['install', '--dry-run', ...tarballs, await pack('apps/cli'), ...nest, ...peers], app);

  expect(stdout).toMatch(/added \d+ packages/);
}, 300_000);

it('let npx run the command line', async () => {
  const folder = await mkdtemp(join(scratch, 'command-'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'operator', private: true }));
  const [core] = tarballs;
  await npm(['install', core!, await pack('apps/cli')], folder);

  const { stdout } = await execute('npx', ['--no-install', 'asynq', 'queue', '--help'], { cwd: folder });

  expect(stdout).toContain('asynq queue list');
}, 300_000);

/** What `npm publish` would send; returns the file. */
async function pack(folder: string): Promise<string> {
  const { stdout } = await npm(['pack', '--json', '--pack-destination', scratch], join(ROOT, folder));
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  return join(scratch, filename);
}

/** npm as a user runs it: without what an outer `npm test` leaves in the environment. */
function npm(args: readonly string[], cwd: string): Promise<{ stdout: string }> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  return execute('npm', [...args, '--no-audit', '--no-fund', '--prefer-offline'], { cwd, env });
}
