import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const MAIN = join(import.meta.dirname, '../../apps/cli/dist/main.js');

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The `asynq` command as built, run with the same environment and first flags each time. */
export class AsynqCommand {
  constructor(
    private readonly flags: readonly string[],
    private readonly env: Readonly<Record<string, string>> = {},
  ) {}

  async run(...args: readonly string[]): Promise<CommandResult> {
    const child = spawn(process.execPath, [MAIN, ...this.flags, ...args], {
      // No config file of whoever runs the tests.
      env: { PATH: process.env['PATH'], HOME: join(tmpdir(), 'nobody'), TZ: 'UTC', ...this.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const closed = once(child, 'close') as Promise<[number | null]>;
    const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return { status, stdout, stderr };
  }

  /** Runs a command that must work. */
  async output(...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(...args);
    if (status !== 0 || stderr !== '') throw new Error(`asynq ${args.join(' ')} ended with ${status}: ${stderr}`);
    return stdout;
  }

  /** Lines of a table, each as its cells. */
  async rows(...args: readonly string[]): Promise<string[][]> {
    const lines = (await this.output(...args)).trimEnd().split('\n');
    return lines.map((line) => line.trim().split(/ {2,}/));
  }

  async json(...args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.output(...args, '--json'));
  }
}
