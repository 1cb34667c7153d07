import type { Argv } from 'yargs';
import type { Cli, Run } from './commands/command.js';
import { completionCommand } from './commands/completion.js';
import { cronCommands } from './commands/cron.js';
import { dashCommand } from './commands/dash.js';
import { dashboardCommand } from './commands/dashboard.js';
import { doctorCommand } from './commands/doctor.js';
import { groupCommands } from './commands/group.js';
import { metricsCommand } from './commands/metrics.js';
import { queueCommands } from './commands/queue.js';
import { serverCommands } from './commands/server.js';
import { statsCommand } from './commands/stats.js';
import { taskCommands } from './commands/task.js';
import { SETTINGS } from './connection/settings.js';
import type { Io } from './io.js';
import { version, versionText } from './version.js';

const COMMANDS = [
  statsCommand,
  doctorCommand,
  queueCommands,
  taskCommands,
  groupCommands,
  serverCommands,
  cronCommands,
  dashCommand,
  dashboardCommand,
  metricsCommand,
];

/**
 * Describes all commands and flags, to the parser or to completion.
 * @param isHelpOnCommand omits the connection flags from the help, in favor of the command's own
 */
export function describeCommandLine(cli: Argv, run: Run, io: Io, isHelpOnCommand = false): Cli {
  const described: Cli = cli
    .options(connectionFlags(isHelpOnCommand))
    .option('config', {
      type: 'string',
      group: 'Redis:',
      describe: 'File with defaults for these flags',
      hidden: isHelpOnCommand,
      defaultDescription: '$HOME/.asynq.yaml',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
    .version(versionText())
    .help('help', `Show help${isHelpOnCommand ? '; connection flags: asynq --help' : ''}`)
    .alias({ help: 'h' });
  const commands = COMMANDS.reduce((filled, add) => add(filled, run), described);
  return completionCommand(
    commands.command('version', 'Print the version', {}, ({ json }) =>
      io.stdout(`${json ? JSON.stringify({ version: version() }) : versionText()}\n`),
    ),
    io,
  );
}

function connectionFlags(hidden: boolean) {
  const flags = Object.entries(SETTINGS).map(([name, setting]) => {
    const type = ({ text: 'string', number: 'number', switch: 'boolean' } as const)[setting.kind];
    const alias = 'alias' in setting ? { alias: setting.alias } : {};
    const shown = 'defaultText' in setting ? { defaultDescription: setting.defaultText } : {};
    return [name, { type, describe: setting.describe, group: 'Redis:', hidden, ...alias, ...shown }] as const;
  });
  return Object.fromEntries(flags);
}
