import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A shell command that runs once this process has ended in any way (SIGKILL included), so that a test run leaves no server
 * and no folder behind.
 *
 * A small shell in its own process group reads lines from a pipe; when the pipe closes it runs the last line, which holds
 * the commands of all that are open.
 */
export class OrphanCleanup implements Disposable {
  private static readonly open = new Map<OrphanCleanup, string>();
  private static shell: ChildProcess | undefined;

  constructor(command: string) {
    this.revise(command);
  }

  /** Replaces the command; one line of shell. */
  revise(command: string): void {
    OrphanCleanup.open.set(this, command);
    OrphanCleanup.tellShell();
  }

  [Symbol.dispose](): void {
    OrphanCleanup.open.delete(this);
    OrphanCleanup.tellShell();
  }

  private static tellShell(): void {
    this.shell ??= startShell();
    this.shell.stdin?.write(`${[':', ...this.open.values()].join('; ')}\n`);
  }
}

function startShell(): ChildProcess {
  const script = 'while IFS= read -r line; do todo=$line; done; eval "$todo"';
  const shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  shell.unref();
  return shell;
}
