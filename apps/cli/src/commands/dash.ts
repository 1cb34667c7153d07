import type { Context } from '../context.js';
import { parseGoDuration } from '../output/go-duration.js';
import { UsageError } from '../usage.error.js';
import type { Cli, Run } from './command.js';

interface DashFlags {
  readonly refresh: string;
}

export function dashCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    'dash',
    'View and control queues, tasks and servers, live',
    (command) =>
      command.option('refresh', { type: 'string', default: '8s', describe: 'How often to refresh; 1s or more' }),
    run(dash),
  );
}

async function dash(context: Context, { refresh }: DashFlags): Promise<void> {
  const refreshMs = parseGoDuration('refresh', refresh);
  if (refreshMs < 1_000) throw new UsageError(`--refresh is "${refresh}": 1s or more expected`);
  if (!context.io.isTty) throw new UsageError('dash needs a terminal');
  // Loaded here, so that other commands do not wait for it.
  const { openDash } = await import('../dash/open-dash.js');
  await openDash(context.inspector, { refreshMs, nowMs: context.io.nowMs });
}
