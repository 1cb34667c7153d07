import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'dist/apps/quickstart');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The launcher of the tutorial as built, in a process group of its own. */
export class QuickstartProcess {
  readonly ended: Promise<Ended>;
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;
  private readonly lines: string[] = [];
  private waiting: (() => void)[] = [];

  /** @param options.temporary where its temporary files go */
  constructor(args: readonly string[], { path, temporary }: { path: string; temporary: string }) {
    this.child = spawn(process.execPath, [join(folder, 'quickstart.js'), ...args], {
      env: { ...process.env, PATH: path, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let stderr = '';
    this.child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    createInterface(this.child.stdout).on('line', (line) => {
      this.lines.push(line);
      this.wake();
    });
    this.ended = once(this.child, 'close').then(([code]) => {
      this.wake();
      return { code: code as number | null, stdout: this.lines.join('\n'), stderr };
    });
  }

  /** Resolves when a line of the output matches. Rejects when the launcher ends without it. */
  async printed(pattern: RegExp): Promise<void> {
    while (!this.lines.some((line) => pattern.test(line))) {
      if (this.child.exitCode !== null)
        throw new Error(`ended without ${pattern}: ${JSON.stringify(await this.ended)}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** As in a terminal: each process of the group gets the signal. */
  pressCtrlC(): void {
    process.kill(-this.child.pid!, 'SIGINT');
  }

  /** Closes its output pipe. */
  closeOutput(): void {
    this.child.stdout.destroy();
  }

  /** Whatever is left of the group. */
  killGroup(): void {
    try {
      process.kill(-this.child.pid!, 'SIGKILL');
    } catch {
      // Nothing is left.
    }
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Runs one of the built programs to its end. */
export function runApp(script: string, env: Readonly<Record<string, string>>): { stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(root, script)], { env: { ...process.env, ...env }, encoding: 'utf8' });
}

/** Processes and files left by a run on these ports. */
export function traces(temporary: string, port: number): { files: string[]; processes: string[] } {
  const nodes = [0, 1, 2, 3, 4, 5].map((offset) => `:${port + offset} [cluster]`);
  const marks = [...nodes, join(folder, 'client.js'), join(folder, 'worker.js')];
  const processes = commandLines().filter((line) => marks.some((mark) => line.includes(mark)));
  return { files: readdirSync(temporary), processes };
}

/** Of all processes. Not each Linux has `ps`. */
function commandLines(): string[] {
  if (!existsSync('/proc/self/cmdline')) {
    return spawnSync('ps', ['-A', '-o', 'args='], { encoding: 'utf8' }).stdout.split('\n');
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return ''; // it has ended
    }
  });
}

/** The file of a program, which may be a name on the PATH. */
export function findProgram(name: string): string | undefined {
  const folders = isAbsolute(name) ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
