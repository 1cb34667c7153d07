import type { Context } from '../context.js';
import { UsageError } from '../usage.error.js';
import { type Cli, type Run, text } from './command.js';
import { interrupted } from './interrupted.js';

interface MetricsFlags {
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly memory: boolean;
  readonly servers: boolean;
  readonly schedules: boolean;
  readonly max_queues: number;
}

const DEFAULT_PORT = 9_876;

export function metricsCommand(cli: Cli, run: Run): Cli {
  return cli.command(
    'metrics',
    'Serve metrics of all queues for Prometheus, at /metrics',
    (command) =>
      command
        .option('port', {
          type: 'number',
          describe: 'Port to listen on, 0 for a free one; also PORT',
          defaultDescription: String(DEFAULT_PORT),
        })
        .option('host', text('Address to listen on; default: all'))
        .option('memory', { type: 'boolean', default: true, describe: 'Estimate the memory of queues' })
        .option('servers', { type: 'boolean', default: true, describe: 'Count servers, find the longest runs' })
        .option('schedules', { type: 'boolean', default: true, describe: 'Read the ticks of schedules' })
        .option('max_queues', { type: 'number', default: 200, describe: 'Queues to show, the first ones by name' })
        // As asynq's metrics_exporter spells them.
        .alias({ uri: 'redis-addr', db: 'redis-db', username: 'redis-username', password: 'redis-password' }),
    run(serveMetrics),
  );
}

/** Connection settings from the variables of asynq's tools; those of `asynq` itself have precedence. */
export function exporterEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { REDIS_URL, REDIS_ADDR, REDIS_DB, REDIS_USERNAME, REDIS_PASSWORD } = env;
  const settings = {
    URI: REDIS_URL || REDIS_ADDR,
    DB: REDIS_DB,
    ASYNQ_USERNAME: REDIS_USERNAME,
    PASSWORD: REDIS_PASSWORD,
  };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined && value !== '');
  return { ...Object.fromEntries(given), ...env };
}

async function serveMetrics(context: Context, flags: MetricsFlags): Promise<void> {
  // Loaded here, so that other commands do not wait for it.
  const [{ QueueMetrics, startMetricsServer }, { collectDefaultMetrics, Registry }] = await Promise.all([
    import('@nestjs-asynq/core/metrics'),
    import('prom-client'),
  ]);
  const { memory, servers, schedules, max_queues: maxQueues, host } = flags;
  const logger = context.logger();
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const connections = [{ inspector: context.inspector }];
  new QueueMetrics({ connections, memory, servers, schedules, maxQueues, logger }).register(registry);
  const port = flags.port ?? portOf(context.io.env) ?? DEFAULT_PORT;
  const server = await startMetricsServer({ registry, port, host, logger });
  context.show({ url: server.url }, `Metrics are at ${server.url} (Ctrl-C stops it)`);
  await interrupted();
  await server.close();
}

function portOf({ PORT }: NodeJS.ProcessEnv): number | undefined {
  if (PORT === undefined || PORT === '') return undefined;
  if (!/^\d{1,5}$/.test(PORT)) throw new UsageError(`PORT is "${PORT}": a whole number expected`);
  return Number(PORT);
}
