import type { ChainableCommander, Redis, RedisOptions } from 'ioredis';
import { ClosedError } from '../../errors/closed.error.js';
import type { QueueError } from '../../errors/queue-error.js';
import { KeyTypeError } from '../../errors/key-type.error.js';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import type { Clock } from '../../runtime/clock.js';
import { type ScriptEnded, scriptChannel } from '../../runtime/diagnostics.js';
import { LogLimit } from '../../runtime/log-limit.js';
import type { Logger } from '../../runtime/logger.js';
import { startPatience } from '../../runtime/patience.js';
import type { Script, ScriptArgs, ScriptKeys } from '../../scripts/script.js';
import {
  checkRedisConnection,
  isClusterConnection,
  openClient,
  openNodeClient,
  type RedisClient,
  type RedisConnection,
  problemOf,
  refusalOf,
} from './redis-connection.js';
import { joinWrites } from './encoded-command.js';
import { addressOf, isCluster, nodeOf } from './nodes.js';
import { findOddKey, isWrongType, type TypedKey } from './odd-keys.js';
import { isConnectionRefusal, isDemoted, isRefusal, toRedisError, unexpectedReply } from './redis-failure.js';
import { REPLICAS_TIMEOUT_MS, ReplicaWait } from './replica-wait.js';
import { endConnection, ReplyWatch, SilenceError } from './reply-watch.js';
import { MasterReplacedError, SentinelWatch } from './sentinel-watch.js';
import { ScriptSender, type ScriptText } from './script-sender.js';

/** How long a call waits for a lost connection before it fails as transient; loops then back off. */
const READY_TIMEOUT_MS = 1_000;

/** How often a key of another type is logged. */
const LOG_ODD_EVERY_MS = 30_000;

export interface RedisLinkOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Log level of missing optional rights. Default `warn`. */
  readonly refusalLevel?: 'warn' | 'debug' | undefined;
  /** Changes the text of a script before it is sent; for the key guard of the tests. */
  readonly prepareScript?: ((script: ScriptText) => string) | undefined;
}

/**
 * The connections of one broker, through which its roles talk to Redis: scripts by their SHA, pipelines, plain
 * commands. Every failure is thrown as a `RedisCommandError` that names the script or command.
 */
export class RedisLink {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether Redis is a cluster. */
  readonly isOnCluster: boolean;
  private readonly refusalLevel: 'warn' | 'debug';
  private readonly clients = new Map<RedisClient, ReplyWatch>();
  private commandClient: RedisClient | undefined;
  private replicatedClient: RedisClient | undefined;
  private sentinelWatch: SentinelWatch | undefined;
  private readonly replicaWaits = new WeakMap<Redis, ReplicaWait>();
  private readonly scripts: ScriptSender;
  private hasEnded = false;
  private readonly oddKeys: LogLimit;

  constructor(
    private readonly connection: RedisConnection,
    { clock, logger, prepareScript, refusalLevel = 'warn' }: RedisLinkOptions,
  ) {
    checkRedisConnection(connection);
    this.isOnCluster = isClusterConnection(connection);
    this.clock = clock;
    this.logger = logger;
    this.refusalLevel = refusalLevel;
    this.scripts = new ScriptSender(this, prepareScript);
    this.oddKeys = new LogLimit(clock, LOG_ODD_EVERY_MS);
  }

  /**
   * Opens another connection to one server, for a purpose that must not block commands; closed with the link. On a
   * cluster it leads to the node that holds `key`, or to any node.
   */
  async openConnection(purpose: 'watch' | 'subscriber', key?: string): Promise<Redis> {
    const commands = this.commands();
    if (!isCluster(commands)) return this.add(openClient(this.connection, purpose) as Redis);
    await whenReady(commands);
    return this.add(openNodeClient(nodeOf(commands, key), purpose));
  }

  closeConnection(client: Redis): void {
    this.clients.delete(client);
    if (client.status !== 'end') client.disconnect(); // otherwise a timer for its socket would keep the process alive
  }

