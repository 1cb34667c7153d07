import type { Redis } from 'ioredis';
import { Backoff } from '../../runtime/backoff.js';
import { sleep, systemClock } from '../../runtime/clock.js';
import { isRefusal, toRedisError } from './redis-failure.js';
import { type RedisLink, whenReady } from './redis-link.js';

type Listener = (message: string) => void;

type ChannelCommand = 'subscribe' | 'unsubscribe';

interface Batch {
  readonly command: ChannelCommand;
  readonly client: Redis;
  readonly channels: string[];
  readonly sent: Promise<unknown>;
}

/** Sends the channels of calls that are made together, as by a server for each of its queues, in one command. */
class ChannelCommands {
  private last: Batch | undefined;

  /** Calls take effect in their order. */
  send(command: ChannelCommand, client: Redis, channel: string): Promise<unknown> {
    if (this.last?.command !== command || this.last.client !== client) this.last = this.begin(command, client);
    this.last.channels.push(channel);
    return this.last.sent;
  }

  /** A command that is sent when the calls that are under way have been made. */
  private begin(command: ChannelCommand, client: Redis): Batch {
    const channels: string[] = [];
    const sent = Promise.resolve().then(() => {
      if (this.last === batch) this.last = undefined;
      return client[command](...channels);
    });
    const batch = { command, client, channels, sent };
    return batch;
  }
}

/** How often the connection is checked. Real time, whichever clock timestamps the tasks. */
const CHECK_EVERY_MS = 8_000;
/** Delays between attempts to subscribe again. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * One connection for all channels of a broker, opened at the first subscription. When it is lost, another is opened, on
 * a cluster perhaps to another node, and subscribed to all channels again. A connection that only receives would not
 * notice a broken network, so it is checked regularly.
 *
 * Messages are hints. A user without the right to subscribe gets none; this is logged once.
 */
export class RedisSubscriber {
  private readonly listeners = new Map<string, Set<Listener>>();
  /** Channels to which the current connection is subscribed. */
  private readonly subscribed = new Set<string>();
  private client: Redis | undefined;
  private opening: Promise<Redis> | undefined;
  private isResubscribing = false;
  private isRefused = false;

  private readonly commands = new ChannelCommands();

  constructor(private readonly redis: RedisLink) {}

  /**
   * Resolves to a function that ends this subscription.
   * @throws {RedisCommandError} Redis is unavailable; nothing is subscribed
   */
  async subscribe(channel: string, listener: Listener): Promise<() => Promise<void>> {
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(listener));
    try {
      await this.listenTo(await this.connection(), channel);
    } catch (error) {
      this.forget(channel, listener);
      throw toRedisError('SUBSCRIBE', error);
    }
    return async () => {
      if (this.forget(channel, listener)) await this.unsubscribe(channel);
    };
  }

  /** The subscribed connection; concurrent calls share one attempt to open it. */
  private async connection(): Promise<Redis> {
    if (this.client) return this.client;
    this.opening ??= this.open().finally(() => (this.opening = undefined));
    return this.opening;
  }

  private async open(): Promise<Redis> {
    const client = await this.redis.openConnection('subscriber');
    client.on('message', (channel: string, message: string) => {
      for (const listener of this.listeners.get(channel) ?? []) listener(message);
    });
    try {
      await whenReady(client);
    } catch (error) {
      this.redis.closeConnection(client);
      throw error;
    }
    this.client = client;
    const checks = setInterval(() => void this.check(client), CHECK_EVERY_MS).unref();
    client.once('close', () => {
      clearInterval(checks);
      this.client = undefined;
      this.subscribed.clear();
      this.redis.closeConnection(client);
      void this.resubscribe();
    });
    return client;
  }

  /** Subscribes, also when already subscribed, which has no effect; `false` when this user may not. */
  private async listenTo(client: Redis, channel: string): Promise<boolean> {
    try {
      await this.redis.answerOf(client, this.subscribeTo(client, channel));
      if (this.client === client) this.subscribed.add(channel); // otherwise it has been lost
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.noteRefusal(channel, error);
      return false;
    }
  }

  private async subscribeTo(client: Redis, channel: string): Promise<void> {
    try {
      await this.commands.send('subscribe', client, channel);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await client.subscribe(channel); // perhaps another channel of the command was refused
    }
  }

  private noteRefusal(channel: string, error: unknown): void {
    if (this.isRefused) return;
    this.isRefused = true;
    const reason = (error as Error).message;
    this.redis.logRefusal('Redis refuses subscriptions: polling instead', { channel, reason });
  }

  /**
   * After a lost connection, retries until all channels with listeners are subscribed or the link is closed. Never
   * rejects.
   */
  private async resubscribe(): Promise<void> {
    if (this.isResubscribing) return;
    this.isResubscribing = true;
    const pauses = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    for (let isDone = false; !isDone && !this.redis.isClosed;) {
      await sleep(systemClock, pauses.nextMs());
      isDone = this.listeners.size === 0 || (await this.isSubscribedToAll());
    }
    this.isResubscribing = false;
  }

  private async isSubscribedToAll(): Promise<boolean> {
    try {
      const client = await this.connection();
      await this.subscribeAll(client);
      return this.client === client;
    } catch {
      return false;
    }
  }

  private async subscribeAll(client: Redis): Promise<void> {
    await Promise.all(this.unsubscribed().map((channel) => this.listenTo(client, channel)));
  }

  private unsubscribed(): string[] {
    return [...this.listeners.keys()].filter((channel) => !this.subscribed.has(channel));
  }

  /**
   * Checks that the connection responds, and whether a refused channel is allowed by now. Any failure closes the
   * connection, and another is opened. Never rejects.
   */
  private async check(client: Redis): Promise<void> {
    const [channel] = this.subscribed;
    const [refused] = this.unsubscribed();
    try {
      if (channel !== undefined) await this.listenTo(client, channel);
      if (refused !== undefined && (await this.listenTo(client, refused))) await this.subscribeAll(client);
    } catch {
      client.disconnect();
    }
  }

  private async unsubscribe(channel: string): Promise<void> {
    const { client } = this;
    if (!client || !this.subscribed.delete(channel)) return;
    await this.redis.answerOf(client, this.commands.send('unsubscribe', client, channel)).catch(() => undefined);
  }

  /** `true` when it was the channel's last listener. */
  private forget(channel: string, listener: Listener): boolean {
    const listeners = this.listeners.get(channel);
    listeners?.delete(listener);
    if (listeners?.size !== 0) return false;
    return this.listeners.delete(channel);
  }
}
