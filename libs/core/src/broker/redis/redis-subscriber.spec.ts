import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../runtime/logger.js';
import type { RedisLink } from './redis-link.js';
import { RedisSubscriber } from './redis-subscriber.js';

type Answer = 'yes' | 'no answer' | 'cut' | 'NOPERM No permissions to access a channel';

/** A subscribed connection. */
class FakeConnection extends EventEmitter {
  status = 'ready';
  readonly channels = new Set<string>();
  readonly disconnect = vi.fn<() => void>(() => this.close());

  constructor(private readonly answer: (channel: string) => Answer) {
    super();
  }

  readonly subscribe = vi.fn<(...channels: string[]) => Promise<unknown>>(async (...channels) => {
    const answer = channels.map((channel) => this.answer(channel)).find((one) => one !== 'yes');
    if (answer === 'no answer') return new Promise(() => undefined);
    if (answer === 'cut') this.close();
    if (answer) throw new Error(answer === 'cut' ? 'Reached the max retries per request limit' : answer);
    for (const channel of channels) this.channels.add(channel);
    return channels.length;
  });

  readonly unsubscribe = vi.fn<(...channels: string[]) => Promise<unknown>>(async (...channels) => {
    for (const channel of channels) this.channels.delete(channel);
    return channels.length;
  });

  close(): void {
    if (this.status === 'end') return;
    this.status = 'end';
    this.emit('close');
  }
}

/** One link opens the connections; `answer` is the reply of each to a subscription. */
function prepare(answer: (channel: string, connection: number) => Answer = () => 'yes') {
  const connections: FakeConnection[] = [];
  const warn = vi.fn<(message: string) => void>();
  const link = {
    isClosed: false,
    logger: { ...silentLogger, warn },
    logRefusal: warn,
    openConnection: async () => {
      const index = connections.length;
      const connection = new FakeConnection((channel) => answer(channel, index));
      connections.push(connection);
      return connection as unknown as Redis;
    },
    closeConnection: (connection: Redis) => connection.disconnect(),
    answerOf: (_connection: Redis, reply: Promise<unknown>) => reply,
  };
  return { connections, warn, link, subscriber: new RedisSubscriber(link as unknown as RedisLink) };
}

const nothing = (): void => undefined;