  /**
   * Waits for a reply on a connection of this link. A silent connection is closed, and with it the blocking and
   * subscribed ones to the same server, which would notice much later.
   */
  answerOf<T>(client: RedisClient, reply: Promise<T>): Promise<T> {
    return this.clients.get(client)?.during(reply) ?? reply;
  }

  /**
   * Runs a script. Replies hold `Buffer`s for text and numbers for integers.
   * @throws {RedisCommandError} Redis failed, or the reply is none of this script; whether the script ran is unknown
   */
  async run<Keys extends ScriptKeys, Args extends ScriptArgs, Item extends ScriptArgs>(
    script: Script<Keys, Args, Item>,
    keys: Keys,
    args: Args,
    items: readonly Item[] = [],
    client = this.commands(),
  ): Promise<unknown> {
    let reply: unknown;
    let wasSent = false;
    try {
      if (!isReady(client)) await whenReady(client);
      wasSent = true;
      const sentAtMs = scriptChannel.hasSubscribers ? performance.now() : undefined;
      const sent = this.scripts.send(client, script, script.flattenKeys(keys), script.flattenArgs(args, items));
      reply = await this.answerOf(client, sent);
      if (sentAtMs !== undefined) {
        scriptChannel.publish({ script: script.name, tookMs: performance.now() - sentAtMs } satisfies ScriptEnded);
      }
    } catch (error) {
      throw await this.failureOf(script.name, error, client, () => script.typedKeys(keys), wasSent);
    }
    if (!script.layout.reply.accepts(reply, items.length)) throw unexpectedReply(script, reply);
    return reply;
  }

  /** A script as a pipeline takes it; see `ScriptSender.formOf`. */
  scriptForm(...call: Parameters<ScriptSender['formOf']>): ReturnType<ScriptSender['formOf']> {
    return this.scripts.formOf(...call);
  }

  /**
   * Runs a script, and resolves when the configured number of replicas have its writes.
   * @throws {RedisCommandError} Redis failed, or too few replicas confirmed; the script may have run
   */
  runReplicated<Keys extends ScriptKeys, Args extends ScriptArgs, Item extends ScriptArgs>(
    script: Script<Keys, Args, Item>,
    keys: Keys,
    args: Args,
    items: readonly Item[],
  ): Promise<unknown> {
    const { waitForReplicas: needed = 0 } = this.connection as { readonly waitForReplicas?: number };
    return needed === 0 ? this.run(script, keys, args, items) : this.runOnReplicas(needed, script, keys, args, items);
  }

  /**
   * Waits until the connection for writes is ready, at most `longestMs`, so that the next call is sent at once. `undefined`: it is.
   * @throws {RedisCommandError} it is not ready in time, with the reason; or the server refuses it
   */
  untilReady(name: string, longestMs: number): Promise<void> | undefined {
    const { waitForReplicas = 0 } = this.connection as { readonly waitForReplicas?: number };
    const client = waitForReplicas === 0 ? this.commands() : this.replicated();
    return isReady(client) ? undefined : this.readyWithin(name, client, longestMs);
  }

