import type { Redis } from 'ioredis';
import { Backoff } from '../../runtime/backoff.js';
import { sleep, systemClock } from '../../runtime/clock.js';
import { isRefusal, toRedisError } from './redis-failure.js';
import { type RedisLink, whenReady } from './redis-link.js';

type Listener = (message: string) => void;

/** How often the connection is asked for a sign of life. Real time, whatever clock stamps the tasks. */
const CHECK_EVERY_MS = 8_000;
/** Pauses between tries to listen again. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * One connection for all channels of a broker, opened at the first subscription. When it is lost, another is opened, on a
 * cluster perhaps to another node, and subscribed to all channels again. A connection that only listens would not notice
 * that its cable was pulled, so it says something now and then.
 *
 * Messages are hints. A user who may not subscribe is told once, and hears none.
 */
export class RedisSubscriber {
  private readonly listeners = new Map<string, Set<Listener>>();
  /** Channels that the connection of now hears. */
  private readonly heard = new Set<string>();
  private client: Redis | undefined;
  private opening: Promise<Redis> | undefined;
  private isReturning = false;
  private isRefused = false;

  constructor(private readonly redis: RedisLink) {}

  /**
   * Resolves to a function that ends this subscription.
   * @throws {RedisCommandError} Redis is away; nothing is subscribed
   */
  async subscribe(channel: string, listener: Listener): Promise<() => Promise<void>> {
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(listener));
    try {
      await this.hear(await this.connection(), channel);
    } catch (error) {
      this.forget(channel, listener);
      throw toRedisError('SUBSCRIBE', error);
    }
    return async () => {
      if (this.forget(channel, listener)) await this.unsubscribe(channel);
    };
  }

  /** The connection that listens; one attempt serves all who ask meanwhile. */
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
      this.heard.clear();
      this.redis.closeConnection(client);
      void this.return();
    });
    return client;
  }

  /** Subscribes, which costs nothing when it is heard already; `false` when this user may not. */
  private async hear(client: Redis, channel: string): Promise<boolean> {
    try {
      await this.redis.answerOf(client, client.subscribe(channel));
      if (this.client === client) this.heard.add(channel); // else it was lost meanwhile
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.noteRefusal(channel, error);
      return false;
    }
  }

  private noteRefusal(channel: string, error: unknown): void {
    if (this.isRefused) return;
    this.isRefused = true;
    const reason = (error as Error).message;
    this.redis.logger.warn('Redis refuses subscriptions: polling instead of listening', { channel, reason });
  }

  /** After a loss, until all channels that somebody listens to are subscribed or the link is closed. Never rejects. */
  private async return(): Promise<void> {
    if (this.isReturning) return;
    this.isReturning = true;
    const pauses = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    for (let isBack = false; !isBack && !this.redis.isClosed;) {
      await sleep(systemClock, pauses.nextMs());
      isBack = this.listeners.size === 0 || (await this.hearsAll());
    }
    this.isReturning = false;
  }

  private async hearsAll(): Promise<boolean> {
    try {
      const client = await this.connection();
      await this.hearAll(client);
      return this.client === client;
    } catch {
      return false;
    }
  }

  private async hearAll(client: Redis): Promise<void> {
    await Promise.all(this.unheard().map((channel) => this.hear(client, channel)));
  }

  private unheard(): string[] {
    return [...this.listeners.keys()].filter((channel) => !this.heard.has(channel));
  }

  /**
   * Asks for a sign of life, and whether a channel that was refused is allowed by now. Whatever is wrong with the
   * connection ends it, and then another is opened. Never rejects.
   */
  private async check(client: Redis): Promise<void> {
    const [heard] = this.heard;
    const [refused] = this.unheard();
    try {
      if (heard !== undefined) await this.hear(client, heard);
      if (refused !== undefined && (await this.hear(client, refused))) await this.hearAll(client);
    } catch {
      client.disconnect();
    }
  }

  private async unsubscribe(channel: string): Promise<void> {
    const { client } = this;
    if (!client || !this.heard.delete(channel)) return;
    await this.redis.answerOf(client, client.unsubscribe(channel)).catch(() => undefined);
  }

  /** `true` when it was the channel's last listener. */
  private forget(channel: string, listener: Listener): boolean {
    const listeners = this.listeners.get(channel);
    listeners?.delete(listener);
    if (listeners?.size !== 0) return false;
    return this.listeners.delete(channel);
  }
}
