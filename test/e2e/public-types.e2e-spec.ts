import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Entries that no app imports from: they are for our own packages, or have no names. */
const NOT_PUBLIC = ['./internal', './heartbeat-worker', './package.json'];

const PACKAGES = ['libs/core', 'libs/nestjs', 'libs/dashboard'].map((folder) => {
  const text = readFileSync(join(root, folder, 'package.json'), 'utf8');
  const { name, exports } = JSON.parse(text) as { name: string; exports: Record<string, unknown> };
  const entries = Object.keys(exports).filter((entry) => !NOT_PUBLIC.includes(entry));
  return { name, entries: entries.map((entry) => name + entry.slice(1)) };
});

/** The entries whose types an app can name when it has installed the package: its own, and those of what it installs beside. */
const nameable = (name: string): string[] =>
  PACKAGES.filter((other) => other.name === name || name === '@nestjs-asynq/dashboard').flatMap(
    ({ entries }) => entries,
  );

/** Programs open a broker and pass it on. Its methods are for our own packages, which know their types from `internal`. */
const OPAQUE = ['Broker'];

/** As in an app that publishes its types, or has `declaration: true` as the CLI of Nest writes it. */
const options: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  strict: true,
  experimentalDecorators: true,
  skipLibCheck: true,
  declaration: true,
  noEmit: true,
};

const CONSUMER = join(root, 'test/consumer.mts');

function compile(source: string, old?: ts.Program): ts.Program {
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => name === CONSUMER || disk.fileExists(name),
    readFile: (name) => (name === CONSUMER ? source : disk.readFile(name)),
    getSourceFile: (name, version, ...rest) =>
      name === CONSUMER
        ? ts.createSourceFile(name, source, version)
        : (old?.getSourceFile(name) ?? disk.getSourceFile(name, version, ...rest)),
  };
  return ts.createProgram([CONSUMER], options, host);
}

/** The types that can be reached from what a package exports, and whether it exports them itself. */
class PublicTypes {
  readonly hidden = new Map<ts.Symbol, string>();
  private readonly seen = new Set<ts.Type>();

  constructor(
    private readonly checker: ts.TypeChecker,
    private readonly exported: ReadonlySet<ts.Symbol>,
  ) {
    for (const symbol of exported) {
      if (symbol.flags & ts.SymbolFlags.Value) this.visit(checker.getTypeOfSymbol(symbol), symbol.name);
      if (symbol.flags & ts.SymbolFlags.Type) this.visit(checker.getDeclaredTypeOfSymbol(symbol), symbol.name);
    }
  }

  private visit(type: ts.Type, path: string): void {
    if (this.seen.has(type)) return;
    this.seen.add(type);
    for (const argument of type.aliasTypeArguments ?? []) this.visit(argument, path);
    const { aliasSymbol: alias } = type;
    if (alias && isOurs(alias) && !this.exported.has(alias)) this.hidden.set(alias, path);
    else if (alias && type.aliasTypeArguments) return; // its name says it all
    if (type.isUnionOrIntersection()) {
      for (const part of type.types) this.visit(part, path);
    } else if (type.flags & ts.TypeFlags.Conditional) {
      const { checkType, extendsType, trueType, falseType } = (type as ts.ConditionalType).root.node;
      for (const node of [checkType, extendsType, trueType, falseType]) {
        this.visit(this.checker.getTypeFromTypeNode(node), path);
      }
    } else if (type.flags & ts.TypeFlags.TypeParameter) {
      const constraint = this.checker.getBaseConstraintOfType(type);
      if (constraint) this.visit(constraint, path);
    } else if (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.EnumLike)) {
      this.visitObject(type, path);
    }
  }

  private visitObject(type: ts.Type, path: string): void {
    for (const argument of this.checker.getTypeArguments(type as ts.TypeReference)) this.visit(argument, path);
    const { symbol } = type as { readonly symbol?: ts.Symbol };
    const isNamed = symbol && symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class | ts.SymbolFlags.Enum);
    if (isNamed && !isOurs(symbol)) return;
    if (isNamed && !this.exported.has(symbol)) this.hidden.set(symbol, path);
    if (isNamed && OPAQUE.includes(symbol.name)) return;
    for (const property of this.checker.getPropertiesOfType(type)) {
      if (isPrivate(property)) continue;
      this.visit(this.checker.getTypeOfSymbol(property), `${path}.${property.name}`);
    }
    for (const { type: value } of this.checker.getIndexInfosOfType(type)) this.visit(value, `${path}[]`);
    for (const signature of type.getCallSignatures()) {
      for (const parameter of signature.parameters) {
        this.visit(this.checker.getTypeOfSymbol(parameter), `${path}(${parameter.name})`);
      }
      this.visit(signature.getReturnType(), `${path}()`);
      for (const parameter of signature.typeParameters ?? []) this.visit(parameter, path);
    }
  }
}

