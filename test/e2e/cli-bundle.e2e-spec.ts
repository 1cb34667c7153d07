import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const DIST = join(import.meta.dirname, '../../apps/cli/dist');
/** Only yargs says this. */
const OF_PARSER = /get-yargs-completions/;
const read = (file: string): string => readFileSync(join(DIST, file), 'utf8');

/** What a file imports when it is loaded: `import … from "x"` and `import "x"`, not `import("x")`. */
function importsOf(file: string): string[] {
  return [...read(file).matchAll(/(?:^|[;}\n])\s*import\s*(?:[\w*{}\s,$]+?\s*from\s*)?["']([^"']+)["']/g)].map(
    ([, source]) => source!,
  );
}

/** A file with all that is loaded with it. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const source of importsOf(file)) if (source.startsWith('./')) loadedWith(source.slice(2), seen);
  return seen;
}

const codeOf = (file: string): string => [...loadedWith(file)].map(read).join('\n');

describe('the bundled command', () => {
  it('loads next to nothing to print its version', () => {
    expect(codeOf('main.js').length + codeOf('run-in-process.js').length).toBeLessThan(10_000);
  });

  it('parses a command line without the client of Redis and the screen of dash', () => {
    const code = codeOf('program.js');

    expect(code).toMatch(OF_PARSER);
    expect(code).not.toMatch(/NOSCRIPT|react-reconciler/);
    expect(codeOf('run-command.js')).toMatch(/NOSCRIPT/);
    expect(codeOf('run-command.js')).not.toMatch(/react-reconciler|yoga/i);
    expect(codeOf('run-command.js')).not.toMatch(OF_PARSER);
  });

  it('completes a command line without its parser, and names of queues with little more than a socket', () => {
    const code = ['main.js', 'run-in-process.js', 'complete.js', 'queue-names.js'].map(codeOf).join('\n');

    expect(code).toContain('SMEMBERS');
    expect(code).not.toMatch(OF_PARSER);
    expect(code.length).toBeLessThan(110_000);
  });

  it('needs no package but those of the dashboard', () => {
    const files = readdirSync(DIST).filter((file) => file.endsWith('.js'));
    const sources = new Map(
      files.map((file) => [file, importsOf(file).filter((source) => !source.startsWith('./') && !isBuiltin(source))]),
    );

    expect(sources.get('serve-dashboard.js')!.toSorted()).toEqual([
      ...['@nestjs-asynq/core', '@nestjs-asynq/dashboard/standalone'],
    ]);
    sources.delete('serve-dashboard.js');
    expect([...sources.values()].flat()).toEqual([]);
  });

  it('names the licences of what it contains', () => {
    const names = [...read('THIRD-PARTY-LICENSES.txt').matchAll(/^(\S+) \d+\.\d+\.\d+\S* \((.*)\)$/gm)];

    const licences = new Map(names.map(([, name, licence]) => [name!, licence!]));
    for (const name of ['yargs', 'ioredis', 'ink', 'react', 'yaml', 'cli-progress'])
      expect(licences.has(name), name).toBe(true);
    expect([...licences.values()].every((licence) => /MIT|ISC|BSD|Apache/.test(licence))).toBe(true);
  });
});
