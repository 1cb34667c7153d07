// Runs scripts of package.json at the same time: each uses one core. Ends when all have, with 1 if one of them failed.
import { spawn } from 'node:child_process';

const failures = await Promise.all(
  process.argv.slice(2).map(
    (name) =>
      new Promise((resolve) => {
        const child = spawn('npm', ['run', '--silent', name], { stdio: ['ignore', 'inherit', 'inherit'] });
        child.on('error', (error) => {
          console.error(`${name}: ${error.message}`);
          resolve(1);
        });
        child.on('close', (code) => resolve(code === 0 ? 0 : 1));
      }),
  ),
);
process.exitCode = Math.max(...failures);
