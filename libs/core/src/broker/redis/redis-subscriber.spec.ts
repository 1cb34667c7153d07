import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RedisClient } from './redis-connection.js';
import type { RedisLink } from './redis-link.js';
import { RedisSubscriber } from './redis-subscriber.js';

/** A connection that listens, and answers as long as its cable is in. */
class FakeClient extends EventEmitter {
  status = 'ready';
  isSilent = false;
  readonly disconnect = vi.fn<(reconnect: boolean) => void>();
  readonly subscribe = vi.fn<(channel: string) => Promise<unknown>>(() => this.answer());
  readonly unsubscribe = vi.fn<(channel: string) => Promise<unknown>>(() => this.answer());

  private answer(): Promise<unknown> {
    return this.isSilent ? new Promise(() => undefined) : Promise.resolve(1);
  }
}

function prepare() {
  const client = new FakeClient();
  const link = { openClient: () => client as unknown as RedisClient } as unknown as RedisLink;
  return { client, subscriber: new RedisSubscriber(link) };
}

describe('RedisSubscriber', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('notices a connection that fell silent while it listens, and connects anew once', async () => {
    const { client, subscriber } = prepare();
    await subscriber.subscribe('news', () => undefined);
    await vi.advanceTimersByTimeAsync(60_000);
    const whileWell = client.disconnect.mock.calls.length;

    client.isSilent = true;
    await vi.advanceTimersByTimeAsync(60_000);

    expect(whileWell).toBe(0);
    expect(client.disconnect.mock.calls).toEqual([[true]]);
  });

  it('notices a second time after the first new connection', async () => {
    const { client, subscriber } = prepare();
    client.disconnect.mockImplementation(() => client.emit('close'));
    await subscriber.subscribe('news', () => undefined);
    client.isSilent = true;

    await vi.advanceTimersByTimeAsync(50_000);

    expect(client.disconnect).toHaveBeenCalledTimes(2);
  });

  it('fails to subscribe when no answer comes, as for a moment', async () => {
    const { client, subscriber } = prepare();
    client.isSilent = true;

    const subscribed = subscriber.subscribe('news', () => undefined).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5_000);

    expect(await subscribed).toMatchObject({ code: 'REDIS_COMMAND', isTransient: true });
  });

  it('does not wait for ever to end a subscription', async () => {
    const { client, subscriber } = prepare();
    const end = await subscriber.subscribe('news', () => undefined);
    client.isSilent = true;

    const ended = end();
    await vi.advanceTimersByTimeAsync(5_000);

    await expect(ended).resolves.toBeUndefined();
  });

  it('asks for no sign of life without listeners, or after its end', async () => {
    const { client, subscriber } = prepare();
    const end = await subscriber.subscribe('news', () => undefined);
    await end();
    await vi.advanceTimersByTimeAsync(60_000);
    const unheard = client.subscribe.mock.calls.length;
    await subscriber.subscribe('news', () => undefined);

    client.emit('end');
    await vi.advanceTimersByTimeAsync(60_000);

    expect(unheard).toBe(1);
    expect(client.subscribe).toHaveBeenCalledTimes(2);
    expect(vi.getTimerCount()).toBe(0);
  });
});
