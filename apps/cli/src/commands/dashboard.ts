import type { Context } from '../context.js';
import type { DashboardFlags } from '../dashboard-flags.js';
import { type Cli, type Run, text } from './command.js';

export function dashboardCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    'dashboard',
    'Serve web pages to view and control queues, tasks and servers',
    (command) =>
      command
        .option('host', { ...text('Address to listen on'), default: '127.0.0.1' })
        .option('port', { type: 'number', default: 8080, describe: 'Port to listen on; 0 for a free one' })
        .option('dashboard_password', text('Password that browsers ask for; also ASYNQ_DASHBOARD_PASSWORD'))
        .option('proxy_header', text('Header in which a proxy sets the name of the person, such as X-Forwarded-User'))
        .option('public_url', text('Address under which browsers reach the pages, comma-separated'))
        .option('read_only', { type: 'boolean', default: false, describe: 'Refuse all changes' })
        .option('redact', text('Fields to hide in payloads, headers and errors, comma-separated: password,*.card'))
        .option('environment', text('Name of the environment, shown on every page')),
    run(dashboard),
  );
}

async function dashboard(context: Context, flags: DashboardFlags): Promise<void> {
  // Loaded here, so that other commands do not wait for it.
  const { serveDashboard } = await import('../serve-dashboard.js');
  await serveDashboard(context.connection, flags, context);
}
