import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { OrphanCleanup } from '../support/orphan-cleanup.js';

const folder = join(import.meta.dirname, '../../dist/apps/members');

/**
 * To compile what is hot a second time takes longer than a test uses it, above all PGlite, which is 9 MB of WebAssembly.
 * All cores run tests: what threads do in the background takes theirs.
 */
const FOR_A_SHORT_LIFE = ['--liftoff-only', '--no-opt', '--single-threaded', '--min-semi-space-size=16'];

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The sample app as built, in a process of its own. */
export class MembersProcess implements AsyncDisposable {
  readonly exit: Promise<Exit>;
  stdout = '';
  stderr = '';
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;
  private readonly cleanup: OrphanCleanup;
  private readonly lines: string[] = [];
  private readonly waiting: (() => void)[] = [];

  /** @param environment all that the app sees of the environment, but for the PATH */
  constructor(entry: 'main' | 'demo', environment: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [...FOR_A_SHORT_LIFE, join(folder, `${entry}.js`)], {
      // A folder without a `.env`.
      cwd: folder,
      env: { PATH: process.env['PATH'], HTTP_ADDRESS: '127.0.0.1:0', VERIFY_EMAIL_DELAY: '50ms', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.cleanup = new OrphanCleanup(`kill -9 ${this.child.pid}`);
    this.child.stderr.on('data', (data: Buffer) => (this.stderr += data.toString()));
    createInterface(this.child.stdout).on('line', (line) => this.note(line));
    this.exit = once(this.child, 'close').then(([code, signal]: Exit[keyof Exit][]) => {
      this.cleanup[Symbol.dispose]();
      this.note('');
      return { code, signal } as Exit;
    });
  }

  /** The first line of the output that matches, past or to come. Rejects when the process ends without it. */
  async line(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => pattern.test(line));
      if (found !== undefined) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`the app ended without ${pattern}:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** Where it listens, once it does. */
  async url(): Promise<string> {
    const line = await this.line(/^members: http/);
    return /http\S+?(?=,)/.exec(line)![0];
  }

  async createMember(membername: string, email = 'ada@example.com'): Promise<Response> {
    const body = JSON.stringify({ membername, fullName: 'Ada Lovelace', email });
    const headers = { 'content-type': 'application/json' };
    return fetch(`${await this.url()}/members`, { method: 'POST', headers, body });
  }

  /** The code in the first mail, once that is printed. */
  async code(): Promise<string> {
    return /code=([\w-]{43})$/.exec(await this.line(/\/members\/verify\?code=/))![1]!;
  }

  kill(signal: NodeJS.Signals): Promise<Exit> {
    this.child.kill(signal);
    return this.exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill('SIGKILL');
  }

  private note(line: string): void {
    this.lines.push(line);
    this.stdout += `${line}\n`;
    for (const wake of this.waiting.splice(0)) wake();
  }
}
