// Adds up the reports of a CI run: `node tools/sum-reports.mjs DIR NAME=EXIT_STATUS...`, with one DIR/NAME.json each,
// written by Vitest's JSON reporter or by check.mjs. A run that failed without a report of failures counts as one
// failure. What failed is named at the end, where a log that was cut still has it. The last line is "N passed, N failed";
// the exit status is 1 when anything failed or nothing passed.
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

const [dir, ...runs] = process.argv.slice(2);

const sums = runs.map((run) => {
  const [name, status] = run.split('=');
  const file = join(dir, `${name}.json`);
  const { passed, failures, skipped } = existsSync(file) ? count(readFileSync(file, 'utf8')) : count('');
  if (failures.length === 0 && status !== '0') failures.push(`exit status ${status}, although nothing failed`);
  return { name, passed, failed: failures.length, failures, skipped };
});

console.log();
for (const { name, failures } of sums) {
  for (const failure of failures) console.log(`FAILED in ${name}: ${failure}`);
}
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
    return { passed: 0, failures: ['its report is missing or was cut short'], skipped: 0 };
  }
  return Array.isArray(report) ? countChecks(report) : countTests(report);
}

function countChecks(checks) {
  const failures = checks.filter(({ passed }) => !passed).map(({ name }) => name);
  return { passed: checks.length - failures.length, failures, skipped: 0 };
}

function countTests({ numPassedTests, numPendingTests, testResults }) {
  const failures = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name);
    // A file that does not load has no tests to fail.
    if (status === 'failed' && assertionResults.length === 0) return [`${file}\n${message}`];
    return assertionResults
      .filter((test) => test.status === 'failed')
      .map(({ fullName, failureMessages }) => `${file} > ${fullName}\n${failureMessages.join('\n')}`);
  });
  return { passed: numPassedTests, failures, skipped: numPendingTests };
}
