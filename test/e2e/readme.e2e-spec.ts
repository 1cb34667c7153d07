import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
/** `cli.md` and `on-call.md` show commands, and no code; `testcontainers.md` parts of tests. */
const WITHOUT_CODE = ['cli.md', 'on-call.md', 'testcontainers.md'];
const guide = readdirSync(join(root, 'docs/guide')).filter((page) => !WITHOUT_CODE.includes(page));
const pages = [
  'README.md',
  'libs/core/README.md',
  'libs/dashboard/README.md',
  ...guide.map((page) => join('docs/guide', page)),
];

/** As strict as a user's project may be. */
const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  isolatedModules: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
  noEmit: true,
};

interface CodeBlock {
  /** The page it is in, from the root of the repository. */
  readonly page: string;
  readonly code: string;
  /** Of its first line in the page. */
  readonly line: number;
}

const wrong: CodeBlock = {
  page: 'wrong.md',
  code: `import { AsynqModule } from 'nestjs-asynq';\nAsynqModule.forRoot({ connection: 'memory', queues: 3 });`,
  line: 1,
};

describe('the code in the documentation compiles', () => {
  const blocks = pages.flatMap((page) => codeBlocks(page));
  let problems: string[];

  // All of it at once: most of the time goes into reading the types of Nest.
  beforeAll(() => (problems = compile([...blocks, wrong])));

  it.each(pages)('%s', (page) => {
    expect(blocks.filter((block) => block.page === page).length).toBeGreaterThan(0);
    expect(problems.filter((problem) => problem.startsWith(`${page}:`))).toEqual([]);
  });

  it('is checked strictly enough to find a wrong option, and only that is wrong', () => {
    expect(problems).toEqual([expect.stringMatching(/^wrong\.md:2: Type 'number'/)]);
  });
});

describe('the code of testcontainers.md', () => {
  const folder = join(root, 'test/e2e/containers');
  const tests = readdirSync(folder).map((file) => tokens(readFileSync(join(folder, file), 'utf8')));
  const blocks = codeBlocks('docs/guide/testcontainers.md').map(({ code, line }) => ({ line, code: tokens(code) }));

  it.each(blocks)('is that of a test at line $line', ({ code }) => {
    expect(tests.filter((test) => test.includes(code))).toHaveLength(1);
  });
});

/** The code without what depends on how far it is indented. */
function tokens(code: string): string {
  return code.replaceAll(/\s+/g, '').replaceAll(/,(?=[)\]}])/g, '');
}

function codeBlocks(page: string): CodeBlock[] {
  const markdown = readFileSync(join(root, page), 'utf8');
  return [...markdown.matchAll(/^```ts\n(?<code>.*?)^```$/gms)].map(({ groups, index }) => ({
    page,
    code: groups!['code']!,
    line: markdown.slice(0, index).split('\n').length + 1,
  }));
}

/** Compiles each block as a module of its own, beside its page, and returns the errors as `page:line: text`. */
function compile(blocks: readonly CodeBlock[]): string[] {
  const files = new Map(blocks.map((block) => [fileOf(block), block]));
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => files.has(name) || disk.fileExists(name),
    readFile: (name) => files.get(name)?.code ?? disk.readFile(name),
    getSourceFile: (name, version, ...rest) => {
      const block = files.get(name);
      return block ? ts.createSourceFile(name, block.code, version) : disk.getSourceFile(name, version, ...rest);
    },
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => show(files, diagnostic));
}

function fileOf({ page, line }: CodeBlock): string {
  return join(root, dirname(page), `${page.replaceAll(/\W/g, '-')}-${line}.mts`);
}

function show(files: ReadonlyMap<string, CodeBlock>, { file, start, messageText }: ts.Diagnostic): string {
  const text = ts.flattenDiagnosticMessageText(messageText, ' ');
  const block = file && files.get(file.fileName);
  if (!block) return text;
  const { line } = file.getLineAndCharacterOfPosition(start ?? 0);
  return `${block.page}:${block.line + line}: ${text}`;
}
