import { readFile, writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import type { Consumer } from './consumer.js';

const FILE = new URL('results.json', import.meta.url);

/** A consumer that was tried. */
interface Result extends Consumer {
  readonly passed: boolean;
  /** `yyyy-mm-dd`. */
  readonly date: string;
}

const keyOf = ({ tool, form, nest, node }: Consumer): string => [nest, form, tool, node].join(' ');

/** Keeps what was tried in `results.json`; rows of tests that did not run stay. In CI it writes nothing. */
export class ResultsFile implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    if (process.env['CI']) return;
    const results = new Map((JSON.parse(await readFile(FILE, 'utf8')) as Result[]).map((row) => [keyOf(row), row]));
    const date = new Date().toISOString().slice(0, 10);
    for (const test of modules.flatMap((module) => [...module.children.allTests()])) {
      const row = rowOf(test, date);
      if (row) results.set(keyOf(row), row);
    }
    const sorted = [...results].toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
    const rows = sorted.map(([, row]) => row);
    await writeFile(FILE, await format(JSON.stringify(rows), { parser: 'json', printWidth: 120 }));
  }
}

function rowOf(test: TestCase, date: string): Result | undefined {
  const { consumer } = test.meta();
  const { state } = test.result();
  if (!consumer || (state !== 'passed' && state !== 'failed')) return undefined;
  return { ...consumer, passed: state === 'passed', date };
}
