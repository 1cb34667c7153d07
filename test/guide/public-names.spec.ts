import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const guide = readdirSync(join(root, 'docs/guide'), { recursive: true, encoding: 'utf8' })
  .filter((page) => page.endsWith('.md'))
  .map((page) => read(join('docs/guide', page)))
  .join('\n');

/** Whether the guide has the word, in code or in text. */
const isNamed = (name: string, text = guide): boolean => new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(text);

/** All names that an entry exports in lists, types included. */
function namesOf(entry: string): string[] {
  return [...read(entry).matchAll(/export (?:type )?\{([^}]*)\}/g)]
    .flatMap(([, list]) => list!.split(','))
    .map((name) => name.replace('type ', '').split(' as ').at(-1)!.trim())
    .filter((name) => name !== '');
}

/** Properties and methods of an interface. */
function membersOf(path: string, name: string): string[] {
  const source = read(path);
  const begin = source.search(new RegExp(`export interface ${name}\\b`));
  const body = source.slice(begin, source.indexOf('\n}', begin));
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??(?:\(|:)/gm)].map(([, member]) => member!);
}

describe('the guide names everything public', () => {
  it.each([
    'libs/nestjs/src/index.ts',
    'libs/nestjs/src/testing/index.ts',
    'libs/core/src/index.ts',
    'libs/core/src/testing/index.ts',
  ])('of %s', (entry) => {
    const names = namesOf(entry);

    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !isNamed(name))).toEqual([]);
  });

  it('of nestjs-asynq/terminus', () => {
    const names = [
      ...read('libs/nestjs/src/lifecycle/asynq.health.ts').matchAll(/^export (?:class|interface) (\w+)/gm),
    ];

    expect(names.map(([, name]) => name!).filter((name) => !isNamed(name))).toEqual([]);
  });

  it('the fields of the task context', () => {
    const fields = membersOf('libs/core/src/task/task-context.ts', 'TaskContext');

    expect(fields).toEqual(expect.arrayContaining(['id', 'signal', 'writeResult', 'progress']));
    expect(fields.filter((field) => !isNamed(field))).toEqual([]);
  });

  it('the events and their fields', () => {
    const source = read('libs/core/src/task/task-event.ts').split('export interface TaskEventListener')[0]!;
    const kinds = [...source.matchAll(/kind: '(\w+)'/g)].map(([, kind]) => kind!);
    const fields = [...source.matchAll(/readonly (\w+)\??:/g)].map(([, field]) => field!);

    expect(kinds.length).toBeGreaterThan(10);
    expect([...kinds, ...fields].filter((name) => !isNamed(name))).toEqual([]);
  });

  it.each([
    ['libs/core/src/server/server-options.ts', 'ServerOptions'],
    ['libs/core/src/client/client.ts', 'ClientOptions'],
    ['libs/core/src/task/task-options.ts', 'TaskOptions'],
    ['libs/nestjs/src/asynq.options.ts', 'AsynqModuleOptions'],
  ])('the options in %s, in the README at least', (path, name) => {
    const options = membersOf(path, name);

    expect(options.length).toBeGreaterThan(5);
    expect(options.filter((option) => !isNamed(option, guide + read('README.md')))).toEqual([]);
  });

  it('what apps reach only through an option or a method', () => {
    expect(['createAsynqOptions', 'useClass', 'durable'].filter((name) => !isNamed(name))).toEqual([]);
  });
});
