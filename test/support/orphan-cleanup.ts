import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A shell command that runs once this process has ended in any way (SIGKILL included), so that a test run leaves no server
 * and no folder behind.
 *
 * A small shell in its own process group reads lines from a pipe; when the pipe closes it runs the last line.
 */
export class OrphanCleanup implements Disposable {
  private readonly shell: ChildProcess;

  constructor(command: string) {
    const script = 'while IFS= read -r line; do todo=$line; done; eval "$todo"';
    this.shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    this.shell.unref();
    this.revise(command);
  }

  /** Replaces the command; one line of shell. */
  revise(command: string): void {
    this.shell.stdin?.write(`${command}\n`);
  }

  [Symbol.dispose](): void {
    this.shell.stdin?.end(':\n');
  }
}
