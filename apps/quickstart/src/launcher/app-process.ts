import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** How long an app has to end by itself. */
const SHUTDOWN_TIMEOUT_MS = 10_000;

interface AppProcessOptions {
  readonly args?: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: (line: string) => void;
}

/** A program of this repository in its own process. */
export class AppProcess {
  /** Resolves to the exit status, or `null` after a signal, once its last line has been passed on. */
  readonly exit: Promise<number | null>;
  private readonly child: ChildProcess;

  constructor(script: string, { args = [], env, onLine }: AppProcessOptions) {
    this.child = spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface(this.child.stdout!).on('line', onLine);
    this.exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** SIGTERM, then SIGKILL. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), SHUTDOWN_TIMEOUT_MS);
    await this.exit;
    clearTimeout(timer);
  }
}