describe('RedisSubscriber', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('subscribes to all channels again when its connection is lost', async () => {
    const { connections, subscriber } = prepare();
    for (const channel of ['one', 'two', 'three']) await subscriber.subscribe(channel, nothing);

    connections[0]!.close();
    await vi.advanceTimersByTimeAsync(1_000);

    expect([...connections[1]!.channels]).toEqual(['one', 'two', 'three']);
  });

  it('retries until it is subscribed to every channel when the connection is lost during SUBSCRIBE', async () => {
    const unhandled = vi.fn<(error: unknown) => void>();
    process.on('unhandledRejection', unhandled);
    const { connections, subscriber } = prepare((channel, at) => (at === 1 && channel === 'two' ? 'cut' : 'yes'));
    for (const channel of ['one', 'two']) await subscriber.subscribe(channel, nothing);

    connections[0]!.close();
    await vi.advanceTimersByTimeAsync(1_000);
    process.off('unhandledRejection', unhandled);

    expect([...connections.at(-1)!.channels]).toEqual(['one', 'two']);
    expect(connections).toHaveLength(3);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('subscribes to the channels of concurrent calls in one command', async () => {
    const { connections, subscriber } = prepare();

    await Promise.all(['one', 'two', 'three'].map((channel) => subscriber.subscribe(channel, nothing)));

    expect(connections[0]!.subscribe.mock.calls).toEqual([['one', 'two', 'three']]);
  });

  it('ends the subscriptions of concurrent calls in one command', async () => {
    const { connections, subscriber } = prepare();
    const ends = await Promise.all(['one', 'two'].map((channel) => subscriber.subscribe(channel, nothing)));

    await Promise.all(ends.map((end) => end()));

    expect(connections[0]!.unsubscribe.mock.calls).toEqual([['one', 'two']]);
  });

  it('stays subscribed to a channel that is ended and called for again among others', async () => {
    const { connections, subscriber } = prepare();
    const end = await subscriber.subscribe('one', nothing);

    await Promise.all([
      subscriber.subscribe('two', nothing),
      end(),
      subscriber.subscribe('one', nothing),
      subscriber.subscribe('three', nothing),
    ]);

    expect([...connections[0]!.channels].toSorted()).toEqual(['one', 'three', 'two']);
  });

  it('receives the allowed channels of concurrent calls when another one is refused', async () => {
    const refusal = 'NOPERM No permissions to access a channel';
    const { connections, subscriber } = prepare((channel) => (channel === 'two' ? refusal : 'yes'));

    await Promise.all(['one', 'two', 'three'].map((channel) => subscriber.subscribe(channel, nothing)));

    expect([...connections[0]!.channels]).toEqual(['one', 'three']);
  });

  it('passes on messages received after a reconnect', async () => {
    const { connections, subscriber } = prepare();
    const messages: string[] = [];
    await subscriber.subscribe('news', (message) => messages.push(message));

    connections[0]!.close();
    await vi.advanceTimersByTimeAsync(1_000);
    connections[1]!.emit('message', 'news', 'hello');

    expect(messages).toEqual(['hello']);
  });

  it('checks the connection regularly while it has listeners', async () => {
    const { connections, subscriber } = prepare();
    const end = await subscriber.subscribe('news', nothing);
    await vi.advanceTimersByTimeAsync(8_000);
    const whileListening = connections[0]!.subscribe.mock.calls.length;
    await end();

    await vi.advanceTimersByTimeAsync(60_000);

    expect(whileListening).toBe(2);
    expect(connections[0]!.subscribe).toHaveBeenCalledTimes(2);
  });

  it('opens another connection when one does not respond', async () => {
    let isSilent = false;
    const { connections, link, subscriber } = prepare((_, at) => (isSilent && at === 0 ? 'no answer' : 'yes'));
    link.answerOf = (_, reply) =>
      Promise.race([reply, new Promise((_resolve, reject) => setTimeout(() => reject(new Error('timed out')), 5_000))]);
    await subscriber.subscribe('news', nothing);

    isSilent = true;
    await vi.advanceTimersByTimeAsync(14_000);

    expect([...connections[1]!.channels]).toEqual(['news']);
  });

  it('continues without messages when it may not subscribe, and logs this once', async () => {
    let isAllowed = false;
    const { connections, warn, subscriber } = prepare(() =>
      isAllowed ? 'yes' : 'NOPERM No permissions to access a channel',
    );

    for (const channel of ['one', 'two']) await subscriber.subscribe(channel, nothing);
    await vi.advanceTimersByTimeAsync(60_000);
    const whileRefused = [...connections[0]!.channels];
    isAllowed = true; // an administrator grants it
    await vi.advanceTimersByTimeAsync(8_000);

    expect(warn).toHaveBeenCalledTimes(1);
    expect(whileRefused).toEqual([]);
    expect([...connections[0]!.channels].toSorted()).toEqual(['one', 'two']);
  });

  it('fails to subscribe while Redis is unavailable, and opens nothing for it later', async () => {
    const { connections, subscriber } = prepare(() => 'cut');

    const subscribed = subscriber.subscribe('news', nothing).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(60_000);

    expect(await subscribed).toMatchObject({ code: 'REDIS_COMMAND', isTransient: true });
    expect(connections).toHaveLength(1);
  });

  it('stops when its link is closed', async () => {
    const { connections, link, subscriber } = prepare();
    await subscriber.subscribe('news', nothing);

    link.isClosed = true;
    connections[0]!.close();
    await vi.advanceTimersByTimeAsync(60_000);

    expect(connections).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
