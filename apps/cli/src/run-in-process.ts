import process from 'node:process';
import { versionText } from './version.js';

/** Runs the command line of this process, and loads no more than it needs. */
export async function runInProcess(args: readonly string[]): Promise<number> {
  if (args.length === 1 && (args[0] === 'version' || args[0] === '--version')) {
    process.stdout.write(`${versionText()}\n`);
    return 0;
  }
  if (args[0] === '--complete') {
    const [{ complete }, { processIo }] = await Promise.all([
      import('./completion/complete.js'),
      import('./terminal-io.js'),
    ]);
    return complete(args.slice(1), processIo());
  }
  const [{ runCli }, { processIo }] = await Promise.all([import('./program.js'), import('./terminal-io.js')]);
  return runCli(args, processIo());
}
