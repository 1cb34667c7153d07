// Adds up the reports of a CI run: `node tools/sum-reports.mjs DIR NAME=EXIT_STATUS...`, with one DIR/NAME.json each,
// written by Vitest's JSON reporter or by check.mjs. A run that failed without a report of failures counts as one
// failure. The last line is "N passed, N failed"; the exit status is 1 when anything failed or nothing passed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [dir, ...runs] = process.argv.slice(2);

const sums = runs.map((run) => {
  const [name, status] = run.split('=');
  const file = join(dir, `${name}.json`);
  const { passed, failed, skipped } = existsSync(file) ? count(readFileSync(file, 'utf8')) : count('');
  const unexplained = failed === 0 && status !== '0' ? 1 : 0;
  return { name, passed, failed: failed + unexplained, skipped };
});

console.log();
for (const { name, passed, failed, skipped } of sums) {
  console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
}
const passed = sums.reduce((sum, run) => sum + run.passed, 0);
const failed = sums.reduce((sum, run) => sum + run.failed, 0);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

function count(json) {
  let report;
  try {
    report = JSON.parse(json);
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }; // it died before the report was complete
  }
  return Array.isArray(report) ? countChecks(report) : countTests(report);
}

function countChecks(checks) {
  const passed = checks.filter((check) => check.passed).length;
  return { passed, failed: checks.length - passed, skipped: 0 };
}

function countTests({ numPassedTests, numFailedTests, numPendingTests, testResults }) {
  // A file that does not load has no tests to fail.
  const broken = testResults.filter(({ status, assertionResults }) => status === 'failed' && !assertionResults.length);
  return { passed: numPassedTests, failed: numFailedTests + broken.length, skipped: numPendingTests };
}
