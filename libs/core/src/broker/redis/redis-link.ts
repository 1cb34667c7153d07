import type { ChainableCommander, Cluster, Redis } from 'ioredis';
import { ClosedError } from '../../errors/closed.error.js';
import type { Clock } from '../../runtime/clock.js';
import type { Logger } from '../../runtime/logger.js';
import type { Script, ScriptArgs, ScriptKeys } from '../../scripts/script.js';
import { keySlot } from '../../wire/key-slot.js';
import {
  checkRedisConnection,
  type ConnectionPurpose,
  openClient,
  openNodeClient,
  type RedisClient,
  type RedisConnection,
  refusedDatabase,
} from './redis-connection.js';
import { isDemoted, isRefusal, isRefusalOf, textOf, toRedisError } from './redis-failure.js';
import { endConnection, isCluster, ReplyWatch, SilenceError } from './reply-watch.js';

/** How long a call waits for a connection that is down before it fails as transient; loops then back off. */
const READY_TIMEOUT_MS = 1_000;

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
  private readonly clients = new Map<RedisClient, ReplyWatch>();
  private commandClient: RedisClient | undefined;
  /** Scripts are sent whole, not by their SHA. */
  private sendsTexts: boolean;
  private hasEnded = false;

  constructor(
    private readonly connection: RedisConnection,
    { clock, logger, prepareScript }: RedisLinkOptions,
  ) {
    checkRedisConnection(connection);
    this.clock = clock;
    this.logger = logger;
    this.prepareScript = prepareScript;
    this.sendsTexts = prepareScript !== undefined;
  }

  /**
   * A further connection to one server, for a purpose that must not hold up commands; closed with the link. Of a cluster
   * it is the node that holds `key`, or any node.
   */
  async openConnection(purpose: Exclude<ConnectionPurpose, 'commands'>, key?: string): Promise<Redis> {
    const commands = this.commands();
    if (!isCluster(commands)) return this.add(openClient(this.connection, purpose) as Redis);
    await whenReady(commands);
    return this.add(openNodeClient(nodeOf(commands, key), purpose));
  }

  closeConnection(client: Redis): void {
    this.clients.delete(client);
    client.disconnect();
  }

  /**
   * Waits for a reply on a connection of this link. When the connection falls silent it is ended, and with it those to
   * the same server that block or listen: they would notice much later.
   */
  async answerOf<T>(client: RedisClient, reply: Promise<T>): Promise<T> {
    const watch = this.clients.get(client);
    return watch ? watch.during(reply) : reply;
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
      const lua = this.prepareScript?.(script) ?? script.lua;
      if (this.sendsTexts) return client.callBuffer('eval', [lua, ...values]);
      try {
        return await client.callBuffer('evalsha', [script.sha1, ...values]);
      } catch (error) {
        if (isRefusalOf('evalsha', error)) this.sendTexts();
        else if (!textOf(error).startsWith('NOSCRIPT')) throw error;
        return client.callBuffer('eval', [lua, ...values]); // loads it, too
      }
    });
  }

  private sendTexts(): void {
    if (this.sendsTexts) return;
    this.sendsTexts = true;
    this.logger.warn('Redis refuses EVALSHA: sending the whole text of every script');
  }

  /** Tells those who listen on a channel, as far as this user may: a hint that others can do without. */
  async hint(channel: string, message: string): Promise<void> {
    try {
      await this.command('PUBLISH', (client) => client.publish(channel, message));
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
  }

  /**
   * Runs plain commands in one round trip. All keys must share a queue's slot. The first failure of any of them fails
   * the whole call, so only reads and writes that may be repeated go through here.
   * @param ofWrongType the reply for a key of another type, for reads of task hashes: one such key must not stop a queue
   */
  async pipeline(
    name: string,
    fill: (pipeline: ChainableCommander) => void,
    ofWrongType?: unknown,
  ): Promise<unknown[]> {
    return this.command(name, async (client) => {
      const pipeline = client.pipeline();
      fill(pipeline);
      const replies = (await pipeline.exec()) ?? [];
      return replies.map(([error, reply]) => {
        if (!error) return reply;
        if (ofWrongType !== undefined && textOf(error).startsWith('WRONGTYPE')) return ofWrongType;
        throw error;
      });
    });
  }

  /** Runs a command on the connection for commands, connecting it first when need be. */
  async command<T>(name: string, call: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = this.commands();
    try {
      await whenReady(client);
      return await this.answerOf(client, call(client));
    } catch (error) {
      if (isDemoted(error)) findAnew(client);
      throw toRedisError(name, error);
    }
  }

  /**
   * Connects, and does not wait for a second attempt.
   * @throws {RedisCommandError} the attempt under way failed, or the last one did
   */
  async connectNow(): Promise<void> {
    const client = this.commands();
    let onClose: () => void = () => undefined;
    const closed = new Promise<never>((_, reject) => {
      // The error that says why, such as a refusal, may come right after.
      onClose = () => void setImmediate(() => reject(new Error('Connection is closed.')));
      if (client.status === 'reconnecting') onClose();
      client.once('close', onClose);
    });
    try {
      await Promise.race([closed, whenReady(client)]);
    } catch (error) {
      throw toRedisError('connect', error);
    } finally {
      client.off('close', onClose);
    }
  }

  close(): void {
    this.hasEnded = true;
    for (const client of this.clients.keys()) client.disconnect();
    this.clients.clear();
  }

  get isClosed(): boolean {
    return this.hasEnded;
  }

  private commands(): RedisClient {
    if (this.hasEnded) throw new ClosedError('broker');
    return (this.commandClient ??= this.add(openClient(this.connection, 'commands')));
  }

  private add<Client extends RedisClient>(client: Client): Client {
    if (this.hasEnded) throw new ClosedError('broker');
    this.clients.set(client, new ReplyWatch(client, (connection) => this.endSilent(connection)));
    return client;
  }

  private endSilent(silent: Redis): void {
    endConnection(silent, new SilenceError());
    for (const client of this.clients.keys()) {
      if (client === silent || isCluster(client) || client.status !== 'ready') continue;
      if (addressOf(client) === addressOf(silent)) endConnection(client, new SilenceError());
    }
  }
}

/** The master of a key's slot as far as it is known, or any. */
function nodeOf(cluster: Cluster, key: string | undefined): Redis {
  const masters = cluster.nodes('master');
  const owner = key === undefined ? undefined : cluster.slots[keySlot(key)]?.[0];
  const node = masters.find((master) => addressOf(master) === owner) ?? masters.at(Math.random() * masters.length);
  if (!node) throw new Error('Connection is closed.'); // the cluster is being found anew
  return node;
}

const addressOf = ({ options }: Redis): string => `${options.host}:${options.port}`;

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
      const refusal = refusedDatabase(client) ?? (isRefusal(error) ? error : undefined);
      if (refusal) finish(refusal); // the next try would end the same
    };
    const timer = setTimeout(
      () => finish(new Error(`Connection is closed.${lastError ? ` ${lastError.message}` : ''}`, { cause: lastError })),
      READY_TIMEOUT_MS,
    );
    client.on('ready', onReady).on('end', onEnd).on('error', onError);
  });
}

/** Has a single server that was demoted found anew, once for all calls that met it. A cluster tells who is master now. */
function findAnew(client: RedisClient): void {
  if (isCluster(client) || leaving.has(client) || client.status !== 'ready') return;
  leaving.add(client);
  client.once('close', () => leaving.delete(client));
  client.disconnect(true);
}

const leaving = new WeakSet<RedisClient>();
