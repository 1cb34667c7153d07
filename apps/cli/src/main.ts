#!/usr/bin/env node
import module from 'node:module';
import process from 'node:process';

// Node 22 keeps compiled code from run to run.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();

// `asynq task ls | head`: the reader has closed the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
  process.exit(1);
});
// `asynq queue rm a b 2>&1 | head -1`: what was asked for is done nevertheless.
process.stderr.on('error', () => {});

// Loaded here, so that it is read from the cache.
const { runInProcess } = await import('./run-in-process.js');
process.exitCode = await runInProcess(process.argv.slice(2));
