// Writes `typesVersions` of each published package from its `exports`, for compilers that do not read those
// (`moduleResolution` of `node10`, the default of CommonJS until TypeScript 6). With --verify it writes nothing and fails
// when one is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';

const isVerifying = process.argv.includes('--verify');
for (const name of ['core', 'nestjs', 'dashboard']) {
  const url = new URL(`../libs/${name}/package.json`, import.meta.url);
  const before = readFileSync(url, 'utf8');
  const after = await format(withTypePaths(before), { ...(await resolveConfig(url)), filepath: url.pathname });
  if (after === before) continue;
  if (isVerifying) {
    console.error(`typesVersions of libs/${name}/package.json is out of date: run "npm run generate"`);
    process.exitCode = 1;
  } else {
    writeFileSync(url, after);
  }
}

function withTypePaths(text) {
  const manifest = JSON.parse(text);
  const entries = Object.entries(manifest.exports).filter(([entry]) => entry !== '.' && !entry.endsWith('.json'));
  manifest.typesVersions = { '*': Object.fromEntries(entries.map(([entry, { types }]) => [entry.slice(2), [types]])) };
  return JSON.stringify(manifest, undefined, 2);
}
