import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { compile } from './compile.js';
import { consumer, THIS_NODE } from './consumer.js';
import { npm, run, unpack } from './packed.js';
import { GREET_PROGRAM, GREETINGS_PRINTED, matchersSpec } from './sources.js';

/** Installers that let a package see only what it names. */
describe('an app that is installed by', () => {
  const scratch = inject('scratch');
  const packages = inject('packages');
  const nodes = inject('nodes');
  const compiled = join(scratch, 'compiled');
  const tools = join(scratch, 'installers');
  const tarballs = Object.values(packages);

  const manifest = (nest: 11 | 12) => ({
    name: 'app',
    private: true,
    dependencies: {
      'nestjs-asynq': `file:${packages['nestjs-asynq'].tarball}`,
      ...Object.fromEntries(['common', 'core', 'testing'].map((name) => [`@nestjs/${name}`, `^${nest}.0.1`])),
      'class-transformer': '^0.5.1',
      'class-validator': '^0.14.0',
      ioredis: '^5.4.0',
      'reflect-metadata': '^0.2.2',
      rxjs: '^7.8.1',
    },
  });

  /** Yarn does not read the configuration of npm. */
  let registry: NodeJS.ProcessEnv;

  /** The dependency of our packages on each other, which no registry has yet. */
  const ours = Object.fromEntries(tarballs.map(({ name, tarball }) => [name, `file:${tarball}`]));

  async function makeApp(name: string, content: object): Promise<string> {
    const app = join(scratch, name);
    await mkdir(app, { recursive: true });
    await writeFile(join(app, 'package.json'), JSON.stringify(content));
    for (const extension of ['cjs', 'mjs']) {
      await run('cp', [join(compiled, `greet.${extension}`), app], { cwd: scratch });
    }
    return app;
  }

  beforeAll(async () => {
    await mkdir(tools, { recursive: true });
    await unpack(compiled, tarballs);
    await writeFile(join(tools, 'package.json'), '{ "private": true }');
    const { stdout: url } = await run('npm', ['config', 'get', 'registry'], { cwd: tools });
    registry = { YARN_NPM_REGISTRY_SERVER: url.trim(), YARN_UNSAFE_HTTP_WHITELIST: new URL(url).hostname };
    await Promise.all([
      compile(compiled, { 'greet.cts': GREET_PROGRAM, 'greet.mts': GREET_PROGRAM }),
      npm(['install', 'pnpm@10', '@yarnpkg/cli-dist@4'], tools),
    ]);
  });

  for (const nest of [11, 12] as const) {
    consumer({ tool: 'pnpm 10, strict', form: 'CommonJS', nest, node: THIS_NODE }, async () => {
      const app = await makeApp(`pnpm-${nest}`, {
        ...manifest(nest),
        devDependencies: { vitest: nest === 11 ? '^3.2.4' : '^4.1.2' },
        pnpm: { overrides: ours },
      });
      const pnpm = join(tools, 'node_modules/pnpm/bin/pnpm.cjs');
      await run(process.execPath, [pnpm, 'install', '--no-frozen-lockfile', '--config.hoist=false'], { cwd: app });

      for (const file of ['greet.cjs', 'greet.mjs']) {
        expect((await run(process.execPath, [file], { cwd: app })).stdout).toBe(GREETINGS_PRINTED);
      }
      await writeFile(join(app, 'matchers.spec.mjs'), matchersSpec('vitest'));
      const { stdout } = await run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run'], { cwd: app });
      expect(stdout).toMatch(/Tests +1 passed/);
    });

    // Yarn's loader does not see what Node 20 requires from ES modules, as which Nest 12 comes.
    const node = nest === 11 ? THIS_NODE : '22';
    consumer({ tool: 'Yarn 4, Plug’n’Play', form: 'CommonJS', nest, node }, async () => {
      const app = await makeApp(`yarn-${nest}`, { ...manifest(nest), resolutions: ours });
      const yarn = join(tools, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js');
      await writeFile(join(app, '.yarnrc.yml'), 'enableTelemetry: false\nenableGlobalCache: true\nnodeLinker: pnp\n');
      await writeFile(join(app, 'yarn.lock'), '');
      const program = nodes[node]!;
      await run(program, [yarn, 'install'], {
        cwd: app,
        env: { ...registry, YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' },
      });

      for (const file of ['greet.cjs', 'greet.mjs']) {
        expect((await run(program, [yarn, 'node', file], { cwd: app })).stdout).toBe(GREETINGS_PRINTED);
      }
    });
  }

  it.concurrent('npm, beside the newest of everything', async () => {
    const app = join(scratch, 'newest');
    await mkdir(app, { recursive: true });
    await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true }));
    const nest = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express', 'rxjs', 'reflect-metadata'];
    const peers = ['ioredis', 'class-validator', 'class-transformer'];

    const { stdout } = await npm(
      ['install', '--dry-run', ...tarballs.map(({ tarball }) => tarball), ...nest, ...peers],
      app,
    );

    expect(stdout).toMatch(/added \d+ packages/);
  });

  it.concurrent('npm, to run the command line with npx and without Nest', async () => {
    const folder = join(scratch, 'command');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'operator', private: true }));
    const { 'nestjs-asynq': _, ...others } = packages;
    await npm(['install', ...Object.values(others).map(({ tarball }) => tarball)], folder);

    const { stdout } = await run('npx', ['--no-install', 'asynq', 'queue', '--help'], { cwd: folder });

    expect(stdout).toContain('asynq queue list');
  });
});
