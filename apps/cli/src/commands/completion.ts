import { basename } from 'node:path';
import { isShellName, SHELL_NAMES, type ShellName, SHELLS } from '../completion/shells.js';
import type { Io } from '../io.js';
import type { Cli } from './command.js';

export function completionCommand(cli: Cli, io: Io): Cli {
  return cli.command(
    'completion [shell]',
    'Print a completion script',
    (command) =>
      command.positional('shell', {
        choices: SHELL_NAMES,
        describe: 'Which shell; default: that of $SHELL, else bash',
      }),
    ({ shell }) => io.stdout(SHELLS[shell ?? shellOf(io.env)].script),
  );
}

function shellOf({ SHELL = '' }: NodeJS.ProcessEnv): ShellName {
  const name = basename(SHELL);
  return isShellName(name) ? name : 'bash';
}
