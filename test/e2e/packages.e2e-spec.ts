import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../consumers/compile.js';
import { esbuild } from '../consumers/esbuild.js';
import { nest11 } from '../consumers/nest-11.js';
import { pack, PACKAGE_NAMES, type PackedPackages, run, unpack } from '../consumers/packed.js';
import { appSource, GREET_PROGRAM, GREET_SPEC, GREETINGS_PRINTED, matchersSpec } from '../consumers/sources.js';

/** The essential consumers of the packages; `npm run test:consumers` tries many more. */

const SOURCES = {
  'main.mts': appSource('main.ts'),
  'main.cts': appSource('main.ts'),
  'namesakes.mts': appSource('namesakes.ts'),
  'dashboard.mts': appSource('dashboard.ts'),
  'dashboard.cts': appSource('dashboard.ts'),
  'greet.cts': GREET_PROGRAM,
};

/** Loggers of Nest apps, in the versions for Nest 11. */
const LOGGERS = {
  'nestjs-pino': '^4.6.1',
  'nest-winston': '^2.0.0',
  pino: '^10.0.0',
  'pino-http': '^11.0.0',
  winston: '^3.0.0',
};

/** Optional peers that no app here uses; the types of the packages must do without them. */
const UNUSED = /^(?:@opentelemetry|prom-client|vitest)$/;

let scratch: string;
let packages: PackedPackages;
/** Apps by their Nest; both are made at the same time, because npm waits for its registry. */
let apps: Readonly<Record<'Nest 12' | 'Nest 11', Promise<string>>>;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'nestjs-asynq-packages-'));
  packages = await pack(scratch);
  const compiled = compileApps();
  apps = { 'Nest 12': compiled, 'Nest 11': installNest11(compiled) };
  await Promise.allSettled(Object.values(apps));
}, 300_000);

afterAll(() => rm(scratch, { recursive: true, force: true }));

/** An app of Nest 12 without an installation, in which all apps are compiled against the types of the packed packages. */
async function compileApps(): Promise<string> {
  const app = join(scratch, 'nest-12');
  const { '@nestjs-asynq/cli': _, ...libraries } = packages;
  await unpack(app, Object.values(libraries), UNUSED);
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await compile(app, SOURCES);
  await writeFile(join(app, 'logs.mjs'), appSource('logs.mjs'));
  return app;
}

/** A real installation, as of an app made by the CLI of Nest 11, with the same compiled files. */
async function installNest11(compiled: Promise<string>): Promise<string> {
  const app = join(scratch, 'nest-11');
  await mkdir(join(app, 'src'), { recursive: true });
  const { '@nestjs-asynq/cli': _, ...libraries } = packages;
  await nest11(app, Object.values(libraries), LOGGERS);
  await writeFile(join(app, 'src/greet.spec.ts'), GREET_SPEC);
  await writeFile(join(app, 'src/matchers.spec.ts'), matchersSpec('jest'));
  await writeFile(join(app, 'logs.mjs'), appSource('logs.mjs'));
  const from = await compiled;
  for (const name of Object.keys(SOURCES)) {
    const file = name.replace('ts', 'js');
    await copyFile(join(from, file), join(app, file));
  }
  return app;
}

