import { QueueError } from '../../errors/queue-error.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { kindOfReply } from '../../scripts/reply-shape.js';
import type { ScriptLayout } from '../../scripts/script.js';

/**
 * How a failure is handled:
 *
 * - `pass`: it is temporary. Background parts back off, `enqueue` repeats a few times.
 * - `repair`: an operator has to fix it. Calls fail at once; background parts back off, and an outcome is kept as long as the
 *   lease of its task lasts.
 * - `fail`: it is permanent. An outcome is given up.
 */
export type Handling = 'pass' | 'repair' | 'fail';

interface Failure {
  readonly name: string;
  readonly text: RegExp;
  readonly handling: Handling;
  /** The remedy for an operator. */
  readonly remedy?: string;
}

/**
 * All recognized failures, by their texts: ioredis and Redis report most of them as plain errors, scripts wrap those of
 * their commands, proxies reword them. The first match counts.
 */
export const FAILURES: readonly Failure[] = [
  // Redis quotes the arguments of an unknown command: their text must not match.
  { name: 'unknown command', text: /unknown (?:sub)?command/i, handling: 'fail' },
  {
    name: 'NOPERM',
    text: /\bNOPERM\b|The user executing the script can't/i,
    handling: 'repair',
    remedy: 'grant the missing right to the Redis user',
  },
  {
    name: 'WRONGPASS',
    text: /\bWRONGPASS\b|\binvalid password\b/i,
    handling: 'repair',
    remedy: 'check user name and password of the connection',
  },
  {
    name: 'NOAUTH',
    text: /\bNOAUTH\b/,
    handling: 'repair',
    remedy: 'Redis asks for a password: set it in the URL of the connection',
  },
  {
    name: 'DENIED',
    text: /\bDENIED\b.*protected mode/,
    handling: 'repair',
    remedy: 'set a password in Redis, or bind it to other addresses',
  },
  {
    name: 'database',
    text: /DB index is out of range|invalid DB index|SELECT is not allowed/i,
    handling: 'repair',
    remedy: 'choose a database that Redis has, 0 to 15 by default; a cluster has only 0',
  },
  {
    name: 'TLS',
    text: /ERR_SSL|SSL routines|ERR_TLS|self.signed certificate|\bCERT_|UNABLE_TO_|certificate has expired|does not match certificate/i,
    handling: 'repair',
    remedy: 'check whether Redis expects TLS (rediss://) or not (redis://), and the certificates in options.tls',
  },
  {
    name: 'OOM',
    text: /\bOOM\b/,
    handling: 'repair',
    remedy: 'Redis is full: raise maxmemory, or delete archived and completed tasks or other data',
  },
  {
    name: 'MISCONF',
    text: /\bMISCONF\b/,
    handling: 'repair',
    remedy: "Redis cannot write to its disk: free disk space, see Redis' log",
  },
  {
    name: 'READONLY',
    text: /\bREADONLY\b|read.?only (?:replica|slave)/i,
    handling: 'pass',
    remedy: 'the server is a replica: connect to its master, or through sentinels; after a failover this is temporary',
  },
  { name: 'LOADING', text: /\bLOADING\b/, handling: 'pass', remedy: 'Redis is loading its data, which is temporary' },
  {
    name: 'BUSY',
    text: /\bBUSY\b/,
    handling: 'pass',
    remedy: 'a script keeps Redis busy: wait, or end it with SCRIPT KILL',
  },
  {
    name: 'MASTERDOWN',
    text: /\bMASTERDOWN\b/,
    handling: 'pass',
    remedy: 'the server is a replica that has lost its master: connect to a master',
  },
  {
    name: 'NOREPLICAS',
    text: /\bNOREPLICAS\b/,
    handling: 'pass',
    remedy: 'fewer replicas are connected than min-replicas-to-write requires',
  },
  {
    name: 'CLUSTERDOWN',
    text: /\bCLUSTERDOWN\b/,
    handling: 'pass',
    remedy: 'the cluster lacks a master for some slots: see CLUSTER INFO',
  },
  {
    name: 'TRYAGAIN',
    text: /\bTRYAGAIN\b/,
    handling: 'pass',
    remedy: 'the slot is being moved, which is temporary',
  },
  {
    name: 'MOVED',
    text: /\bMOVED \d/,
    handling: 'pass',
    remedy: 'the server belongs to a cluster: connect with redis-cluster://host:port',
  },
  { name: 'ASK', text: /\bASK \d/, handling: 'pass', remedy: 'the slot is being moved, which is temporary' },
  { name: 'split pipeline', text: /same slots allocation group/, handling: 'pass' },
  {
    name: 'CROSSSLOT',
    text: /\bCROSSSLOT\b/,
    handling: 'fail',
    remedy: 'the server belongs to a cluster: connect with redis-cluster://host:port',
  },
  { name: 'UNBLOCKED', text: /\bUNBLOCKED\b/, handling: 'pass' },
  // Of CLIENT TRACKING, when the connection that is told of changes was lost just before.
  { name: 'lost redirect', text: /client ID you want redirect to does not exist/, handling: 'pass' },
  {
    name: 'max clients',
    text: /max number of clients|max clients/i,
    handling: 'pass',
    remedy: 'Redis accepts no more connections: raise maxclients, or close some',
  },
  {
    name: 'WRONGTYPE',
    text: /\bWRONGTYPE\b/,
    handling: 'fail',
    remedy: 'a key of the queue holds another type of data: remove it',
  },
  // Texts of proxies.
  { name: 'unknown command', text: /\bnot support(?:ed)?\b|\bunsupported\b|\bis disabled\b/i, handling: 'fail' },
  { name: 'NOSCRIPT', text: /\bNOSCRIPT\b/, handling: 'pass' },
  {
    name: 'lost connection',
    text: new RegExp(
      [
        'Connection is closed',
        'Socket closed',
        'max retries per request',
        'Command aborted due to connection close',
        'Too many Cluster redirections',
        'enableOfflineQueue',
        'None of startup nodes is available',
        'Failed to refresh slots cache',
        'Cluster is (?:disconnected|disconnecting|ended)',
        'All sentinels are unreachable',
        'ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH',
      ].join('|'),
      'i',
    ),
    handling: 'pass',
  },
  { name: 'timeout', text: /timed? ?out/i, handling: 'pass' },
];

