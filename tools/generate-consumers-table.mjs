// Writes the table of docs/guide/install.md from test/consumers/results.json, which `npm run test:consumers` writes. With
// --verify it writes nothing and fails when the table is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';

const resultsFile = new URL('../test/consumers/results.json', import.meta.url);
const page = new URL('../docs/guide/install.md', import.meta.url);
const [START, END] = ['<!-- consumers -->', '<!-- /consumers -->'];

const rows = groupNodes(JSON.parse(readFileSync(resultsFile, 'utf8')));
const table = [
  ['tool', 'the app is', 'Nest', 'Node', ''],
  ['---', '---', '---', '---', '---'],
  ...rows.map(({ tool, form, nest, nodes, passed }) => [tool, form, nest, nodes.join(', '), passed ? 'runs' : 'fails']),
];
const before = readFileSync(page, 'utf8');
const [head, rest] = before.split(START);
const tail = rest.split(END)[1];
const lines = table.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
const options = { ...(await resolveConfig(page)), parser: 'markdown' };
const after = await format(`${head}${START}\n\n${lines}\n\n${END}${tail}`, options);
if (!process.argv.includes('--verify')) {
  if (after !== before) writeFileSync(page, after);
} else if (after !== before) {
  console.error('the table of docs/guide/install.md is out of date: run "npm run generate"');
  process.exit(1);
}

/** One row for the versions of Node on which a consumer gave the same result. */
function groupNodes(results) {
  const groups = new Map();
  for (const { tool, form, nest, node, passed } of results) {
    const key = [tool, form, nest, passed].join();
    const group = groups.get(key) ?? { tool, form, nest, nodes: [], passed };
    group.nodes.push(node);
    groups.set(key, group);
  }
  return [...groups.values()];
}
