import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { consoleLogger, guardLogger, type Logger, LOGGER_METHODS } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';

/** Where metrics are served. */
export interface MetricsServerOptions {
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  /** Default 9876, as of asynq's exporter; 0: a free one. */
  readonly port?: number | undefined;
  /** Address to listen on. Default: all. */
  readonly host?: string | undefined;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
}

/** A server of metrics that listens. */
export interface MetricsServer {
  /** `http://127.0.0.1:9876/metrics` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves a registry at `/metrics`, over HTTP and without a login: metrics hold names of queues and task types, no payloads.
 * @throws {InvalidOptionsError} an option is wrong
 * @throws {Error} the port is taken
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const reader = new OptionReader(options);
  reader.onlyKnown(['registry', 'port', 'host', 'logger']);
  const registry = reader.callable<MetricsServerOptions['registry']>('registry', options.registry, ['metrics']);
  const port = reader.wholeNumber('port', 9_876, 0, 65_535);
  const host = reader.text('host', undefined);
  const logger = guardLogger(reader.callable('logger', consoleLogger, LOGGER_METHODS));
  reader.throwIfWrong();

  const server = createServer((request, response) => {
    answer(registry, request, response).catch((error: unknown) => {
      logger.error('the metrics could not be read', { error });
      response.writeHead(500).end();
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  const { port: boundTo } = server.address() as AddressInfo;
  const shown = host === undefined || host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return {
    url: `http://${shown.includes(':') ? `[${shown}]` : shown}:${boundTo}/metrics`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  registry: MetricsServerOptions['registry'],
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url.split('?', 1)[0] !== '/metrics') return void response.writeHead(404).end();
  if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405, { allow: 'GET, HEAD' }).end();
  const text = await registry.metrics();
  response.writeHead(200, { 'content-type': registry.contentType, 'cache-control': 'no-store' });
  response.end(method === 'HEAD' ? undefined : text);
}