  private async readyWithin(name: string, client: RedisClient, longestMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(notReady(client)), longestMs);
    });
    try {
      await Promise.race([late, whenReady(client)]);
    } catch (error) {
      throw toRedisError(name, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Logs a missing right that the broker does not need. */
  logRefusal(message: string, fields: object = {}): void {
    this.logger[this.refusalLevel](message, fields);
  }

  /**
   * Runs plain commands in one round trip. All keys must share a queue's slot. A failure of any command fails the whole
   * call, so use it only for reads and for writes that may be repeated.
   * @param ofWrongType the reply to use for a key of another type, when reading task hashes: one such key must not stop
   * a queue
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
        if (ofWrongType !== undefined && isWrongType(error)) return ofWrongType;
        throw error;
      });
    });
  }

  /**
   * Runs a command on the connection for commands, which it opens if necessary.
   * @param keysOf all keys with their types; default: the first argument is the key
   * @throws {KeyTypeError} a key is of another type
   */
  async command<T>(
    name: string,
    call: (client: RedisClient) => Promise<T>,
    keysOf?: () => readonly TypedKey[],
    client = this.commands(),
  ): Promise<T> {
    let wasSent = false;
    try {
      if (!isReady(client)) await whenReady(client);
      wasSent = true;
      if (!isCluster(client)) joinWrites(client.stream);
      return await this.answerOf(client, call(client));
    } catch (error) {
      throw await this.failureOf(name, error, client, keysOf, wasSent);
    }
  }

  /** The error of a call that failed on a connection of this link. */
  async toError(
    name: string,
    error: unknown,
    client: RedisClient | undefined,
    keysOf?: () => readonly TypedKey[],
    wasSent = false,
  ): Promise<QueueError> {
    const odd = client && isWrongType(error) ? await findOddKey(client, name, error, keysOf?.()) : undefined;
    return odd ?? toRedisError(name, error, wasSent);
  }

  /** Continues without the content of a key of another type, and logs it; all other failures are thrown. */
  async orElse<T>(work: Promise<T>, instead: T): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof KeyTypeError)) throw error;
      this.reportOdd(error);
      return instead;
    }
  }

  /** Does the same for a key that a script has skipped. */
  async reportOddKey(command: string, key: string, needed: string): Promise<void> {
    const found = await this.command('TYPE', (client) => client.type(key));
    if (found !== needed && found !== 'none') this.reportOdd(new KeyTypeError(command, key, found, needed));
  }

  /** Logs at intervals that a key is of another type. */
  reportOdd(error: KeyTypeError): void {
    if (this.oddKeys.allows(error.key)) this.logger.error('a key has the wrong type', { error });
  }

  /**
   * Connects, in a single attempt.
   * @throws {RedisCommandError} the current attempt, or the last one, failed
   */
  async connectNow(): Promise<void> {
    const client = this.commands();
    let onClose: () => void = () => undefined;
    const closed = new Promise<never>((_, reject) => {
      // The error with the reason, such as a refusal, may follow right after.
      onClose = () => void setImmediate(() => reject(notReady(client)));
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
    this.sentinelWatch?.close();
  }

  get isClosed(): boolean {
    return this.hasEnded;
  }

  private commands(): RedisClient {
    if (this.hasEnded) throw new ClosedError('broker');
    return (this.commandClient ??= this.add(openClient(this.connection, 'commands')));
  }

  private failureOf(
    name: string,
    error: unknown,
    client: RedisClient,
    keysOf: (() => readonly TypedKey[]) | undefined,
    wasSent: boolean,
  ): Promise<QueueError> {
    if (isDemoted(error)) rediscoverMaster(client);
    return this.toError(name, withCause(error, client), client, keysOf, wasSent);
  }

  private async runOnReplicas<Keys extends ScriptKeys, Args extends ScriptArgs, Item extends ScriptArgs>(
    needed: number,
    ...call: [script: Script<Keys, Args, Item>, keys: Keys, args: Args, items: readonly Item[]]
  ): Promise<unknown> {
    const client = this.replicated();
    const reply = await this.run(...call, client);
    const [script, keys] = call;
    const [key] = script.flattenKeys(keys);
    const confirmed = await this.command(
      'WAIT',
      () => this.replicaWait(client, key, needed).confirmed(),
      undefined,
      client,
    );
    if (confirmed >= needed) return reply;
    throw new RedisCommandError('WAIT', true, {
      cause: new Error(`${confirmed} of ${needed} replicas confirmed the write within ${REPLICAS_TIMEOUT_MS} ms`),
      isOutcomeUnknown: true,
      remedy: 'check that the replicas are connected, or lower waitForReplicas',
    });
  }

  private replicaWait(client: RedisClient, key: string | undefined, needed: number): ReplicaWait {
    const connection = isCluster(client) ? nodeOf(client, key) : client;
    let wait = this.replicaWaits.get(connection);
    if (!wait) this.replicaWaits.set(connection, (wait = new ReplicaWait(connection, needed)));
    return wait;
  }

  /** WAIT blocks all later commands on its connection, so it has its own. */
  private replicated(): RedisClient {
    if (this.hasEnded) throw new ClosedError('broker');
    return (this.replicatedClient ??= this.add(openClient(this.connection, 'commands')));
  }

  private add<Client extends RedisClient>(client: Client): Client {
    if (this.hasEnded) throw new ClosedError('broker');
    this.clients.set(client, new ReplyWatch(client, (connection) => this.endSilent(connection)));
    if (!isCluster(client) && client.options.sentinels) this.watchSentinels(client.options);
    return client;
  }

  /** All connections of the link lead to one master. */
  private watchSentinels(options: RedisOptions): void {
    this.sentinelWatch ??= new SentinelWatch(options, (address) => {
      for (const client of this.clients.keys()) {
        if (!isCluster(client) && isElsewhere(client, address)) endConnection(client, new MasterReplacedError());
      }
    });
  }

  private endSilent(silent: Redis): void {
    endConnection(silent, new SilenceError());
    for (const client of this.clients.keys()) {
      if (client === silent || isCluster(client) || client.status !== 'ready') continue;
      if (addressOf(client) === addressOf(silent)) endConnection(client, new SilenceError());
    }
  }
}

/** Whether it has reached a server, and that is another one. */
function isElsewhere({ status, stream }: Redis, address: string): boolean {
  if (status !== 'connect' && status !== 'ready') return false;
  return `${stream.remoteAddress}:${stream.remotePort}` !== address;
}

const isReady = (client: RedisClient): boolean => client.status === 'ready' && !refusalOf(client);

/**
 * Resolves when the connection is ready.
 * @throws {Error} it was not ready in time, with a text that counts as transient; or its database is refused
 */
export async function whenReady(client: RedisClient): Promise<void> {
  const known = refusalOf(client);
  if (known && client.status !== 'wait') throw known; // the next attempt to connect would fail in the same way
  if (client.status !== 'ready') {
    let waiting = waitingUntilReady.get(client);
    if (!waiting) {
      waiting = untilReady(client).finally(() => waitingUntilReady.delete(client));
      waitingUntilReady.set(client, waiting);
    }
    await waiting;
  }
  const refusal = refusalOf(client);
  if (refusal) throw refusal;
}

/** All concurrent calls share one wait. */
const waitingUntilReady = new WeakMap<RedisClient, Promise<void>>();

function untilReady(client: RedisClient): Promise<void> {
  if (client.status === 'wait') client.connect().catch(() => undefined); // see the events below
  return new Promise((resolve, reject) => {
    const finish = (error?: Error): void => {
      endPatience();
      client.off('ready', onReady).off('end', onEnd).off('error', onError);
      if (error) reject(error);
      else resolve();
    };
    const onReady = (): void => finish();
    const onEnd = (): void => finish(notReady(client));
    const onError = (error: Error): void => {
      const refusal = refusalOf(client) ?? (isRefusal(error) || isConnectionRefusal(error) ? error : undefined);
      if (refusal) finish(refusal); // the next attempt would fail the same way
    };
    const endPatience = startPatience(READY_TIMEOUT_MS, () => finish(notReady(client)));
    client.on('ready', onReady).on('end', onEnd).on('error', onError);
  });
}

/** ioredis only says that the connection is closed. */
function withCause(error: unknown, client: RedisClient): unknown {
  const cause = problemOf(client);
  const isBare =
    error instanceof Error && error.cause === undefined && error.message.startsWith('Connection is closed');
  return isBare && cause ? new Error(error.message, { cause }) : error;
}

/** Its text counts as a lost connection. */
function notReady(client: RedisClient): Error {
  const cause = problemOf(client);
  if (cause) return new Error('Connection is closed.', { cause });
  return new Error('Connection is closed: no answer from the server yet');
}

/**
 * Reconnects from a demoted server to the new master, once for all affected calls. A cluster redirects by itself.
 */
function rediscoverMaster(client: RedisClient): void {
  if (isCluster(client) || leaving.has(client) || client.status !== 'ready') return;
  leaving.add(client);
  client.once('close', () => leaving.delete(client));
  client.disconnect(true);
}

const leaving = new WeakSet<RedisClient>();