const isOurs = (symbol: ts.Symbol): boolean =>
  (symbol.declarations ?? []).some((node) => /\/libs\/\w+\/dist\//.test(node.getSourceFile().fileName));

const isPrivate = (symbol: ts.Symbol): boolean =>
  symbol.name.startsWith('__#') ||
  (symbol.declarations ?? []).some((node) => ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private);

/**
 * An app with a function for each export and each member of it, whose return type the compiler has to write out. One
 * for each type, as many members are of the same one; and none for members that are not ours, such as the commands of
 * a client of Redis.
 */
function consumerOf(checker: ts.TypeChecker, exportsOf: (entry: string) => readonly ts.Symbol[]): string {
  const lines: string[] = [];
  let count = 0;
  const written = new Set<ts.Type>();
  const isNew = (type: ts.Type): boolean => !written.has(type) && Boolean(written.add(type));
  for (const [index, entry] of PACKAGES.flatMap(({ entries }) => entries).entries()) {
    lines.push(`import * as entry${index} from '${entry}';`);
    for (const symbol of exportsOf(entry)) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const name = `entry${index}.${symbol.name}`;
      const isValue = target.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Variable);
      if (isValue && isNew(checker.getTypeOfSymbol(target))) {
        lines.push(`export const value${count++} = () => ${name};`);
      }
      if (!(target.flags & ts.SymbolFlags.Type) || OPAQUE.includes(symbol.name)) continue;
      const type = checker.getDeclaredTypeOfSymbol(target);
      if (parametersOf(target).some((parameter) => !parameter.default)) continue; // its members are those of others
      const members = checker.getPropertiesOfType(type).filter((member) => isOurs(member) && !isPrivate(member));
      for (const member of members.filter(({ name: key }) => /^\w+$/.test(key))) {
        if (!isNew(checker.getTypeOfSymbol(member))) continue;
        lines.push(`export const value${count++} = (x: ${name}) => x.${member.name};`);
      }
      if (type.isUnion()) lines.push(...type.types.filter(isNew).map((part) => partOf(checker, name, part, count++)));
    }
  }
  return lines.join('\n');
}

function parametersOf(symbol: ts.Symbol): ts.TypeParameterDeclaration[] {
  const [declaration] = symbol.declarations ?? [];
  const { typeParameters = [] } = declaration as { typeParameters?: readonly ts.TypeParameterDeclaration[] };
  return [...typeParameters];
}

/** A function that returns the part of a union that its discriminants select. */
function partOf(checker: ts.TypeChecker, name: string, part: ts.Type, count: number): string {
  const literals = checker.getPropertiesOfType(part).flatMap((property) => {
    const type = checker.getTypeOfSymbol(property);
    return type.isStringLiteral() ? [`${property.name}: '${type.value}'`] : [];
  });
  return `export const value${count} = (x: Extract<${name}, { ${literals.join('; ')} }>) => x;`;
}

const messagesOf = (program: ts.Program): string[] =>
  [...program.getSemanticDiagnostics(), ...program.getDeclarationDiagnostics()].map(({ messageText, file, start }) => {
    const line = file && start !== undefined ? file.text.slice(start).split('\n', 1)[0]! : '';
    return `${ts.flattenDiagnosticMessageText(messageText, ' ')} ${line}`;
  });

describe('the types in public signatures', () => {
  let program: ts.Program;
  let exportsOf: (entry: string) => readonly ts.Symbol[];

  beforeAll(() => {
    const entries = PACKAGES.flatMap((all) => all.entries);
    program = compile(entries.map((entry) => `import '${entry}';`).join('\n'));
    const checker = program.getTypeChecker();
    exportsOf = (entry) => {
      const at = program.getSourceFile(CONSUMER)!;
      const found = ts.resolveModuleName(entry, CONSUMER, options, ts.sys, undefined, undefined, at.impliedNodeFormat);
      const file = program.getSourceFile(found.resolvedModule!.resolvedFileName)!;
      return checker.getExportsOfModule(checker.getSymbolAtLocation(file)!);
    };
  });

  it.each(PACKAGES)('are exported by $name', ({ name }) => {
    const checker = program.getTypeChecker();
    const exported = nameable(name)
      .flatMap((entry) => [...exportsOf(entry)])
      .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol));

    const { hidden } = new PublicTypes(checker, new Set(exported));

    expect(exported.length).toBeGreaterThan(20);
    expect([...hidden].map(([{ name }, path]) => `${name}, by ${path}`).toSorted()).toEqual([]);
  });

  it('can be written out by the compiler of an app that returns each of them', () => {
    const consumer = consumerOf(program.getTypeChecker(), exportsOf);

    expect(consumer.split('\n').length).toBeGreaterThan(500);
    expect(messagesOf(compile(consumer, program))).toEqual([]);
  });
});
