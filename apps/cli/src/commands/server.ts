import type { Context } from '../context.js';
import { SERVER_TITLES, serverRows, serversInOrder } from '../output/server-table.js';
import { table } from '../output/table.js';
import { type Cli, commandGroup, type Run } from './command.js';

export function serverCommands(cli: Cli, run: Run): Cli {
  return commandGroup(cli, 'server', 'Manage servers', (group) =>
    group.command(['list', 'ls'], 'List running servers', {}, run(list)),
  );
}

async function list(context: Context): Promise<void> {
  const servers = serversInOrder(await context.inspector.servers(context.partly));
  if (servers.length === 0 && context.hasFailed) return;
  context.show(servers, () =>
    servers.length === 0 ? 'No running servers' : table(SERVER_TITLES, serverRows(servers, context.io.nowMs())),
  );
}
