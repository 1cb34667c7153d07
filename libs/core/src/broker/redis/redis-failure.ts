import { QueueError } from '../../errors/queue-error.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';

/**
 * Failures that pass by themselves: the server is away, failing over, loading, or moving slots. Matched by text,
 * because ioredis and Redis say most of them in plain errors.
 */
const TRANSIENT = new RegExp(
  [
    '^(?:-?(?:MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|READONLY|MASTERDOWN|NOREPLICAS|BUSY|UNBLOCKED)\\b)',
    'read.?only replica',
    'Connection is closed',
    'max retries per request',
    'Too many Cluster redirections',
    'enableOfflineQueue',
    'None of startup nodes is available',
    'Failed to refresh slots cache',
    'All sentinels are unreachable',
    'timed? ?out',
    'ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH',
    'Socket closed',
  ].join('|'),
  'i',
);

/** The server refuses scripts that touch keys outside `KEYS`: Dragonfly, and the proxies of cloud clusters. */
const UNDECLARED_KEYS = /undeclared key|passed using the KEYS/i;

/** The connection leads to a server that was demoted: ask again who is master. */
const DEMOTED = /READONLY|read.?only replica/i;

/** This user may not run a command or reach a channel, or the server has no such command. */
const REFUSED = /\bNOPERM\b|The user executing the script can't|unknown command/i;

export const textOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const last = (error as { lastNodeError?: Error }).lastNodeError;
  return last ? `${error.message} ${last.message}` : error.message;
};

export const isRefusal = (error: unknown): boolean => REFUSED.test(textOf(error));
/** A command itself is refused, not one that a script makes. */
export const isRefusalOf = (command: string, error: unknown): boolean =>
  isRefusal(error) && new RegExp(`['\`]${command}\\b`, 'i').test(textOf(error));
export const isTransient = (error: unknown): boolean =>
  !isRefusal(error) && TRANSIENT.test(`${textOf(error)} ${codeOf(error)}`);
export const refusesUndeclaredKeys = (error: unknown): boolean => UNDECLARED_KEYS.test(textOf(error));
export const isDemoted = (error: unknown): boolean => DEMOTED.test(textOf(error));

/** What one of our own parts threw stays as it is. */
export function toRedisError(command: string, error: unknown): QueueError {
  return error instanceof QueueError ? error : new RedisCommandError(command, isTransient(error), { cause: error });
}

const codeOf = (error: unknown): string => (error as { code?: string } | null)?.code ?? '';
