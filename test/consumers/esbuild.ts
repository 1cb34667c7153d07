import { join } from 'node:path';
import { build } from 'esbuild';

/** What Nest loads only if it is used. */
const OPTIONAL = [
  '@nestjs/microservices*',
  '@nestjs/websockets*',
  '@nestjs/platform-*',
  'class-transformer/storage',
  '@fastify/*',
];

/** CommonJS inside of an ES module looks for `require`. The bundle may declare a `createRequire` of its own. */
const BANNER = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`;

export interface EsbuildOptions {
  /** Names of the bundles to files of the app, or to entries of packages. */
  readonly entries: Readonly<Record<string, string>>;
  readonly format: 'esm' | 'cjs';
  readonly minify: boolean;
}

/** Bundles an app with all of its packages; returns the folder of the bundles, whose names end in `.mjs` or `.cjs`. */
export async function esbuild(app: string, { entries, format, minify }: EsbuildOptions): Promise<string> {
  const outdir = join(app, `bundled-esbuild-${format}-${minify}-${Object.keys(entries).join('-')}`);
  await build({
    absWorkingDir: app,
    entryPoints: entries,
    bundle: true,
    platform: 'node',
    format,
    minify,
    outdir,
    outExtension: { '.js': format === 'esm' ? '.mjs' : '.cjs' },
    external: OPTIONAL,
    logLevel: 'silent',
    ...(format === 'esm' && { banner: { js: BANNER } }),
  });
  return outdir;
}
