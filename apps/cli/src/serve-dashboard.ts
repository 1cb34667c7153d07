import {
  Client,
  type Connection,
  Inspector,
  InvalidOptionsError,
  type Logger,
  openBroker,
  silentLogger,
} from '@nestjs-asynq/core';
import { type DashboardConnection, startDashboard } from '@nestjs-asynq/dashboard/standalone';
import type { DashboardFlags } from './dashboard-flags.js';
import { interrupted } from './commands/interrupted.js';
import type { Io } from './io.js';
import { toJson } from './output/json.js';
import { UsageError } from './usage.error.js';

/** What the dashboard needs of the command that serves it. */
interface Host {
  readonly io: Io;
  show(data: unknown, text: string): void;
}

/**
 * Serves the pages of the dashboard until Ctrl-C. A file of its own in the package, with a core of its own: that of the
 * dashboard's package.
 */
export async function serveDashboard(connection: Connection, flags: DashboardFlags, host: Host): Promise<void> {
  const logger = loggerOf(host.io);
  const broker = openBroker(connection, { logger: silentLogger });
  const inspector = new Inspector({ connection: broker, logger: silentLogger });
  const password = flags.dashboard_password ?? (host.io.env['ASYNQ_DASHBOARD_PASSWORD'] || undefined);
  const clients = new Map<string, Client>();
  const clientFor = async (queue: string): Promise<Client> => {
    const count = (await inspector.partitions(queue)).filter((name) => name !== queue).length;
    const name = JSON.stringify([queue, count]); // partitions may be added meanwhile
    const client =
      clients.get(name) ??
      new Client({ connection: broker, logger: silentLogger, ...(count > 0 && { partitions: { [queue]: count } }) });
    clients.set(name, client);
    return client;
  };
  try {
    const server = await startDashboard({
      connections: [dashboardConnection(inspector, clientFor)],
      logger,
      host: flags.host,
      port: flags.port,
      readOnly: flags.read_only,
      ...(password !== undefined && { password }),
      ...(flags.proxy_header !== undefined && { proxyHeader: flags.proxy_header }),
      ...(flags.public_url !== undefined && { publicUrl: listOf(flags.public_url) }),
      ...(flags.redact !== undefined && { redact: listOf(flags.redact) }),
      ...(flags.environment !== undefined && { environment: flags.environment }),
    }).catch((error: unknown) => {
      throw isOpen(error) ? new UsageError(needsLogin(flags.host)) : error;
    });
    host.show({ url: server.url }, `The dashboard is at ${server.url} (Ctrl-C stops it)`);
    await interrupted();
    await server.close();
  } finally {
    await Promise.all([inspector.close(), ...[...clients.values()].map((client) => client.close())]);
    if (broker !== connection) await broker.close();
  }
}

const isOpen = (error: unknown): boolean =>
  error instanceof InvalidOptionsError && error.problems.some(({ option }) => option === 'host');

/** The flags of Go's command leave no other name: `--password` is that of Redis, for every command. */
const needsLogin = (host: string): string =>
  `other machines reach --host ${host}: give --dashboard_password (or ASYNQ_DASHBOARD_PASSWORD), or --proxy_header; ` +
  '--password is the password of Redis';

const listOf = (flag: string): string[] => flag.split(',').map((part) => part.trim());

function dashboardConnection(inspector: Inspector, clientFor: (queue: string) => Promise<Client>): DashboardConnection {
  return {
    name: 'default',
    inspector,
    async enqueue(type, payload, options) {
      const client = await clientFor(options.queue ?? 'default');
      const { queue, id, initialState } = await client.enqueue(type, payload, options);
      return { queue, id, state: initialState };
    },
    types: () => [],
    watchEvents: () => () => undefined,
  };
}

/** Actions of people, and errors, go to stderr. */
function loggerOf(io: Io): Logger {
  const write = (message: string, fields?: object): void => {
    io.stderr(`${message}${fields === undefined ? '' : ` ${toJson(fields).replaceAll(/\n\s*/g, ' ')}`}\n`);
  };
  return { debug() {}, info: write, warn: write, error: write };
}