/** ioredis tells nothing else of a connection that is not open. */
const CLOSED = /^Connection is closed/;

const OTHER: Failure = { name: 'other', text: /^/, handling: 'fail' };

/** The kind of a failure. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Error && error.cause !== undefined && CLOSED.test(error.message)) {
    const why = failureOf(error.cause);
    if (why.handling !== 'fail') return why; // otherwise the connection is opened again, whatever has closed it
  }
  const text = `${textOf(error)} ${codeOf(error)}`;
  return FAILURES.find((failure) => failure.text.test(text)) ?? OTHER;
}

export const textOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const last = (error as { lastNodeError?: Error }).lastNodeError;
  return last ? `${error.message} ${last.message}` : error.message;
};

const is =
  (...names: readonly string[]) =>
  (error: unknown): boolean =>
    names.includes(failureOf(error).name);

/** This user may not run a command or reach a channel, or the server has no such command. */
export const isRefusal = is('NOPERM', 'unknown command');
/** `maxmemory` is reached, and nothing is evicted. */
export const isFull = is('OOM');
/** The connection cannot be used as it is configured: trying again does not help. */
export const isConnectionRefusal = is('WRONGPASS', 'NOAUTH', 'DENIED', 'database', 'TLS');
/** The server was demoted: find the new master. */
export const isDemoted = is('READONLY');
/** The key is on another node, or on its way there; the command did nothing. */
export const isRedirection = is('MOVED', 'ASK', 'TRYAGAIN', 'split pipeline');
export const isUnknownScript = is('NOSCRIPT');
/** The command itself is refused, not one in a script. */
export const isRefusalOf = (command: string, error: unknown): boolean =>
  isRefusal(error) && new RegExp(`\\b${command}\\b`, 'i').test(textOf(error).replace(/, with args.*/s, ''));
/** The server refuses with an unknown text, which names neither a state nor a right. */
export const isUnknownRefusal = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ReplyError' && failureOf(error) === OTHER;

/** Failures after which it is unknown whether a sent call took effect. */
const UNANSWERED: ReadonlySet<string> = new Set(['lost connection', 'timeout']);

/**
 * An error of our own is kept as it is.
 * @param wasSent the call had been sent when it failed
 */
export function toRedisError(command: string, error: unknown, wasSent = false): QueueError {
  if (error instanceof QueueError) return error;
  const { name, handling, remedy } = failureOf(error);
  return new RedisCommandError(command, handling === 'pass', {
    cause: error,
    isRepairable: handling === 'repair',
    isOutcomeUnknown: wasSent && UNANSWERED.has(name),
    remedy,
  });
}

/** The error of a reply that the script cannot have given. Handled like a lost reply: what the call did is unknown. */
export function unexpectedReply(
  { name, layout }: { readonly name: string; readonly layout: Pick<ScriptLayout, 'reply'> },
  reply: unknown,
): RedisCommandError {
  return new RedisCommandError(name, true, {
    cause: new Error(`expected the reply ${layout.reply.text}, got ${kindOfReply(reply)}`),
    isOutcomeUnknown: true,
    remedy: 'a proxy or another server answers in place of Redis: check the address of the connection',
  });
}

const codeOf = (error: unknown): string => (error as { code?: string } | null)?.code ?? '';
