import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject } from 'vitest';
import { compile } from './compile.js';
import { consumer, THIS_NODE } from './consumer.js';
import { esbuild } from './esbuild.js';
import { nest11 } from './nest-11.js';
import { run } from './packed.js';
import { GREET_NODE_TEST, GREET_PROGRAM, GREET_SPEC, GREETINGS_PRINTED, matchersSpec } from './sources.js';
import { bundleWith } from './webpack.js';

/** An installation of Nest 11 with many tools: an app of CommonJS, as its CLI makes it. */
describe('an app of Nest 11', () => {
  const app = join(inject('scratch'), 'nest-11');
  const TOOLS = {
    '@nestjs/testing': '^11.0.1',
    '@rspack/core': '^2.0.0',
    '@swc/core': '^1.15.0',
    '@swc/jest': '^0.2.39',
    'jest-29': 'npm:jest@^29.7.0',
    'unplugin-swc': '^1.5.9',
    vitest: '^4.1.0',
    'vitest-3': 'npm:vitest@^3.2.4',
    webpack: '^5.102.0',
  };
  const nodes = inject('nodes');

  beforeAll(async () => {
    await mkdir(join(app, 'src'), { recursive: true });
    const { '@nestjs-asynq/cli': _, ...libraries } = inject('packages');
    await nest11(app, Object.values(libraries), TOOLS);
    await writeFile(join(app, 'src/greet.spec.ts'), GREET_SPEC);
    await writeFile(join(app, 'src/matchers.spec.ts'), matchersSpec('jest'));
    await writeFile(join(app, 'src/matchers.vitest.ts'), matchersSpec('vitest'));
    await compile(app, {
      'greet.cts': GREET_PROGRAM,
      'greet.mts': GREET_PROGRAM,
      'greet.test.cts': GREET_NODE_TEST,
      'greet.test.mts': GREET_NODE_TEST,
    });
  });

  const node = async (major: string, ...args: string[]) => run(nodes[major]!, args, { cwd: app });

  for (const major of ['20', '22', '24']) {
    consumer({ tool: 'Jest 30, ts-jest', form: 'CommonJS', nest: 11, node: major }, async () => {
      const { stderr } = await node(major, 'node_modules/jest/bin/jest.js');

      expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
    });

    consumer({ tool: '`require`', form: 'CommonJS', nest: 11, node: major }, async () => {
      expect((await node(major, 'greet.cjs')).stdout).toBe(GREETINGS_PRINTED);
    });

    consumer({ tool: '`import`', form: 'ES modules', nest: 11, node: major }, async () => {
      expect((await node(major, 'greet.mjs')).stdout).toBe(GREETINGS_PRINTED);
    });
  }

  consumer({ tool: 'Jest 29, ts-jest', form: 'CommonJS', nest: 11, node: THIS_NODE }, async () => {
    const { stderr } = await node(THIS_NODE, 'node_modules/jest-29/bin/jest.js', '--no-cache');

    expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
  });

  consumer({ tool: 'Jest 30, @swc/jest', form: 'CommonJS', nest: 11, node: THIS_NODE }, async () => {
    const jsc = {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
    };
    const swc = ['@swc/jest', { jsc, module: { type: 'commonjs' } }];
    const config = { rootDir: 'src', testRegex: '.*spec.ts$', transform: { '.*ts$': swc }, testEnvironment: 'node' };
    await writeFile(join(app, 'jest.swc.json'), JSON.stringify({ ...config, rootDir: join(app, 'src') }));

    const { stderr } = await node(THIS_NODE, 'node_modules/jest/bin/jest.js', '--config', 'jest.swc.json');

    expect(stderr).toMatch(/^Tests: +2 passed, 2 total$/m);
  });

  // An app has the matchers for one of its Vitests only: installers.consumer-spec.ts tries them with version 3.
  for (const [tool, folder, specs] of [
    ['Vitest 3, unplugin-swc', 'vitest-3', ['src/greet.spec.ts']],
    ['Vitest 4, unplugin-swc', 'vitest', ['src/greet.spec.ts', 'src/matchers.vitest.ts']],
  ] as const) {
    consumer({ tool, form: 'CommonJS', nest: 11, node: THIS_NODE }, async () => {
      const config = `import swc from 'unplugin-swc';
        export default {
          plugins: [swc.vite({ module: { type: 'es6' } })],
          test: { globals: true, include: ${JSON.stringify(specs)}, cache: false },
        };`;
      await writeFile(join(app, `${folder}.config.mts`), config);

      const main = `node_modules/${folder}/vitest.mjs`;
      const { stdout } = await node(THIS_NODE, main, 'run', '--config', `${folder}.config.mts`);

      expect(stdout).toMatch(new RegExp(`Tests +${specs.length} passed`));
    });
  }

  for (const [form, file] of [
    ['CommonJS', 'greet.test.cjs'],
    ['ES modules', 'greet.test.mjs'],
  ] as const) {
    consumer({ tool: '`node --test`', form, nest: 11, node: THIS_NODE }, async () => {
      const { stdout } = await node(THIS_NODE, '--test', '--test-reporter=tap', file);

      expect(stdout).toMatch(/^# pass 1$/m);
    });
  }

  for (const tool of ['webpack', '@rspack/core'] as const) {
    const row = {
      tool: tool === 'webpack' ? 'webpack 5' : 'rspack 2',
      form: 'CommonJS',
      nest: 11,
      node: THIS_NODE,
    } as const;
    consumer(row, async () => {
      const folder = await bundleWith(app, { tool, entries: { greet: './greet.cjs' } });

      expect((await node(THIS_NODE, join(folder, 'greet.js'))).stdout).toBe(GREETINGS_PRINTED);
    });
  }

  for (const format of ['cjs', 'esm'] as const) {
    for (const minify of [false, true]) {
      const form = format === 'cjs' ? 'CommonJS' : 'ES modules';
      const tool = `esbuild${minify ? ', minified' : ''}`;
      consumer({ tool, form, nest: 11, node: THIS_NODE }, async () => {
        const folder = await esbuild(app, {
          entries: { greet: `./greet.${format === 'cjs' ? 'cjs' : 'mjs'}` },
          format,
          minify,
        });

        const { stdout } = await node(THIS_NODE, join(folder, `greet.${format === 'cjs' ? 'cjs' : 'mjs'}`));

        expect(stdout).toBe(GREETINGS_PRINTED);
      });
    }
  }
});
