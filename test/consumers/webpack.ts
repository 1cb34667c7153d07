import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** What Nest loads only if it is installed. */
const OPTIONAL =
  /^(?:@nestjs\/(?:microservices|websockets|platform-)|class-transformer\/storage|file-type$|@fastify\/)/;

interface Stats {
  hasErrors(): boolean;
  toString(options: object): string;
}

/** The part of webpack, and of rspack, that is used here. */
interface Bundler {
  (options: object, callback: (error: Error | null, stats?: Stats) => void): { close(done: () => void): void };
  readonly IgnorePlugin: new (options: object) => object;
}

export interface BundlerOptions {
  readonly tool: 'webpack' | '@rspack/core';
  /** Names of the bundles to files of the app, or to entries of packages. */
  readonly entries: Readonly<Record<string, string>>;
}

/** Bundles and minifies an app with all of its packages; returns the folder of the bundles. */
export async function bundleWith(app: string, { tool, entries }: BundlerOptions): Promise<string> {
  const require = createRequire(join(app, 'app.js'));
  const loaded = require(tool) as Bundler & { readonly rspack?: Bundler };
  const bundler = loaded.rspack ?? loaded;
  const folder = join(app, `bundled-${tool.replaceAll(/\W/g, '')}-${Object.keys(entries).join('-')}`);
  const options = {
    context: app,
    target: 'node',
    mode: 'production',
    entry: entries,
    output: { path: folder, filename: '[name].js' },
    plugins: [new bundler.IgnorePlugin({ resourceRegExp: OPTIONAL })],
  };
  await new Promise<void>((resolve, reject) => {
    const compiler = bundler(options, (error, stats) => {
      const problem =
        error ?? (stats?.hasErrors() ? new Error(stats.toString({ all: false, errors: true })) : undefined);
      compiler.close(() => (problem ? reject(problem) : resolve()));
    });
  });
  // What these tools write is CommonJS, also from ES modules.
  await writeFile(join(folder, 'package.json'), '{ "type": "commonjs" }');
  return folder;
}
