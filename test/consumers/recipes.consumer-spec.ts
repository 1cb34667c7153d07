import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { nest11 } from './nest-11.js';
import { ROOT, run } from './packed.js';
import { MIKRO_ORM_PROGRAM, SENTRY_PROGRAM, TYPEORM_ENTITY, TYPEORM_PROGRAM } from './recipe-programs.js';

/** Recipes of the guide with the libraries that they are about, in an app of Nest 11. */
describe('the recipe for', () => {
  const app = join(inject('scratch'), 'recipes');
  const nodes = inject('nodes');
  const LIBRARIES = {
    '@mikro-orm/core': '^7.0.0',
    '@mikro-orm/libsql': '^7.0.0',
    '@mikro-orm/nestjs': '^7.0.0',
    '@nestjs/typeorm': '^11.0.0',
    '@sentry/nestjs': '^10.0.0',
    'sql.js': '^1.10.0',
    typeorm: '^0.3.20',
  };
  const PROGRAMS = {
    'sentry-main.ts': SENTRY_PROGRAM,
    'mikro-orm-main.ts': MIKRO_ORM_PROGRAM,
    'typeorm-main.ts': TYPEORM_PROGRAM,
    'user.ts': TYPEORM_ENTITY,
  };

  beforeAll(async () => {
    await mkdir(join(app, 'src'), { recursive: true });
    const { 'nestjs-asynq': nest, '@nestjs-asynq/core': core } = inject('packages');
    await nest11(app, [nest, core], LIBRARIES);
    const page = await readFile(join(ROOT, 'docs/guide/recipes.md'), 'utf8');
    for (const { groups } of page.matchAll(/^```ts (?<file>\S+)\n(?<code>.*?)^```$/gms)) {
      await writeFile(join(app, groups!['file']!), groups!['code']!);
    }
    for (const [name, text] of Object.entries(PROGRAMS)) await writeFile(join(app, 'src', name), text);
    await run('npx', ['--no-install', 'tsc'], { cwd: app });
  });

  const start = async (name: string, major: '20' | '22'): Promise<string> =>
    (await run(nodes[major]!, [`dist/${name}-main.js`], { cwd: app })).stdout;

  it.concurrent('Sentry keeps the tags of tasks apart, and reports each error once', async () => {
    expect(await start('sentry', '20')).toBe('["no money for a: a charge a","no money for b: b charge b"]\n');
  });

  it.concurrent('MikroORM gives each task its entities, and the database until the last one has ended', async () => {
    expect(await start('mikro-orm', '22')).toBe('entities of each task: 1, 1\n2 users at the end\n'); // needs Node 22.17
  });

  it.concurrent('TypeORM leaves the database open until the last handler has ended', async () => {
    expect(await start('typeorm', '20')).toBe('welcome ada@example.com\n');
  });
});
