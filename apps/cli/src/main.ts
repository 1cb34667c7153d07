#!/usr/bin/env node
import module from 'node:module';
import process from 'node:process';

// Node 22 keeps compiled code from run to run.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();

// `asynq task ls | head`: the reader has closed the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

// Loaded here, so that it is read from the cache.
const { runInProcess } = await import('./run-in-process.js');
process.exitCode = await runInProcess(process.argv.slice(2));
