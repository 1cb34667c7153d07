import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../libs');
const inRoot = (path: string): string => join(root, path);
const doors = [
  ...['core/dist/index.d.ts', 'core/dist/tracing/index.d.ts', 'nestjs/dist/tracing.d.ts'],
  ...['nestjs/dist/index.d.ts', 'nestjs/dist/lifecycle/asynq.health.d.ts'],
  ...['core/dist/metrics/index.d.ts', 'nestjs/dist/metrics/index.d.ts'],
  ...['dashboard/dist/index.d.ts', 'dashboard/dist/standalone/index.d.ts'],
].map(inRoot);
/** Their classes implement documented interfaces. */
const testDoors = ['core/dist/testing/index.d.ts', 'nestjs/dist/testing/index.d.ts'].map(inRoot);

const program = ts.createProgram([...doors, ...testDoors], {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
  skipLibCheck: true,
});
const checker = program.getTypeChecker();

it('every public name, and every public method of a class, has a doc comment', () => {
  const names = doors.flatMap((door) => exportsOf(door));
  const methods = names.flatMap((name) => methodsOf(name));
  const testNames = testDoors.flatMap((door) => exportsOf(door));

  expect(names.length).toBeGreaterThan(100);
  expect(methods.length).toBeGreaterThan(50);
  const silent = [...names, ...methods, ...testNames].filter((symbol) => commentOf(symbol) === '');
  expect(silent.map(placeOf)).toEqual([]);
});

function exportsOf(door: string): ts.Symbol[] {
  const module = checker.getSymbolAtLocation(program.getSourceFile(door)!)!;
  return checker.getExportsOfModule(module).map((symbol) => {
    return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  });
}

/** Those that are ours: neither inherited from RxJS nor named by a symbol of the language. */
function methodsOf(owner: ts.Symbol): ts.Symbol[] {
  if (!(owner.flags & ts.SymbolFlags.Class)) return [];
  const members = checker.getDeclaredTypeOfSymbol(owner).getProperties();
  return members.filter(({ flags, name, declarations: [declaration] = [] }) => {
    const isOurs = declaration?.getSourceFile().fileName.startsWith(root) ?? false;
    return isOurs && flags & ts.SymbolFlags.Method && !name.startsWith('__@') && !isHidden(declaration!);
  });
}

function isHidden(declaration: ts.Declaration): boolean {
  const modifiers = ts.getCombinedModifierFlags(declaration);
  return (modifiers & ts.ModifierFlags.Private) !== 0;
}

function commentOf(symbol: ts.Symbol): string {
  return ts.displayPartsToString(symbol.getDocumentationComment(checker));
}

function placeOf({ name, declarations: [declaration] = [] }: ts.Symbol): string {
  return `${name} in ${declaration?.getSourceFile().fileName.slice(root.length + 1)}`;
}
