import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject } from 'vitest';
import { consumer, THIS_NODE } from './consumer.js';
import { npm, NPM_SETTINGS, ROOT, run } from './packed.js';

/** The first page of the guide, followed literally in an app that the CLI of Nest has just made. */
describe('the first page of the guide', () => {
  const scratch = inject('scratch');
  const tarballs = Object.values(inject('packages')).filter(({ name }) => name !== '@nestjs-asynq/cli');
  let page: string;

  beforeAll(async () => {
    page = await readFile(join(ROOT, 'docs/guide/install.md'), 'utf8');
  });

  for (const [nest, form] of [
    [11, 'CommonJS'],
    [12, 'ES modules'],
  ] as const) {
    consumer({ tool: 'a new app of the CLI, its `npm test`', form, nest, node: THIS_NODE }, async () => {
      const app = await newApp(nest);

      const transcript: string[] = [];
      for (const step of stepsOf(page, form)) {
        if ('file' in step) await writeFile(join(app, step.file), step.code);
        else transcript.push(await obey(step.command, app));
      }

      expect(transcript).toHaveLength(2);
      expect(transcript.at(-1)).toMatch(/Tests:? +2 passed/); // that of the template, and ours
      await run('npm', ['run', 'build'], { cwd: app });
    });
  }

  /** What `nest new` writes, with the packages that it installs. */
  async function newApp(nest: 11 | 12): Promise<string> {
    const cli = join(scratch, `cli-${nest}`);
    await mkdir(cli, { recursive: true });
    await writeFile(join(cli, 'package.json'), '{ "private": true }');
    await npm(['install', `@nestjs/cli@${nest}`], cli);
    const options = ['--skip-git', '--skip-install', '--package-manager', 'npm', ...(nest === 12 ? ['--strict'] : [])];
    await run(process.execPath, ['node_modules/@nestjs/cli/bin/nest.js', 'new', 'app', ...options], { cwd: cli });
    const app = join(cli, 'app');
    // The app needs the CLI and what that needs, too: to install them twice would take half of the time.
    await rename(join(cli, 'node_modules'), join(app, 'node_modules'));
    await rm(join(app, 'node_modules/.package-lock.json'));
    return app;
  }

  /** A command of the page; our packages come from their tarballs, as no registry has them yet. */
  async function obey(command: string, app: string): Promise<string> {
    const [program = '', ...words] = command.split(' ');
    const args = words.flatMap((word) => (word === 'nestjs-asynq' ? tarballs.map(({ tarball }) => tarball) : [word]));
    const { stdout, stderr } = await run(program, args, { cwd: app, env: NPM_SETTINGS });
    return stdout + stderr;
  }
});

type Step = { readonly command: string } | { readonly file: string; readonly code: string };

/** Commands and files of the page, in their order, up to the end of its first task. */
function stepsOf(page: string, form: 'CommonJS' | 'ES modules'): Step[] {
  const [first = ''] = page.split('\n## One connection\n');
  return [...first.matchAll(/^```(?<kind>sh|ts (?<file>\S+))\n(?<code>.*?)^```$/gms)].flatMap(({ groups }): Step[] => {
    const { file, code = '' } = groups as Record<string, string | undefined>;
    if (file === undefined)
      return code
        .trim()
        .split('\n')
        .map((command) => ({ command }));
    return [{ file, code: form === 'CommonJS' ? code : asEsModule(code) }];
  });
}

/** Does what the comments behind imports say about projects of ES modules. */
function asEsModule(code: string): string {
  return code.replaceAll(/'\S+'; \/\/ ('\S+') in a project of ES modules.*/g, '$1;');
}
