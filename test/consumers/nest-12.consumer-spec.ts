import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis } from '../support/redis-server.js';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { compile } from './compile.js';
import { consumer, THIS_NODE } from './consumer.js';
import { esbuild } from './esbuild.js';
import { npm, run } from './packed.js';
import { appSource, GREET_NODE_TEST, GREET_PROGRAM, GREET_SPEC, GREETINGS_PRINTED } from './sources.js';
import { bundleWith } from './webpack.js';

const COMPILER_OPTIONS = {
  module: 'nodenext',
  isolatedModules: true,
  target: 'ES2023',
  emitDecoratorMetadata: true,
  experimentalDecorators: true,
};

/** An installation of Nest 12 with many tools: an app of ES modules, as its CLI makes it. */
describe('an app of Nest 12', () => {
  const app = join(inject('scratch'), 'nest-12');
  const nodes = inject('nodes');

  beforeAll(async () => {
    await mkdir(join(app, 'src'), { recursive: true });
    const { '@nestjs-asynq/cli': _, ...libraries } = inject('packages');
    const ours = Object.fromEntries(Object.values(libraries).map(({ name, tarball }) => [name, `file:${tarball}`]));
    const manifest = {
      name: 'app',
      private: true,
      type: 'module',
      dependencies: {
        ...ours,
        '@nestjs/common': '^12.0.1',
        '@nestjs/core': '^12.0.1',
        '@nestjs/platform-express': '^12.0.1',
        '@nestjs/testing': '^12.0.1',
        '@rspack/core': '^2.0.0',
        'class-transformer': '^0.5.1',
        'class-validator': '^0.15.1',
        ioredis: '^6.0.0',
        jest: '^30.0.0',
        'reflect-metadata': '^0.2.2',
        rxjs: '^7.8.1',
        'ts-jest': '^29.4.0',
        typescript: '^6.0.2',
        'unplugin-swc': '^1.5.9',
        '@swc/core': '^1.15.0',
        vitest: '^4.1.2',
        'vitest-3': 'npm:vitest@^3.2.4',
        webpack: '^5.102.0',
      },
    };
    await writeFile(join(app, 'package.json'), JSON.stringify(manifest));
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
    await npm(['install', '--ignore-scripts', '--legacy-peer-deps'], app);
    await writeFile(join(app, 'src/greet.spec.ts'), GREET_SPEC);
    await compile(app, {
      'greet.cts': GREET_PROGRAM,
      'greet.mts': GREET_PROGRAM,
      'greet.test.mts': GREET_NODE_TEST,
      'worker.cts': appSource('worker.ts'),
      'worker.mts': appSource('worker.ts'),
    });
  });

  const node = async (major: string, ...args: string[]) => run(nodes[major]!, args, { cwd: app });

  for (const major of ['20', '22', '24']) {
    consumer({ tool: '`require`', form: 'CommonJS', nest: 12, node: major }, async () => {
      expect((await node(major, 'greet.cjs')).stdout).toBe(GREETINGS_PRINTED);
    });

    consumer({ tool: '`import`', form: 'ES modules', nest: 12, node: major }, async () => {
      expect((await node(major, 'greet.mjs')).stdout).toBe(GREETINGS_PRINTED);
    });
  }

  consumer({ tool: '`node --test`', form: 'ES modules', nest: 12, node: THIS_NODE }, async () => {
    const { stdout } = await node(THIS_NODE, '--test', '--test-reporter=tap', 'greet.test.mjs');

    expect(stdout).toMatch(/^# pass 1$/m);
  });

  consumer({ tool: 'Jest 30, ts-jest', form: 'CommonJS', nest: 12, node: '24' }, async () => {
    const folder = join(app, 'commonjs');
    await mkdir(folder, { recursive: true });
    const transform = { '^.+\\.ts$': 'ts-jest' };
    const config = { testRegex: 'spec.ts$', transform, testEnvironment: 'node' };
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, jest: config }));
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
    await writeFile(join(folder, 'greet.spec.ts'), GREET_SPEC);

    const jest = join(app, 'node_modules/jest/bin/jest.js');
    const { stderr } = await run(nodes['24']!, ['--experimental-vm-modules', jest], { cwd: folder });

    expect(stderr).toMatch(/^Tests: +1 passed, 1 total$/m);
  });

  for (const [tool, folder, swc] of [
    ['Vitest 3, unplugin-swc', 'vitest-3', `swc.vite({ module: { type: 'es6' } })`],
    ['Vitest 4', 'vitest', ''],
  ] as const) {
    consumer({ tool, form: 'ES modules', nest: 12, node: THIS_NODE }, async () => {
      const config = `import swc from 'unplugin-swc';
        export default {
          plugins: [${swc}],
          oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
          test: { globals: true, include: ['src/*.spec.ts'], cache: false },
        };`;
      await writeFile(join(app, `${folder}.config.mts`), config);

      const main = `node_modules/${folder}/vitest.mjs`;
      const { stdout } = await node(THIS_NODE, main, 'run', '--config', `${folder}.config.mts`);

      expect(stdout).toMatch(/Tests +1 passed \(1\)/);
    });
  }

  for (const tool of ['webpack', '@rspack/core'] as const) {
    const name = tool === 'webpack' ? 'webpack 5' : 'rspack 2';
    consumer({ tool: name, form: 'ES modules', nest: 12, node: THIS_NODE }, async () => {
      const folder = await bundleWith(app, { tool, entries: { greet: './greet.mjs' } });

      expect((await node(THIS_NODE, join(folder, 'greet.js'))).stdout).toBe(GREETINGS_PRINTED);
    });
  }

  for (const format of ['cjs', 'esm'] as const) {
    for (const minify of [false, true]) {
      const [form, source] = format === 'cjs' ? (['CommonJS', 'cjs'] as const) : (['ES modules', 'mjs'] as const);
      consumer({ tool: `esbuild${minify ? ', minified' : ''}`, form, nest: 12, node: THIS_NODE }, async () => {
        const folder = await esbuild(app, { entries: { greet: `./greet.${source}` }, format, minify });

        expect((await node(THIS_NODE, join(folder, `greet.${source}`))).stdout).toBe(GREETINGS_PRINTED);
      });
    }
  }

  describe('a bundled worker on Redis', () => {
    async function work(file: string, threads: number): Promise<string> {
      await using redis = await startRedis();
      const env = { REDIS_URL: redis.url, THREADS: String(threads) };
      return (await run(process.execPath, [file], { cwd: app, env })).stdout;
    }

    const INLINE =
      /^INFO the heartbeat runs in the main thread: heartbeat-worker\.js is not beside this code\..*\n0 threads\n$/;

    it.concurrent.each(['cjs', 'esm'] as const)(
      'beats in the main thread, and says so in one line (%s)',
      async (format) => {
        const extension = format === 'cjs' ? 'cjs' : 'mjs';
        const folder = await esbuild(app, { entries: { worker: `./worker.${extension}` }, format, minify: true });

        expect(await work(join(folder, `worker.${extension}`), 0)).toMatch(INLINE);
      },
    );

    it.concurrent('has its thread when that is bundled beside it by esbuild', async () => {
      const entries = { worker: './worker.cjs', 'heartbeat-worker': 'nestjs-asynq/heartbeat-worker' };
      const folder = await esbuild(app, { entries, format: 'cjs', minify: true });

      expect(await work(join(folder, 'worker.cjs'), 1)).toBe('1 threads\n');
    });

    it.concurrent.each(['webpack', '@rspack/core'] as const)(
      'has its thread when that is bundled beside it by %s',
      async (tool) => {
        const entries = { worker: './worker.mjs', 'heartbeat-worker': 'nestjs-asynq/heartbeat-worker' };
        const folder = await bundleWith(app, { tool, entries });

        expect(await work(join(folder, 'worker.js'), 1)).toBe('1 threads\n');
      },
    );
  });
});
