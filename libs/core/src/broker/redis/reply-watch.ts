import type { Redis } from 'ioredis';
import { connectionsOf, isCluster } from './nodes.js';
import type { RedisClient } from './redis-connection.js';

/** How often a connection that owes replies is checked. */
const CHECK_EVERY_MS = 500;
/** Maximum number of consecutive checks without activity. */
const MAX_IDLE_CHECKS = 10;
/** How long a connection that owes a reply may be silent. TCP takes minutes to notice a broken network. */
export const SILENCE_MS = CHECK_EVERY_MS * MAX_IDLE_CHECKS;

/** A connection owes a reply and receives nothing. The text counts as transient. */
export class SilenceError extends Error {
  constructor() {
    super(`timed out: the connection was silent for ${SILENCE_MS} ms`);
  }
}

/** The progress of a connection. */
interface Traffic {
  readonly stream: unknown;
  /** Bytes received. */
  readonly received: number;
  /** Bytes of whole writes that have left the process. */
  readonly sent: number;
  /** Bytes that have not: the buffers of the operating system are full. */
  readonly unsent: number;
  /** Those of the current write. */
  readonly unsentOfWrite: number;
}

/** The state of a connection, and the number of checks since it last changed. */
interface Still {
  readonly at: Traffic;
  readonly checks: number;
}

/**
 * Watches the connections of a client while it is owed replies, including those to the login; on a cluster each one
 * separately. Received bytes count as activity, and so do sent bytes of a large command, however long they take. It
 * counts checks instead of time, so that a blocked event loop does not count as silence of the server.
 */
export class ReplyWatch {
  private readonly still = new Map<Redis, Still>();
  private awaited = 0;
  /** Connections whose TCP connection is up and whose login is not answered yet. */
  private readonly loggingIn = new Set<Redis>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: RedisClient,
    private readonly onSilent: (connection: Redis) => void,
  ) {
    if (isCluster(client)) client.on('+node', (node: Redis) => this.watchLogins(node));
    else this.watchLogins(client);
  }

  during<T>(reply: Promise<T>): Promise<T> {
    this.awaited++;
    this.begin();
    void reply.then(this.onSettled, this.onSettled);
    return reply;
  }

  private readonly onSettled = (): void => void this.awaited--;

  /** A frozen machine still accepts TCP connections, and answers no login. */
  private watchLogins(connection: Redis): void {
    const end = (): void => void this.loggingIn.delete(connection);
    connection.on('ready', end).on('close', end);
    connection.on('connect', () => {
      this.loggingIn.add(connection);
      this.begin();
    });
  }

  private begin(): void {
    this.timer ??= setInterval(() => this.check(), CHECK_EVERY_MS).unref();
  }

  private check(): void {
    if (this.awaited === 0 && this.loggingIn.size === 0) return this.rest();
    for (const connection of connectionsOf(this.client)) this.judge(connection);
  }

  private judge(connection: Redis): void {
    if (connection.commandQueue.length === 0) {
      this.still.delete(connection);
      return;
    }
    const at = trafficOf(connection);
    const before = this.still.get(connection);
    const checks = before && isStill(before.at, at) ? before.checks + 1 : 0;
    this.still.set(connection, { at, checks });
    if (checks < MAX_IDLE_CHECKS) return;
    this.still.delete(connection);
    this.onSilent(connection);
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.still.clear();
  }
}

function trafficOf({ stream }: Redis): Traffic {
  const { bytesRead: received, bytesWritten, writableLength: unsent } = stream;
  // Node's own idle timeout of a socket uses it as well; without it, progress shows only after each whole write.
  const handle = Reflect.get(stream, '_handle') as { readonly writeQueueSize?: number } | null | undefined;
  const unsentOfWrite = handle?.writeQueueSize ?? 0;
  return { stream, received, sent: bytesWritten - unsent, unsent, unsentOfWrite };
}

/** Bytes written into free buffer space prove nothing about the server. */
function isStill(before: Traffic, now: Traffic): boolean {
  if (before.stream !== now.stream || before.received !== now.received) return false;
  return before.unsent === 0 || (before.sent === now.sent && before.unsentOfWrite === now.unsentOfWrite);
}

/** Closes a connection and fails every call that waits on it; it reconnects by its own rules. */
export function endConnection(connection: Redis, error: Error): void {
  // If the replies to a login failed before the connection closed, ioredis would treat the login as done.
  if (connection.status === 'connect') connection.stream.destroy(error);
  else connection.recoverFromFatalError(error, error, {});
}
