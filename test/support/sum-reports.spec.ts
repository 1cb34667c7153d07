import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCRIPT = join(import.meta.dirname, '../../tools/sum-reports.mjs');
const test = { status: 'passed' };
const green = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 1, testResults: [passing()] };

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sum-reports-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function passing(): object {
  return { status: 'passed', assertionResults: [test] };
}

function sum(
  reports: Record<string, object | string>,
  ...runs: string[]
): { lastLine: string | undefined; status: number | null } {
  for (const [name, report] of Object.entries(reports)) {
    writeFileSync(join(dir, `${name}.json`), typeof report === 'string' ? report : JSON.stringify(report));
  }
  const { stdout, status } = spawnSync(process.execPath, [SCRIPT, dir, ...runs], { encoding: 'utf8' });
  return { lastLine: stdout.trimEnd().split('\n').at(-1), status };
}

it('adds up tests and checks of all runs', () => {
  const checks = [
    { name: 'lint', passed: true },
    { name: 'types', passed: true },
  ];

  const total = sum({ checks, node20: green, node24: green }, 'checks=0', 'node20=0', 'node24=0');

  expect(total).toEqual({ lastLine: '12 passed, 0 failed', status: 0 });
});

it.each([
  ['a failed test', { ...green, numFailedTests: 2 }, 'tests=1', '5 passed, 2 failed'],
  [
    'a file that does not load',
    { ...green, testResults: [passing(), { status: 'failed', assertionResults: [] }] },
    'tests=1',
    '5 passed, 1 failed',
  ],
  ['a bad exit without a failed test', green, 'tests=124', '5 passed, 1 failed'],
  ['a report cut short', '{"numPassedTests": 5', 'tests=1', '0 passed, 1 failed'],
  ['a failed check', [{ name: 'lint', passed: false }], 'tests=1', '0 passed, 1 failed'],
])('counts %s', (_what, report, run, lastLine) => {
  expect(sum({ tests: report }, run)).toEqual({ lastLine, status: 1 });
});

it('counts a run without a report, even when its exit status is 0', () => {
  expect(sum({}, 'tests=0')).toEqual({ lastLine: '0 passed, 1 failed', status: 1 });
});
