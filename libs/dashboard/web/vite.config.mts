import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const OUT = join(import.meta.dirname, '../dist/web');

/** Most that all files together may take over the wire, in gzip. A connection of 1.6 Mbit/s loads that in a little over a second. */
const LIMIT_KB = 230;

/** Writes each file in gzip and brotli beside it, and fails when the pages have grown too large. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    closeBundle() {
      let sum = 0;
      for (const name of readdirSync(OUT, { recursive: true, encoding: 'utf8' })) {
        const path = join(OUT, name);
        if (!statSync(path).isFile() || /\.(gz|br)$/.test(name)) continue;
        const bytes = readFileSync(path);
        const gzip = gzipSync(bytes, { level: 9 });
        writeFileSync(`${path}.gz`, gzip);
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
        sum += gzip.length;
      }
      const kB = sum / 1000;
      if (kB > LIMIT_KB) throw new Error(`The pages take ${kB.toFixed(1)} kB in gzip, more than ${LIMIT_KB} kB.`);
      console.log(`${kB.toFixed(1)} kB in gzip, of ${LIMIT_KB} kB allowed`);
    },
  };
}

// The pages are ES modules, as the package.json beside this file says. Without it their entry would count as CommonJS,
// like the package, and all that it imports would be wrapped in functions: 10 kB more in gzip.
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react(), compress()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    // One file each: they are needed at once, and one request is the fastest.
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
});
