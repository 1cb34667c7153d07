import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT, run } from './packed.js';

const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

/** As strict as an app may be. */
const OPTIONS = {
  module: 'nodenext',
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  strict: true,
  exactOptionalPropertyTypes: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
};

/** Writes sources into an app and compiles them there: `.mts` to an ES module, `.cts` to CommonJS. */
export async function compile(app: string, sources: Readonly<Record<string, string>>): Promise<void> {
  await Promise.all(Object.entries(sources).map(([name, text]) => writeFile(join(app, name), text)));
  const config = { compilerOptions: OPTIONS, files: Object.keys(sources) };
  await writeFile(join(app, 'tsconfig.consumers.json'), JSON.stringify(config));
  await run(process.execPath, [TSC, '-p', 'tsconfig.consumers.json'], { cwd: app });
}
