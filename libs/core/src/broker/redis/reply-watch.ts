import type { Cluster, Redis } from 'ioredis';
import type { RedisClient } from './redis-connection.js';

/** How often a connection that owes replies is looked at. */
const LOOK_EVERY_MS = 500;
/** How many looks in a row may find that nothing moved. */
const MOST_STILL_LOOKS = 10;
/** How long a connection that owes a reply may be silent. A cable that was pulled sends none, and TCP takes minutes to notice. */
export const SILENCE_MS = LOOK_EVERY_MS * MOST_STILL_LOOKS;

/** A connection owes a reply and nothing moves on it. Its text counts as transient. */
export class SilenceError extends Error {
  constructor() {
    super(`timed out: the connection was silent for ${SILENCE_MS} ms`);
  }
}

/** How far a connection has come, and for how many looks it has been there. */
interface Still {
  readonly stream: unknown;
  readonly received: number;
  readonly looks: number;
}

/**
 * Watches the connections of a client while it owes replies; those of a cluster one by one. A reply that is arriving is a
 * sign of life however long it takes. Looks are counted, not time: those that an event loop missed while it was blocked say
 * nothing about the other side.
 */
export class ReplyWatch {
  private readonly still = new Map<Redis, Still>();
  private awaited = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly client: RedisClient,
    private readonly onSilent: (connection: Redis) => void,
  ) {}

  async during<T>(reply: Promise<T>): Promise<T> {
    this.awaited++;
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    try {
      return await reply;
    } finally {
      this.awaited--;
    }
  }

  private look(): void {
    if (this.awaited === 0) return this.rest();
    for (const connection of connectionsOf(this.client)) this.judge(connection);
  }

  private judge(connection: Redis): void {
    if (connection.commandQueue.length === 0) {
      this.still.delete(connection);
      return;
    }
    const { stream } = connection;
    const received = stream.bytesRead;
    const before = this.still.get(connection);
    const isStill = before?.stream === stream && before.received === received;
    const looks = isStill ? before.looks + 1 : 0;
    this.still.set(connection, { stream, received, looks });
    if (looks < MOST_STILL_LOOKS) return;
    this.still.delete(connection);
    this.onSilent(connection);
  }

  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.still.clear();
  }
}

const connectionsOf = (client: RedisClient): readonly Redis[] => (isCluster(client) ? client.nodes('all') : [client]);

/** Told by shape, not by class: the user's ioredis may be another copy than ours. */
export const isCluster = (client: RedisClient): client is Cluster => client.isCluster;

/** Ends a connection and fails every call that waits on it; what is to come up again does so by its own rules. */
export function endConnection(connection: Redis, error: Error): void {
  connection.recoverFromFatalError(error, error, {});
}
