import { type Connection, parseRedisUrl, QueueError, RedisCommandError } from '@nestjs-asynq/core';

/**
 * Redis did not answer at boot, or refuses the connection: a wrong password, database or certificate. The message contains the
 * address without user name, password or query, and the reason.
 */
export class ConnectionUnavailableError extends QueueError {
  readonly code = 'CONNECTION_UNAVAILABLE';

  constructor(
    readonly address: string,
    /** How long it was tried; 0 when waiting cannot help. */
    readonly waitedMs: number,
    options: { cause: unknown },
  ) {
    super(messageFor(address, waitedMs, options.cause), options);
  }
}

function messageFor(address: string, waitedMs: number, cause: unknown): string {
  const reason = reasonOf(cause);
  if (!isPermanent(cause)) {
    return (
      `AsynqModule: cannot reach Redis at ${address} after ${waitedMs} ms (${reason}). ` +
      'Set connect.required=false to start without it.'
    );
  }
  const remedy = cause instanceof RedisCommandError && cause.remedy !== undefined ? `: ${cause.remedy}` : '';
  return `AsynqModule: Redis at ${address} cannot be used (${reason.replace(/\.$/, '')})${remedy}.`;
}

/** Trying again does not help. */
export function isPermanent(error: unknown): boolean {
  return error instanceof RedisCommandError && !error.isTransient;
}

/** Two modules define the same connection, so that there would be two clients and two servers. */
export class DuplicateConnectionError extends QueueError {
  readonly code = 'DUPLICATE_CONNECTION';

  constructor(readonly connection: string) {
    super(
      `AsynqModule.forRoot() was called twice for connection "${connection}" (Nest compares dynamic modules by reference). ` +
        'Import the module once, or pass a distinct name.',
    );
  }
}

/** The address of a connection, for messages. */
export function addressOf(connection: Connection): string {
  if (typeof connection === 'string') return connection;
  if ('memory' in connection && typeof connection.memory === 'string') return `memory "${connection.memory}"`;
  if ('url' in connection) return urlName(connection.url);
  if ('cluster' in connection && Array.isArray(connection.cluster))
    return `cluster ${connection.cluster.map(nodeName).join(', ')}`;
  if ('sentinels' in connection)
    return `"${connection.name}" of sentinels ${connection.sentinels.map(nodeName).join(', ')}`;
  return 'the address of the client that was passed in';
}

function nodeName(node: unknown): string {
  if (typeof node === 'string') return urlName(node);
  if (typeof node === 'number') return `localhost:${node}`;
  const { host = 'localhost', port = 6379 } = node as { readonly host?: string; readonly port?: number };
  return `${host}:${port}`;
}

function urlName(url: string): string {
  try {
    const { address, db } = parseRedisUrl(url);
    return db === undefined ? address : `${address}, database ${db}`;
  } catch {
    return 'an address that cannot be read';
  }
}

/**
 * Whether an error has an informative reason: a ping between two connection attempts only reports a missing connection.
 */
export function hasReason(error: unknown): boolean {
  return !reasonOf(error).startsWith('Connection is closed');
}

/** The innermost code or message: `ECONNREFUSED` says more than what wraps it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return (error as NodeJS.ErrnoException).code ?? error.message;
}
