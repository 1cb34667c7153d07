#!/usr/bin/env node
import { homedir } from 'node:os';
import process from 'node:process';
import { runCli } from './program.js';
import { splitShortFlags } from './short-flags.js';

// `asynq task ls | head`: the reader has closed the pipe.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await runCli(splitShortFlags(process.argv.slice(2)), {
  env: process.env,
  home: homedir(),
  isTty: process.stdout.isTTY,
  nowMs: Date.now,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
});
