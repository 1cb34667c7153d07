import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RedisClient } from './redis-connection.js';
import { ReplyWatch } from './reply-watch.js';

/** A connection that owes so many replies and has received so many bytes. */
const connectionTo = (host: string) => ({
  host,
  isCluster: false,
  commandQueue: { length: 0 },
  stream: { bytesRead: 0 },
});

type FakeConnection = ReturnType<typeof connectionTo>;

function prepare(...connections: FakeConnection[]) {
  const silent: string[] = [];
  const cluster = { isCluster: true, nodes: () => connections };
  const client = (connections.length === 1 ? connections[0] : cluster) as unknown as RedisClient;
  const watch = new ReplyWatch(client, (connection: Redis) => {
    silent.push((connection as unknown as FakeConnection).host);
  });
  return { silent, watch };
}

const never = new Promise<never>(() => undefined);

describe('ReplyWatch', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('finds a connection that owes a reply and sends nothing', async () => {
    const connection = connectionTo('one');
    const { silent, watch } = prepare(connection);

    connection.commandQueue.length = 1;
    void watch.during(never);
    await vi.advanceTimersByTimeAsync(6_000);

    expect(silent).toEqual(['one']);
  });

  it('finds of a cluster the one node that is silent', async () => {
    const nodes = ['one', 'two', 'three'].map(connectionTo);
    const { silent, watch } = prepare(...nodes);

    nodes[0]!.commandQueue.length = nodes[1]!.commandQueue.length = 5;
    void watch.during(never);
    for (let tick = 0; tick < 60; tick++) {
      nodes[0]!.stream.bytesRead += 7;
      await vi.advanceTimersByTimeAsync(100);
    }

    expect(silent).toEqual(['two']);
  });

  it('takes a reply that is arriving for a sign of life, however long it takes', async () => {
    const connection = connectionTo('one');
    const { silent, watch } = prepare(connection);

    connection.commandQueue.length = 1;
    void watch.during(never);
    for (let second = 0; second < 60; second++) {
      connection.stream.bytesRead += 1_000;
      await vi.advanceTimersByTimeAsync(1_000);
    }

    expect(silent).toEqual([]);
  });

  it('does not hold a blocked event loop against a connection', async () => {
    const connection = connectionTo('one');
    const { silent, watch } = prepare(connection);

    connection.commandQueue.length = 1;
    void watch.during(never);
    vi.setSystemTime(Date.now() + 60_000); // nothing ran meanwhile
    await vi.advanceTimersByTimeAsync(500);

    expect(silent).toEqual([]);
  });

  it('rests when every reply has come', async () => {
    const { watch } = prepare(connectionTo('one'));

    await watch.during(Promise.resolve());
    await watch.during(Promise.reject(new Error('no'))).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(500);

    expect(vi.getTimerCount()).toBe(0);
  });
});
