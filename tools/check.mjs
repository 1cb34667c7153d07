// Runs all checks of the project except the tests, continues after a failure, and prints a summary at the end.
// `--report FILE` also writes the results as JSON: [{ "name": "lint", "passed": true }].
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const CHECKS = ['format:check', 'lint', 'types', 'verify', 'build:apps', 'pack:check'];

const { report } = parseArgs({ options: { report: { type: 'string' } } }).values;

const results = CHECKS.map((name) => {
  console.log(`\n== npm run ${name}`);
  const { status } = spawnSync('npm', ['run', '--silent', name], { stdio: 'inherit' });
  return { name, passed: status === 0 };
});

console.log();
for (const { name, passed } of results) console.log(`${passed ? 'passed' : 'FAILED'}  ${name}`);
if (report !== undefined) writeFileSync(report, JSON.stringify(results));
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1;
