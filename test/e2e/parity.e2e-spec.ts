import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { AsynqCommand } from '../support/asynq-command.js';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/asynq-parity.md'), 'utf8');

/** One row of the page: an item of asynq, where it lives here, and the tests that prove it. */
interface Row {
  readonly section: string;
  readonly cells: readonly string[];
}

let publicNames: PublicNames;
let commandHelp: CommandHelp;

beforeAll(() => {
  publicNames = new PublicNames();
  commandHelp = new CommandHelp();
});

describe('the comparison with asynq', () => {
  const rows = readRows(page);

  it('covers eleven sections, with no empty cell', () => {
    const numbers = new Set(rows.map(({ section }) => Number.parseInt(section, 10)));
    expect([...numbers]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const incomplete = rows.filter(({ cells }) => cells.length !== 3 || cells.some((cell) => !/\w/.test(cell)));
    expect(incomplete).toEqual([]);
  });

  it('names a public name or a command in each row, and none that does not exist', async () => {
    const names = rows.map(({ cells }) => codeIn(cells[1]!));
    expect(names.filter((row) => row.length === 0)).toEqual([]);
    const isCommand = (name: string): boolean => name.startsWith('asynq');
    const wanted = [...new Set(names.flat())];

    const unknown = publicNames.unknownAmong(wanted.filter((name) => !isCommand(name)));
    const misspelt = await commandHelp.unknownAmong(wanted.filter(isCommand));

    expect([...unknown, ...misspelt]).toEqual([]);
  });

  it('names a test in each row, and none that does not exist', () => {
    const cited = rows.map(({ cells }) => citedTests(cells[2]!));
    expect(cited.map((tests, at) => (tests.length === 0 ? rows[at] : undefined)).filter(Boolean)).toEqual([]);

    expect(missingAmong(cited.flat())).toEqual([]);
  });
});

describe('the comparison of dashboards', () => {
  const rows = readRows(readFileSync(join(root, 'docs/dashboard-features.md'), 'utf8'));
  const mark = (cell: string): string => cell.trim();

  it('covers seven sections, and marks each feature', () => {
    const numbers = new Set(rows.map(({ section }) => Number.parseInt(section, 10)));
    expect([...numbers]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const incomplete = rows.filter(
      ({ cells }) => cells.length !== 5 || cells.slice(1, 4).some((cell) => !['●', '◐', '○', '–'].includes(mark(cell))),
    );
    expect(incomplete).toEqual([]);
  });

  it('names a test for each feature that is here, and none that does not exist', () => {
    const here = rows.filter(({ cells }) => mark(cells[3]!) !== '○');
    const missingHere = rows.filter(({ cells }) => mark(cells[3]!) === '○');

    expect(missingAmong(here.flatMap(({ cells }) => citedTests(cells[4]!)))).toEqual([]);
    expect(missingHere.filter(({ cells }) => mark(cells[4]!) !== '–')).toEqual([]);
  });
});

describe('the check of the comparison', () => {
  it('finds names, members, commands and flags that do not exist', async () => {
    const names = ['Client.enqueue', 'Client.enqueu', 'Clint', 'TaskHandler', 'ServerOptions.queues', 'Server.broker'];
    const commands = ['asynq queue ls', 'asynq queue lst', 'asynq task list --page', 'asynq task list --pages'];

    expect(publicNames.unknownAmong(names)).toEqual(['Client.enqueu', 'Clint', 'Server.broker']);
    expect(await commandHelp.unknownAmong(commands)).toEqual(['asynq queue lst', 'asynq task list --pages']);
  });
});

/** Rows of the tables under numbered headings. A bar in a cell is written `\|`. */
function readRows(markdown: string): Row[] {
  return markdown.split(/^## (?=\d)/m).flatMap((part, at) => {
    if (at === 0) return [];
    const [section, ...lines] = part.split(/^## /m)[0]!.split('\n');
    const table = lines.filter((line) => line.startsWith('|')).slice(2);
    return table.map((line) => ({ section: section!, cells: line.split(/(?<!\\)\|/).slice(1, -1) }));
  });
}

function codeIn(cell: string): string[] {
  return [...cell.matchAll(/`(?<code>[^`]+)`/g)].map(({ groups }) => groups!['code']!);
}

/** Tests are cited as `` `file`: title ``, with `<br>` between two. A title may be cited in part. */
function citedTests(cell: string): { readonly file: string; readonly title: string }[] {
  return cell.split('<br>').map((citation) => {
    const { file = '', title = '' } = /^\s*`(?<file>[^`]+)`: (?<title>.+?)\s*$/.exec(citation)?.groups ?? {};
    if (title === '') throw new Error(`not a file and the title of a test: ${citation}`);
    return { file, title };
  });
}

/** Those of the cited tests that do not exist. */
function missingAmong(cited: readonly { readonly file: string; readonly title: string }[]) {
  const titles = new Map<string, readonly string[]>();
  return cited.filter(({ file, title }) => {
    if (!titles.has(file)) titles.set(file, testTitles(file));
    return !titles.get(file)!.some((known) => known.includes(title));
  });
}

function testTitles(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest, true);
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^it\b/.test(node.expression.getText())) {
      const [title] = node.arguments;
      if (title && ts.isStringLiteralLike(title)) titles.push(title.text);
      if (title && ts.isTemplateExpression(title)) titles.push(title.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return titles;
}

/** The exports of the two packages and their members, as the compiler sees them. */
class PublicNames {
  private readonly checker: ts.TypeChecker;
  private readonly exports = new Map<string, ts.Symbol>();

  constructor() {
    const files = ['core/dist/index.d.ts', 'core/dist/internal.d.ts', 'nestjs/dist/index.d.ts'];
    const entries = files.map((file) => join(root, 'libs', file));
    const { NodeNext } = ts.ModuleKind;
    const moduleResolution = ts.ModuleResolutionKind.NodeNext;
    const program = ts.createProgram(entries, { module: NodeNext, moduleResolution, strict: true, types: ['node'] });
    this.checker = program.getTypeChecker();
    for (const entry of entries) {
      const module = this.checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
      for (const symbol of this.checker.getExportsOfModule(module)) this.exports.set(symbol.name, symbol);
    }
  }

  unknownAmong(names: readonly string[]): string[] {
    return names.filter((name) => !this.has(name));
  }

  /** `@Name`, `Name`, or `Name.member` of an instance. */
  private has(name: string): boolean {
    const [owner, ...members] = name.replace(/^@/, '').split('.');
    const found = this.exports.get(owner!);
    if (!found) return false;
    const symbol = found.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(found) : found;
    let type = this.checker.getDeclaredTypeOfSymbol(symbol);
    for (const member of members) {
      const property = this.checker.getPropertyOfType(type, member);
      if (!property || !isPublic(property)) return false;
      type = this.checker.getNonNullableType(this.checker.getTypeOfSymbol(property));
    }
    return true;
  }
}

function isPublic({ declarations = [] }: ts.Symbol): boolean {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return declarations.every((declaration) => (ts.getCombinedModifierFlags(declaration) & hidden) === 0);
}

/** The help of the built command. */
class CommandHelp {
  private readonly command = new AsynqCommand([]);
  private readonly pages = new Map<string, Promise<string>>();

  async unknownAmong(lines: readonly string[]): Promise<string[]> {
    const unknown: string[] = [];
    for (const line of lines) if (!(await this.has(line))) unknown.push(line);
    return unknown;
  }

  /** `asynq command subcommand --flag -f`. */
  private async has(line: string): Promise<boolean> {
    const words = line.split(' ').slice(1);
    const flags = words.filter((word) => word.startsWith('-'));
    const path = words.slice(0, words.length - flags.length);
    const parent = path.length === 0 ? undefined : await this.help(path.slice(0, -1));
    if (parent !== undefined && !lists(parent, path)) return false;
    const help = flags.length === 0 ? '' : await this.help(path); // each page is a process
    return flags.every((flag) => new RegExp(`(^|[ ,])${flag}[ ,]`, 'm').test(help));
  }

  private help(path: readonly string[]): Promise<string> {
    const key = path.join(' ');
    const help = this.pages.get(key) ?? this.command.output(...path, '--help');
    this.pages.set(key, help);
    return help;
  }
}

/** Whether a help page names a command, or has the last word for an alias. */
function lists(help: string, path: readonly string[]): boolean {
  const own = new RegExp(`^ +asynq ${path.join(' ')}( |$)`, 'm');
  const alias = new RegExp(`\\[aliases: ([^\\]]+, )?${path.at(-1)!}[,\\]]`);
  return own.test(help) || alias.test(help);
}
