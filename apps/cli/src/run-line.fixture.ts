import type { openBroker } from '@nestjs-asynq/core';
import { runCli } from './program.js';

/** What a command line does to the tasks of a broker, and prints without a terminal. */
export async function runLine(
  broker: ReturnType<typeof openBroker>,
  line: string,
  nowMs: () => number = () => Date.now(),
): Promise<{ status: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' };
  const io = {
    env: {},
    home: '/nowhere',
    isTty: false,
    nowMs,
    stdout: (text: string) => void (printed.stdout += text),
    stderr: (text: string) => void (printed.stderr += text),
  };
  const status = await runCli(line.split(' '), io, () => broker);
  return { status, ...printed };
}
