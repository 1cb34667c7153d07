import type { RedisClient } from './redis-connection.js';
import { answerOf, type RedisLink, whenReady } from './redis-link.js';
import { toRedisError } from './redis-failure.js';

type Listener = (message: string) => void;

/** How often the connection is asked for a sign of life. Real time, whatever clock stamps the tasks. */
const CHECK_EVERY_MS = 20_000;

/**
 * One connection for all channels of a broker, opened at the first subscription. ioredis subscribes again after a loss.
 * A connection that only listens would not notice that its cable was pulled, so it says something now and then.
 */
export class RedisSubscriber {
  private client: RedisClient | undefined;
  private readonly listeners = new Map<string, Set<Listener>>();

  constructor(private readonly redis: RedisLink) {}

  /** Resolves to a function that ends this subscription. */
  async subscribe(channel: string, listener: Listener): Promise<() => Promise<void>> {
    const client = (this.client ??= this.openClient());
    const listeners = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, listeners.add(listener));
    try {
      await whenReady(client);
      await answerOf('SUBSCRIBE', client, client.subscribe(channel)); // repeating it costs nothing
    } catch (error) {
      this.forget(channel, listener);
      throw toRedisError('SUBSCRIBE', error);
    }
    return async () => {
      if (this.forget(channel, listener) && client.status === 'ready')
        await answerOf('UNSUBSCRIBE', client, client.unsubscribe(channel)).catch(() => undefined);
    };
  }

  private openClient(): RedisClient {
    const client = this.redis.openClient('subscriber');
    client.on('message', (channel: string, message: string) => {
      for (const listener of this.listeners.get(channel) ?? []) listener(message);
    });
    const checks = setInterval(() => void this.check(client), CHECK_EVERY_MS).unref();
    client.once('end', () => clearInterval(checks));
    return client;
  }

  /** On a cluster a PING would go to another connection than the one that listens. Never rejects. */
  private async check(client: RedisClient): Promise<void> {
    const [channel] = this.listeners.keys();
    if (channel === undefined || client.status !== 'ready') return;
    await answerOf('SUBSCRIBE', client, client.subscribe(channel)).catch(() => undefined);
  }

  /** `true` when it was the channel's last listener. */
  private forget(channel: string, listener: Listener): boolean {
    const listeners = this.listeners.get(channel);
    listeners?.delete(listener);
    if (listeners?.size !== 0) return false;
    return this.listeners.delete(channel);
  }
}
