import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../runtime/logger.js';
import type { RedisLink } from './redis-link.js';
import { RedisSubscriber } from './redis-subscriber.js';

type Answer = 'yes' | 'no answer' | 'cut' | 'NOPERM No permissions to access a channel';

/** A connection that listens. */
class FakeConnection extends EventEmitter {
  status = 'ready';
  readonly heard = new Set<string>();
  readonly disconnect = vi.fn<() => void>(() => this.close());

  constructor(private readonly answer: (channel: string) => Answer) {
    super();
  }

  readonly subscribe = vi.fn<(channel: string) => Promise<unknown>>(async (channel) => {
    const answer = this.answer(channel);
    if (answer === 'no answer') return new Promise(() => undefined);
    if (answer === 'cut') this.close();
    if (answer !== 'yes') throw new Error(answer === 'cut' ? 'Reached the max retries per request limit' : answer);
    return this.heard.add(channel);
  });

  readonly unsubscribe = vi.fn<(channel: string) => Promise<unknown>>(async (channel) => this.heard.delete(channel));

  close(): void {
    if (this.status === 'end') return;
    this.status = 'end';
    this.emit('close');
  }
}

/** Connections are opened by one link; `answer` says what each of them replies to a subscription. */
function prepare(answer: (channel: string, connection: number) => Answer = () => 'yes') {
  const connections: FakeConnection[] = [];
  const warn = vi.fn<(message: string) => void>();
  const link = {
    isClosed: false,
    logger: { ...silentLogger, warn },
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

    expect([...connections[1]!.heard]).toEqual(['one', 'two', 'three']);
  });

  it('tries again until it hears every channel when it is cut while it subscribes', async () => {
    const unhandled = vi.fn<(error: unknown) => void>();
    process.on('unhandledRejection', unhandled);
    const { connections, subscriber } = prepare((channel, at) => (at === 1 && channel === 'two' ? 'cut' : 'yes'));
    for (const channel of ['one', 'two']) await subscriber.subscribe(channel, nothing);

    connections[0]!.close();
    await vi.advanceTimersByTimeAsync(1_000);
    process.off('unhandledRejection', unhandled);

    expect([...connections.at(-1)!.heard]).toEqual(['one', 'two']);
    expect(connections).toHaveLength(3);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('passes on what it hears after a loss', async () => {
    const { connections, subscriber } = prepare();
    const heard: string[] = [];
    await subscriber.subscribe('news', (message) => heard.push(message));

    connections[0]!.close();
    await vi.advanceTimersByTimeAsync(1_000);
    connections[1]!.emit('message', 'news', 'hello');

    expect(heard).toEqual(['hello']);
  });

  it('asks for a sign of life now and then while somebody listens', async () => {
    const { connections, subscriber } = prepare();
    const end = await subscriber.subscribe('news', nothing);
    await vi.advanceTimersByTimeAsync(8_000);
    const whileHeard = connections[0]!.subscribe.mock.calls.length;
    await end();

    await vi.advanceTimersByTimeAsync(60_000);

    expect(whileHeard).toBe(2);
    expect(connections[0]!.subscribe).toHaveBeenCalledTimes(2);
  });

  it('opens another connection when one gives no sign of life', async () => {
    let isSilent = false;
    const { connections, link, subscriber } = prepare((_, at) => (isSilent && at === 0 ? 'no answer' : 'yes'));
    link.answerOf = (_, reply) =>
      Promise.race([reply, new Promise((_resolve, reject) => setTimeout(() => reject(new Error('timed out')), 5_000))]);
    await subscriber.subscribe('news', nothing);

    isSilent = true;
    await vi.advanceTimersByTimeAsync(14_000);

    expect([...connections[1]!.heard]).toEqual(['news']);
  });

  it('lets those who may not subscribe go on without news, and says so once', async () => {
    let isAllowed = false;
    const { connections, warn, subscriber } = prepare(() =>
      isAllowed ? 'yes' : 'NOPERM No permissions to access a channel',
    );

    for (const channel of ['one', 'two']) await subscriber.subscribe(channel, nothing);
    await vi.advanceTimersByTimeAsync(60_000);
    const whileRefused = [...connections[0]!.heard];
    isAllowed = true; // an administrator grants it
    await vi.advanceTimersByTimeAsync(8_000);

    expect(warn).toHaveBeenCalledTimes(1);
    expect(whileRefused).toEqual([]);
    expect([...connections[0]!.heard].toSorted()).toEqual(['one', 'two']);
  });

  it('fails to subscribe while Redis is away, and opens nothing for it later', async () => {
    const { connections, subscriber } = prepare(() => 'cut');

    const subscribed = subscriber.subscribe('news', nothing).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(60_000);

    expect(await subscribed).toMatchObject({ code: 'REDIS_COMMAND', isTransient: true });
    expect(connections).toHaveLength(1);
  });

  it('is at rest after the end of its link', async () => {
    const { connections, link, subscriber } = prepare();
    await subscriber.subscribe('news', nothing);

    link.isClosed = true;
    connections[0]!.close();
    await vi.advanceTimersByTimeAsync(60_000);

    expect(connections).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
