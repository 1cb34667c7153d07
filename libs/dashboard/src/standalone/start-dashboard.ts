import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '@nestjs-asynq/core';
import { OptionReader } from '@nestjs-asynq/core/internal';
import type { ActionListener } from '../actions/audit.js';
import type { DashboardConnection } from '../connection.js';
import { Dashboard, type Route } from '../dashboard.js';
import { readBody } from '../http/body.js';
import { json } from '../http/headers.js';
import { goneSignal, send } from '../http/node-response.js';
import { type DashboardOptions, readOptions } from '../options.js';
import { isLoopback, type Login, personOf } from './login.js';

/** Options of a dashboard without an app. */
export interface StandaloneOptions extends Omit<DashboardOptions, 'access'>, Login {
  readonly connections: readonly DashboardConnection[];
  readonly logger: Logger;
  /** Default `'127.0.0.1'`. Other machines reach others: they need `password` or `proxyHeader`. */
  readonly host?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  readonly onAction?: ActionListener | undefined;
}

/** A dashboard that listens. */
export interface DashboardServer {
  /** `http://127.0.0.1:8080/` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the pages by themselves.
 * @throws {InvalidOptionsError} an option is wrong, or an address of the network has no login
 */
export async function startDashboard(options: StandaloneOptions): Promise<DashboardServer> {
  const { connections, logger, host = '127.0.0.1', port = 0, onAction, password, proxyHeader, ...others } = options;
  const login: Login = { password, proxyHeader };
  checkLogin(host, login);
  const dashboard = new Dashboard({
    settings: readOptions({
      ...others,
      access: (request: Asked) => ({ right: 'admin', who: request.who || undefined }),
    }),
    connections,
    logger,
    onAction: (action) => onAction?.(action),
    checksHost: password === undefined && proxyHeader === undefined,
    standalone: true,
  });
  const server = createServer((request, response) => void answer(dashboard, login, request, response));
  server.listen(port, host);
  await once(server, 'listening');
  dashboard.start();
  return { url: urlOf(server, host), close: () => close(server, dashboard) };
}

/** What the access function is given. */
interface Asked {
  readonly who: string;
}

function checkLogin(host: string, { password, proxyHeader }: Login): void {
  const reader = new OptionReader({ host, password, proxyHeader });
  reader.text('password', undefined);
  if (proxyHeader !== undefined && !/^[\w-]+$/.test(proxyHeader)) reader.refuse('proxyHeader', 'the name of a header');
  if (!isLoopback(host) && password === undefined && proxyHeader === undefined) {
    reader.refuse('host', 'an address of this machine (127.0.0.1), or one with a password or a proxy header');
  }
  reader.throwIfWrong();
}

async function answer(
  dashboard: Dashboard,
  login: Login,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const who = personOf(request, login);
  if (who === undefined) {
    if (login.password !== undefined) response.setHeader('www-authenticate', 'Basic realm="asynq", charset="UTF-8"');
    await send(response, json({ error: { code: 'FORBIDDEN', message: 'log in first' } }, 401));
    return;
  }
  const route = routeOf(dashboard, request);
  if (typeof route === 'number') {
    const code = route === 405 ? 'METHOD' : 'NOT_FOUND';
    await send(response, json({ error: { code, message: 'the dashboard has no such address' } }, route));
    return;
  }
  const source: Asked = { who };
  const { method = 'GET', url = '/', headers } = request;
  const body = (): Promise<unknown> => readBody(request);
  await send(response, await route.handle({ method, url, headers, body, source, signal: goneSignal(response) }));
}

/** By the exact path, and the method. */
function routeOf(dashboard: Dashboard, { method, url = '/' }: IncomingMessage): Route | 404 | 405 {
  const path = url.split('?', 1)[0]!.slice(1);
  const key = /^assets\/[^/]+$/.test(path) ? 'assets/:name' : path;
  const found = dashboard.routes.filter((route) => route.path === key);
  if (found.length === 0) return 404;
  const wanted = method === 'HEAD' ? 'GET' : method;
  return found.find((route) => route.method === wanted) ?? 405;
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`;
}

async function close(server: Server, dashboard: Dashboard): Promise<void> {
  await dashboard.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
