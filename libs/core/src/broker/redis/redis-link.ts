import type { ChainableCommander } from 'ioredis';
import { ClosedError } from '../../errors/closed.error.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Script, ScriptArgs, ScriptKeys } from '../../scripts/script.js';
import {
  checkRedisConnection,
  type ConnectionPurpose,
  openClient,
  type RedisClient,
  type RedisConnection,
  refusedDatabase,
} from './redis-connection.js';
import { isDemoted, textOf, toRedisError } from './redis-failure.js';

/** How long a call waits for a connection that is down before it fails as transient; loops then back off. */
const READY_TIMEOUT_MS = 1_000;

/** How long a reply may take. A cable that was pulled sends none, and TCP would notice after minutes. */
const REPLY_TIMEOUT_MS = 5_000;

/** A script as it is sent. */
export interface ScriptText {
  readonly name: string;
  readonly lua: string;
}

export interface RedisLinkOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Changes the text of a script before it is sent. The key guard of the tests does. */
  readonly prepareScript?: ((script: ScriptText) => string) | undefined;
}

/**
 * The connections of one broker, and the way its roles talk to Redis: scripts by their SHA, pipelines, plain commands.
 * Every failure leaves as a `RedisCommandError` that names the script or command.
 */
export class RedisLink {
  readonly clock: Clock;
  readonly logger: Logger;
  private readonly prepareScript: ((script: ScriptText) => string) | undefined;
  private readonly clients = new Set<RedisClient>();
  private commandClient: RedisClient | undefined;
  private isClosed = false;

  constructor(
    private readonly connection: RedisConnection,
    { clock, logger, prepareScript }: RedisLinkOptions,
  ) {
    checkRedisConnection(connection);
    this.clock = clock;
    this.logger = logger;
    this.prepareScript = prepareScript;
  }

  /** A further connection, for a purpose that must not hold up commands. Closed with the link. */
  openClient(purpose: ConnectionPurpose): RedisClient {
    if (this.isClosed) throw new ClosedError('broker');
    const client = openClient(this.connection, purpose);
    this.clients.add(client);
    return client;
  }

  closeClient(client: RedisClient): void {
    this.clients.delete(client);
    client.disconnect();
  }

  /**
   * Runs a script. Replies hold `Buffer`s for text and numbers for integers.
   * @throws {RedisCommandError} Redis failed; whether the script ran is unknown
   */
  async run<Keys extends ScriptKeys, Args extends ScriptArgs, Item extends ScriptArgs>(
    script: Script<Keys, Args, Item>,
    keys: Keys,
    args: Args,
    items: readonly Item[] = [],
  ): Promise<unknown> {
    const flatKeys = script.flattenKeys(keys);
    const values = [flatKeys.length, ...flatKeys, ...script.flattenArgs(args, items).map(toRedisArg)];
    return this.command(script.name, async (client) => {
      if (this.prepareScript) return client.callBuffer('eval', [this.prepareScript(script), ...values]);
      try {
        return await client.callBuffer('evalsha', [script.sha1, ...values]);
      } catch (error) {
        if (!textOf(error).startsWith('NOSCRIPT')) throw error;
        return client.callBuffer('eval', [script.lua, ...values]); // loads it, too
      }
    });
  }

  /**
   * Runs plain commands in one round trip. All keys must share a queue's slot. The first failure of any of them fails
   * the whole call, so only reads and writes that may be repeated go through here.
   */
  async pipeline(name: string, fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    return this.command(name, async (client) => {
      const pipeline = client.pipeline();
      fill(pipeline);
      const replies = (await pipeline.exec()) ?? [];
      return replies.map(([error, reply]) => {
        if (error) throw error;
        return reply;
      });
    });
  }

  /** Runs a command on the connection for commands, connecting it first when need be. */
  async command<T>(name: string, call: (client: RedisClient) => Promise<T>): Promise<T> {
    if (this.isClosed) throw new ClosedError('broker');
    const client = (this.commandClient ??= this.openClient('commands'));
    try {
      await whenReady(client);
      return await answerOf(name, client, call(client));
    } catch (error) {
      // What silenced this one silenced those too that block or listen, and would notice much later.
      if (error instanceof ReplyTimeout) for (const other of this.clients) renew(other);
      throw toRedisError(name, error);
    }
  }

  close(): void {
    this.isClosed = true;
    for (const client of this.clients) client.disconnect();
    this.clients.clear();
  }
}

class ReplyTimeout extends Error {}

const toRedisArg = (arg: string | number | bigint | Uint8Array): string | number | Buffer => {
  if (typeof arg === 'bigint') return arg.toString();
  if (arg instanceof Uint8Array) return Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength);
  return arg;
};

/**
 * Resolves once the connection may be used.
 * @throws {Error} it was not up in time, in a text that counts as transient; or its database is refused
 */
export async function whenReady(client: RedisClient): Promise<void> {
  if (client.status !== 'ready') {
    let waiting = waitingUntilReady.get(client);
    if (!waiting) {
      waiting = untilReady(client).finally(() => waitingUntilReady.delete(client));
      waitingUntilReady.set(client, waiting);
    }
    await waiting;
  }
  const refusal = refusedDatabase(client);
  if (refusal) throw refusal;
}

/** One wait serves all calls that came meanwhile. */
const waitingUntilReady = new WeakMap<RedisClient, Promise<void>>();

function untilReady(client: RedisClient): Promise<void> {
  if (client.status === 'wait') client.connect().catch(() => undefined); // the events below tell
  return new Promise((resolve, reject) => {
    let lastError: Error | undefined;
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      client.off('ready', onReady).off('end', onEnd).off('error', onError);
      if (error) reject(error);
      else resolve();
    };
    const onReady = (): void => finish();
    const onEnd = (): void => finish(new Error('Connection is closed.', { cause: lastError }));
    const onError = (error: Error): void => {
      lastError = error;
      const refusal = refusedDatabase(client);
      if (refusal) finish(refusal); // the next try would end the same
    };
    const timer = setTimeout(
      () => finish(new Error(`Connection is closed.${lastError ? ` ${lastError.message}` : ''}`, { cause: lastError })),
      READY_TIMEOUT_MS,
    );
    client.on('ready', onReady).on('end', onEnd).on('error', onError);
  });
}

/**
 * Waits for a reply as long as one may take. When none comes, or the server is a replica by now, the server is found anew.
 * @throws {Error} in a text that counts as transient; what the server answers
 */
export async function answerOf<T>(name: string, client: RedisClient, reply: Promise<T>): Promise<T> {
  try {
    return await withinReplyTimeout(name, reply);
  } catch (error) {
    if (error instanceof ReplyTimeout || isDemoted(error)) renew(client);
    throw error;
  }
}

/** Once for all calls that gave the connection up: the one that comes up next is not theirs to end. */
function renew(client: RedisClient): void {
  if (renewing.has(client) || client.status !== 'ready') return;
  renewing.add(client);
  client.once('close', () => renewing.delete(client));
  client.disconnect(true);
}

const renewing = new WeakSet<RedisClient>();

function withinReplyTimeout<T>(name: string, reply: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new ReplyTimeout(`${name} timed out: no reply within ${REPLY_TIMEOUT_MS} ms`));
    }, REPLY_TIMEOUT_MS);
    reply.finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}