describe.each(['Nest 12', 'Nest 11'] as const)('the packed packages in an empty %s app', (nest) => {
  let app: string;

  beforeAll(async () => {
    app = await apps[nest];
  });

  it.concurrent.each([
    ['imported', 'main.mjs'],
    ['required', 'main.cjs'],
  ])('run a handler when they are %s', async (_how, file) => {
    const { stdout, stderr } = await run(process.execPath, [file], { cwd: app });

    expect(stdout).toBe('hello Ada, Ada on the wire\n');
    expect(stderr).toBe('');
  });

  it.concurrent.each(['dashboard.mjs', 'dashboard.cjs'])(
    'serve the dashboard under Express and Fastify (%s)',
    async (file) => {
      const { stdout } = await run(process.execPath, [file], { cwd: app });

      expect(stdout).toBe('302 200 200 200 404 {"changed":true,"unknown":true}\n'.repeat(2));
    },
  );

  it.concurrent(
    'keep classes of one name in two modules apart, with their parameters, DTOs and enhancers',
    async () => {
      const { stdout } = await run(process.execPath, ['namesakes.mjs'], { cwd: app });

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
    },
  );

  it.concurrent('write fields, error and stack of a failed task to each logger in its own way', async () => {
    const { stdout } = await run(process.execPath, ['logs.mjs'], { cwd: app });

    const { pino, winston, json, text } = JSON.parse(stdout) as LogLines;
    const stack = expect.stringMatching(/^Error: boom\n {4}at /) as string;
    const fields = {
      queue: 'default',
      type: 'mail:fail',
      taskId: 'x',
      attempt: 1,
      maxRetry: 0,
      durationMs: expect.any(Number) as number,
      outcome: 'archived',
    };
    const message = 'task archived: boom';
    const context = 'AsynqServer';
    const error = { message: 'boom', code: 'E_MAIL', stack };
    expect(pino).toMatchObject({ ...fields, level: 50, context, msg: message, err: error });
    expect(winston).toMatchObject({ ...fields, level: 'error', context, message, error, stack: [stack] });
    expect(json).toMatchObject(
      nest === 'Nest 11'
        ? { level: 'error', context, stack, message: { ...fields, message, error } }
        : { level: 'error', context, message, params: fields, error },
    );
    expect(text).toMatch(
      /ERROR \[AsynqServer\] task archived: boom \{ queue: 'default', .*outcome: 'archived' \}\nError: boom\n {4}at /,
    );
    expect(stdout).not.toContain('hunter2');
  });

  it.concurrent('have one state, whether they are imported or required', async () => {
    const entries = ['@nestjs-asynq/core', 'nestjs-asynq', 'nestjs-asynq/core', '@nestjs-asynq/dashboard'];
    const code = `
      const { createRequire } = await import('node:module');
      for (const entry of ${JSON.stringify(entries)}) {
        const { default: whole, ...imported } = await import(entry);
        const required = createRequire(process.cwd() + '/app.js')(entry);
        const names = Object.keys(required);
        console.log(entry, names.length > 1, names.filter((name) => imported[name] !== required[name]).join());
      }`;

    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: app });

    expect(stdout).toBe(entries.map((entry) => `${entry} true \n`).join(''));
  });

  it.concurrent.each(['esm', 'cjs'] as const)('run a handler in a minified bundle of esbuild (%s)', async (format) => {
    const folder = await esbuild(app, { entries: { greet: './greet.cjs' }, format, minify: true });
    const file = join(folder, format === 'esm' ? 'greet.mjs' : 'greet.cjs');

    const { stdout } = await run(process.execPath, [file], { cwd: app });

    expect(stdout).toBe(GREETINGS_PRINTED);
  });
});

it.each(['class-transformer', 'class-validator'])(
  'warn at boot when %s alone is missing, and of payloads whose type cannot be seen',
  async (missing) => {
    const app = join(scratch, `without-${missing}`);
    await unpack(app, [packages['@nestjs-asynq/core'], packages['nestjs-asynq']], new RegExp(`^${missing}$`));
    await writeFile(join(app, 'boot.mjs'), appSource('boot.mjs'));

    const { stdout } = await run(process.execPath, ['boot.mjs'], { cwd: app });

    expect(JSON.parse(stdout)).toEqual([
      `payload classes are not validated: ${missing} cannot be found`,
      expect.stringContaining('payloads are not validated in Tasks.greet: the compiler emits no decorator metadata'),
    ]);
  },
);

/** What each logger has written about one task. */
interface LogLines {
  readonly pino: Record<string, unknown>;
  readonly winston: Record<string, unknown>;
  readonly json: Record<string, unknown>;
  readonly text: string;
}

it('run a handler and the matchers in Jest, as the CLI of Nest 11 sets it up', async () => {
  const app = await apps['Nest 11'];

  const { stderr } = await run('npm', ['test'], { cwd: app });

  expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
  await run('npx', ['--no-install', 'tsc', '--noEmit'], { cwd: app });
});

it('ship what their entries lead to, with types, and no source maps or tools of our own suites', () => {
  for (const name of PACKAGE_NAMES) {
    const files = packages[name].files.map(({ path }) => path);

    expect(files.filter((path) => /\.map$|(?:^|\/)(?:test-support|src)\/|\.spec\.|tsbuildinfo/.test(path))).toEqual([]);
    expect(files).toContain('README.md');
  }
});

it('let the command line run without Nest', async () => {
  const folder = join(scratch, 'command');
  const { 'nestjs-asynq': _, ...others } = packages;
  await unpack(folder, Object.values(others), /^@nestjs$/);

  const { stdout } = await run(process.execPath, ['node_modules/@nestjs-asynq/cli/dist/main.js', 'queue', '--help'], {
    cwd: folder,
  });

  expect(stdout).toContain('asynq queue list');
});
