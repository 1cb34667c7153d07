import { ConsoleLogger, type INestApplication, Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { ConfigurationError } from './config/configuration.error.js';
import { type Settings, settings } from './config/settings.js';
import { OPEN_DATABASE } from './database/database.module.js';
import type { OpenDatabase } from './database/database.js';

/** Where the dashboard is; `undefined`: the app serves no HTTP. */
export async function dashboardUrl(app: INestApplication): Promise<string | undefined> {
  const { role } = app.get<Settings>(settings.KEY);
  return role === 'worker' ? undefined : `${await app.getUrl()}/monitoring/`;
}

/** Creates the app and starts the parts of its role. SIGTERM and SIGINT drain it and exit with 0. */
export async function startApp(): Promise<INestApplication> {
  // Logs are buffered until the app has started; if it fails to, `explainBootFailure` is shorter.
  const app = await NestFactory.create(AppModule, { bufferLogs: true, autoFlushLogs: false, abortOnError: false });
  app.enableShutdownHooks([], { useProcessExit: true });
  const { role, httpHost, httpPort } = app.get<Settings>(settings.KEY);
  if (role === 'worker') await app.init();
  else await app.listen(httpPort, httpHost);
  app.useLogger(new ConsoleLogger({ logLevels: ['warn', 'error', 'fatal'] }));
  app.flushLogs();
  warnOfForgetfulQueues(app.get<Settings>(settings.KEY));
  return app;
}

/** The outbox only guarantees delivery to the queues, which may be in memory. */
function warnOfForgetfulQueues({ redisUrl, databaseUrl, pgliteDir }: Settings): void {
  if (redisUrl !== undefined || (databaseUrl === undefined && pgliteDir === undefined)) return;
  new Logger('members').warn('members are stored permanently, tasks are not: set REDIS_ADDRESS to keep both');
}

/** One line about the running parts and their addresses. */
export async function describeApp(app: INestApplication): Promise<string> {
  const { role, redisUrl } = app.get<Settings>(settings.KEY);
  const { description } = app.get<OpenDatabase>(OPEN_DATABASE);
  const at = role === 'worker' ? 'worker' : await app.getUrl();
  return `${at}, queues in ${redisUrl === undefined ? 'memory' : 'Redis'}, members in ${description}`;
}

/** Why the app did not start, in readable lines. Only unexpected errors come with their stack. */
export function explainBootFailure(error: unknown): string {
  if (error instanceof ConfigurationError) return error.problems.join('\n');
  if (!(error instanceof Error)) return String(error);
  if (isOperational(error)) return `the app cannot start: ${error.message || firstMessage(error)}`;
  return error.stack ?? error.message;
}

/** An error of the environment rather than the code: errors of sockets, servers and the queue have a code. */
function isOperational(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string';
}

/** Node reports a host of several addresses as an `AggregateError` with an empty message. */
function firstMessage(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error.cause;
  return first instanceof Error ? first.message : error.name;
}
