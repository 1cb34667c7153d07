import { isIP } from 'node:net';
import { WRITE_HEADER } from '../api/routes.js';
import type { DashboardRequest } from './exchange.js';
import { RequestError } from './request.error.js';

export interface OriginRules {
  /** Hosts under which the dashboard is reached, besides that of the request: proxies may rewrite `Host`. */
  readonly publicHosts: readonly string[];
  /**
   * Refuse host names that are not known. Without it a page of an attacker, whose name leads to this machine for a
   * moment, counts as our own.
   */
  readonly checksHost: boolean;
}

/** @throws {RequestError} the dashboard was reached under a name that is not ours */
export function checkHost({ headers }: DashboardRequest, { publicHosts, checksHost }: OriginRules): void {
  if (!checksHost) return;
  const host = (headers.host ?? '').toLowerCase();
  if (publicHosts.includes(host) || isLocal(nameOf(host))) return;
  throw new RequestError(
    421,
    'UNKNOWN_HOST',
    'the dashboard is not known under this host name: add its address to the option "publicUrl"',
  );
}

/**
 * Refuses what a page of another site asks for. Browsers leave `Sec-Fetch-Site` out on plain HTTP, except on localhost:
 * then the origin, which they send with every request of another site that a script can read the answer of, and with
 * every POST, has to be ours.
 * @throws {RequestError} another site asks
 */
export function checkOrigin(request: DashboardRequest, rules: OriginRules): void {
  const { headers } = request;
  const site = headers['sec-fetch-site'];
  if (typeof site === 'string') {
    // `none`: typed into the address bar, or a bookmark. A subdomain is another site here.
    if (site !== 'same-origin' && !(site === 'none' && isRead(request))) throw crossSite();
    return;
  }
  if (headers.origin !== undefined && !isOurs(headers.origin, headers.host, rules)) throw crossSite();
}

/** @throws {RequestError} a form or a link may have sent this */
export function checkProof(request: DashboardRequest, rules: OriginRules): void {
  const [contentType = ''] = (request.headers['content-type'] ?? '').split(';');
  if (contentType.trim().toLowerCase() !== 'application/json') {
    throw new RequestError(415, 'CONTENT_TYPE', 'the body must be application/json');
  }
  if (request.headers[WRITE_HEADER.name] !== WRITE_HEADER.value) throw crossSite();
  checkOrigin(request, rules);
}

const isRead = ({ method }: DashboardRequest): boolean => method === 'GET' || method === 'HEAD';

function isOurs(origin: string, host: string | undefined, { publicHosts }: OriginRules): boolean {
  const from = hostOf(origin);
  return from !== undefined && (from === withoutDefaultPort(host ?? '') || publicHosts.includes(from));
}

/** `host:port` of an address, without a default port. */
export function hostOf(address: string): string | undefined {
  try {
    return new URL(address).host.toLowerCase();
  } catch {
    return undefined; // 'null', from a sandboxed page or a file
  }
}

/** An origin leaves the default port out; a host header may have it. */
const withoutDefaultPort = (host: string): string => host.toLowerCase().replace(/:(80|443)$/, '');

/** The name alone: no DNS server can turn an address, or `localhost`, into another one. */
const isLocal = (name: string): boolean => isIP(name) > 0 || name === 'localhost' || name.endsWith('.localhost');

const nameOf = (host: string): string => /^\[(.*)\](:\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '');

const crossSite = (): RequestError =>
  new RequestError(403, 'CROSS_SITE', 'only pages of the dashboard itself may ask this');
