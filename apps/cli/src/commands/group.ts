import type { Context } from '../context.js';
import { oneLine } from '../output/cells.js';
import { type Cli, commandGroup, queueName, type Run } from './command.js';

export function groupCommands(cli: Cli, run: Run): Cli {
  return commandGroup(cli, 'group', 'Manage groups', (group) =>
    group.command(
      ['list', 'ls'],
      'List the groups of a queue',
      (command) => command.option('queue', { ...queueName('Name of a queue'), alias: 'q', demandOption: true }),
      run(list),
    ),
  );
}

async function list(context: Context, { queue }: { readonly queue: string }): Promise<void> {
  const groups = await context.inspector.groups(queue);
  context.show(groups, () =>
    groups.length === 0
      ? `No groups found in queue ${JSON.stringify(queue)}`
      : groups.map(({ group }) => oneLine(group)).join('\n'),
  );
}
