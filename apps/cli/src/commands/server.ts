import type { Context } from '../context.js';
import { agoCell } from '../output/cells.js';
import { table } from '../output/table.js';
import { type Cli, commandGroup, type Run } from './command.js';

export function serverCommands(cli: Cli, run: Run): Cli {
  return commandGroup(cli, 'server', 'Manage servers', (group) =>
    group.command(['list', 'ls'], 'List running servers', {}, run(list)),
  );
}

async function list(context: Context): Promise<void> {
  const servers = (await context.inspector.servers()).toSorted(
    (one, other) => compareText(one.host, other.host) || one.pid - other.pid,
  );
  const rows = servers.map((server) => [
    server.host,
    server.pid,
    server.status,
    `${server.workers.length}/${server.concurrency}`,
    queuesCell(server.queues),
    agoCell(server.startedAt, context.io.nowMs()),
  ]);
  const titles = ['Host', 'PID', 'State', 'Active Workers', 'Queues', 'Started'];
  context.show(servers, servers.length === 0 ? 'No running servers' : table(titles, rows));
}

/** `name:priority`, the highest priority first. */
function queuesCell(queues: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(queues).toSorted(
    ([name, priority], [otherName, otherPriority]) => otherPriority - priority || compareText(name, otherName),
  );
  return sorted.map(([name, priority]) => `${name}:${priority}`).join(' ');
}

/** Order of code points, as Go sorts. */
export function compareText(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
