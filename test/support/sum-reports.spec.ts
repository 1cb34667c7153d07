import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCRIPT = join(import.meta.dirname, '../../tools/sum-reports.mjs');
const test = { status: 'passed' };
const failing = {
  name: join(process.cwd(), 'test/some.spec.ts'),
  status: 'failed',
  assertionResults: [
    test,
    { status: 'failed', fullName: 'a queue keeps its order', failureMessages: ['expected 2 to be 1', 'and 3 to be 2'] },
    { status: 'failed', fullName: 'a queue is empty', failureMessages: ['expected 1 to be 0'] },
  ],
};
const unloaded = {
  name: join(process.cwd(), 'test/other.spec.ts'),
  status: 'failed',
  message: 'no such module',
  assertionResults: [],
};
const green = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 1, testResults: [passing()] };

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sum-reports-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function passing(): object {
  return { name: join(process.cwd(), 'test/a.spec.ts'), status: 'passed', assertionResults: [test] };
}

function sum(
  reports: Record<string, object | string>,
  ...runs: string[]
): { lastLine: string | undefined; status: number | null; failures: string } {
  for (const [name, report] of Object.entries(reports)) {
    writeFileSync(join(dir, `${name}.json`), typeof report === 'string' ? report : JSON.stringify(report));
  }
  const { stdout, status } = spawnSync(process.execPath, [SCRIPT, dir, ...runs], { encoding: 'utf8' });
  const failures = stdout.slice(0, stdout.indexOf(`\n${runs[0]!.split('=')[0]}: `)).trim();
  return { lastLine: stdout.trimEnd().split('\n').at(-1), status, failures };
}

it('adds up tests and checks of all runs', () => {
  const checks = [
    { name: 'lint', passed: true },
    { name: 'types', passed: true },
  ];

  const total = sum({ checks, node20: green, node24: green }, 'checks=0', 'node20=0', 'node24=0');

  expect(total).toEqual({ lastLine: '12 passed, 0 failed', status: 0, failures: '' });
});

it.each([
  ['failed tests', { ...green, testResults: [failing] }, 'tests=1', '5 passed, 2 failed'],
  ['a file that does not load', { ...green, testResults: [passing(), unloaded] }, 'tests=1', '5 passed, 1 failed'],
  ['a bad exit without a failed test', green, 'tests=124', '5 passed, 1 failed'],
  ['a report cut short', '{"numPassedTests": 5', 'tests=1', '0 passed, 1 failed'],
  ['a failed check', [{ name: 'lint', passed: false }], 'tests=1', '0 passed, 1 failed'],
])('counts %s', (_what, report, run, lastLine) => {
  expect(sum({ tests: report }, run)).toMatchObject({ lastLine, status: 1 });
});

it('counts a run without a report, even when its exit status is 0', () => {
  expect(sum({}, 'tests=0')).toMatchObject({ lastLine: '0 passed, 1 failed', status: 1 });
});

it('names what failed in each run, and how', () => {
  const checks = [{ name: 'lint', passed: false }];
  const tests = { ...green, testResults: [failing, unloaded] };

  const { failures } = sum({ checks, tests }, 'checks=1', 'tests=1', 'node24=124');

  expect(failures.split('\n')).toEqual([
    'FAILED in checks: lint',
    'FAILED in tests: test/some.spec.ts > a queue keeps its order',
    'expected 2 to be 1',
    'and 3 to be 2',
    'FAILED in tests: test/some.spec.ts > a queue is empty',
    'expected 1 to be 0',
    'FAILED in tests: test/other.spec.ts',
    'no such module',
    'FAILED in node24: its report is missing or was cut short',
  ]);
});
