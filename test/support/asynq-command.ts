import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const DIST = join(import.meta.dirname, '../../apps/cli/dist');
/** How to start our command as built. */
const OURS = [process.execPath, join(DIST, 'main.js')] as const;
/** No config file of whoever runs the tests. */
const NO_HOME = join(tmpdir(), 'nobody');

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Two spaces or more, but not those of a date: `Tue Dec  1 00:09:59 UTC 2026`. */
const BETWEEN_CELLS = /(?<!\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3}) {2,}/;

/** An `asynq` command, ours as built unless told otherwise, run with the same environment and first flags each time. */
export class AsynqCommand {
  constructor(
    protected readonly flags: readonly string[],
    protected readonly env: Readonly<Record<string, string>> = {},
    private readonly program: readonly [file: string, ...args: string[]] = OURS,
  ) {}

  async run(...args: readonly string[]): Promise<CommandResult> {
    const [file, ...first] = this.program;
    const child = spawn(file, [...first, ...this.flags, ...args], {
      env: { PATH: process.env['PATH'], HOME: NO_HOME, TZ: 'UTC', ...this.env },
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
    return lines.map((line) => line.trim().split(BETWEEN_CELLS));
  }

  async json(...args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.output(...args, '--json'));
  }
}

type RunCli = (args: readonly string[], io: object) => Promise<number>;

/** Our command as built, run in this process: for many command lines, as a process takes half a second to start. */
export class CommandInProcess extends AsynqCommand {
  override async run(...args: readonly string[]): Promise<CommandResult> {
    const { runCli } = (await import(pathToFileURL(join(DIST, 'program.js')).href)) as { runCli: RunCli };
    const printed = { stdout: '', stderr: '' };
    const status = await runCli([...this.flags, ...args], {
      env: this.env,
      home: NO_HOME,
      isTty: false,
      nowMs: Date.now,
      stdout: (text: string) => void (printed.stdout += text),
      stderr: (text: string) => void (printed.stderr += text),
    });
    return { status, ...printed };
  }
}
