// Bundles the command: one file for what every run needs, one for what needs Redis, one for `dash`. Node reads and compiles
// no more than a command uses. The pages of the dashboard come from their own package.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const OF_DASHBOARD = './serve-dashboard.js';

/** @type {import('rolldown').RolldownOptions} */
const common = {
  cwd: import.meta.dirname,
  platform: 'node',
  // From its source: in the build, which is CommonJS, nothing that is not used can be told from the rest.
  resolve: { alias: coreSources() },
  transform: { target: 'node20.19', define: { 'process.env.NODE_ENV': '"production"' } },
  tsconfig: 'tsconfig.json',
};

/** @type {import('rolldown').OutputOptions} */
const output = {
  dir: 'dist',
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
};

export default [
  {
    ...common,
    input: { main: 'src/main.ts', program: 'src/program.ts' },
    plugins: [ownFile(), licences()],
    output: { ...output, cleanDir: true },
  },
  {
    ...common,
    input: { 'serve-dashboard': 'src/serve-dashboard.ts' },
    external: [/^@nestjs-asynq\//],
    output,
  },
];

/** The entries of the core by their names. */
function coreSources() {
  const folder = join(import.meta.dirname, '../../libs/core');
  const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const sources = Object.entries(exports).flatMap(([entry, { default: built }]) => {
    const source = built?.replace('/dist/', '/src/').replace(/js$/, 'ts');
    return source ? [[`${name}${entry.slice(1)}$`, join(folder, source)]] : [];
  });
  return Object.fromEntries(sources);
}

/** Leaves the part of the dashboard out, which the second build makes, and what `ink` loads for its own developers. */
function ownFile() {
  return {
    name: 'own-file',
    resolveId(source, importer = '') {
      if (source.endsWith('/serve-dashboard.js')) return { id: OF_DASHBOARD, external: true };
      // For the developers of `ink`, who load it by an environment variable.
      const isDevtools = source === './devtools.js' && importer.includes('/node_modules/ink/');
      return isDevtools ? { id: 'react-devtools-core', external: true } : null;
    },
  };
}

/** Adds the licences of all packages that the files contain, as these demand. */
function licences() {
  return {
    name: 'licences',
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []));
      const folders = new Set(modules.flatMap((id) => packageFolder(id) ?? []));
      const texts = [...folders].map(licenceOf).sort();
      this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-LICENSES.txt', source: texts.join('\n\n') });
    },
  };
}

/** The folder of the package that a module belongs to; none for our own. */
function packageFolder(id) {
  const [, folder] = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id) ?? [];
  return folder;
}

function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'license.md', 'LICENCE', 'License', 'LICENSE-MIT']
    .map((known) => join(folder, known))
    .find((known) => existsSync(known));
  return `${name} ${version} (${license})\n\n${file ? readFileSync(file, 'utf8').trim() : ''}`.trim();
}
