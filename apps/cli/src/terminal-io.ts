import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import type { Io } from './io.js';
import { StoppedError } from './output/interrupt.js';

/** The environment of this process. */
export function processIo(): Io {
  const { env, stdin, stdout, stderr } = process;
  const isAttended = stdin.isTTY && stdout.isTTY;
  return {
    env,
    home: homedir(),
    isTty: stdout.isTTY,
    nowMs: Date.now,
    stdout: (text) => void stdout.write(text),
    stderr: (text) => void stderr.write(text),
    columns: stdout.isTTY ? stdout.columns : undefined,
    ask: isAttended ? ask : undefined,
    readInput: async () => Buffer.concat(await stdin.toArray()),
    edit: isAttended ? edit : undefined,
  };
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const stopped = new AbortController();
  lines.once('SIGINT', () => stopped.abort());
  lines.once('close', () => stopped.abort()); // the end of the input
  try {
    return await lines.question(question, { signal: stopped.signal });
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    process.stderr.write('\n');
    throw new StoppedError('stopped before anything was changed');
  } finally {
    lines.close();
  }
}

/** Only this user may read the file. */
async function edit(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'asynq-'));
  const file = join(folder, 'payload');
  try {
    await writeFile(file, text, { mode: 0o600 });
    const editor = process.env['VISUAL'] || process.env['EDITOR'] || 'vi';
    // As git does it: the variable may hold flags.
    const child = spawn('sh', ['-c', `${editor} "$1"`, editor, file], { stdio: 'inherit' });
    const status = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
    if (status !== 0) throw new Error(`the editor "${editor}" ended with status ${String(status)}`);
    return await readFile(file, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
