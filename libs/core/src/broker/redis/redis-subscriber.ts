import type { RedisClient } from './redis-connection.js';
import { type RedisLink, whenReady } from './redis-link.js';
import { toRedisError } from './redis-failure.js';

type Listener = (message: string) => void;

/** One connection for all channels of a broker, opened at the first subscription. ioredis subscribes again after a loss. */
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
      await client.subscribe(channel); // repeating it costs nothing
    } catch (error) {
      this.forget(channel, listener);
      throw toRedisError('SUBSCRIBE', error);
    }
    return async () => {
      if (this.forget(channel, listener) && client.status === 'ready')
        await client.unsubscribe(channel).catch(() => undefined);
    };
  }

  private openClient(): RedisClient {
    const client = this.redis.openClient('subscriber');
    client.on('message', (channel: string, message: string) => {
      for (const listener of this.listeners.get(channel) ?? []) listener(message);
    });
    return client;
  }

  /** `true` when it was the channel's last listener. */
  private forget(channel: string, listener: Listener): boolean {
    const listeners = this.listeners.get(channel);
    listeners?.delete(listener);
    if (listeners?.size !== 0) return false;
    return this.listeners.delete(channel);
  }
}
