import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RedisClient } from './redis-connection.js';
import { ReplyWatch } from './reply-watch.js';

/** A connection that owes a number of replies and has received a number of bytes. */
const connectionTo = (host: string): FakeConnection => {
  const handle = { writeQueueSize: 0 };
  return {
    host,
    isCluster: false,
    commandQueue: { length: 0 },
    handle,
    stream: { bytesRead: 0, bytesWritten: 0, writableLength: 0, _handle: handle },
    on() {
      return this;
    },
  };
};

interface FakeConnection {
  readonly host: string;
  readonly isCluster: false;
  readonly commandQueue: { length: number };
  readonly handle: { writeQueueSize: number };
  stream: { bytesRead: number; bytesWritten: number; writableLength: number; readonly _handle: object };
  on(): unknown;
}

function prepare(...connections: FakeConnection[]) {
  const silent: string[] = [];
  const cluster = { isCluster: true, nodes: () => connections, on: () => undefined };
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

  it('finds the silent node of a cluster', async () => {
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

  it('tolerates a slow reply while its bytes arrive', async () => {
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

  it('does not count a connection as silent while it is sending a command, however long that takes', async () => {
    const connection = connectionTo('one');
    const { silent, watch } = prepare(connection);

    connection.commandQueue.length = 1;
    connection.stream.bytesWritten = connection.stream.writableLength = 60_000;
    void watch.during(never);
    for (let second = 0; second < 60; second++) {
      connection.stream.writableLength -= 1_000;
      await vi.advanceTimersByTimeAsync(1_000);
    }

    expect(silent).toEqual([]);
  });

  it('detects the progress of a single large command', async () => {
    const connection = connectionTo('one');
    const { silent, watch } = prepare(connection);

    connection.commandQueue.length = 1;
    connection.stream.bytesWritten = connection.stream.writableLength = 60_000;
    void watch.during(never);
    for (let second = 0; second < 60; second++) {
      connection.handle.writeQueueSize = 60_000 - 1_000 * second;
      await vi.advanceTimersByTimeAsync(1_000);
    }

    expect(silent).toEqual([]);
  });

  it('finds a silent connection to which further commands are written', async () => {
    const connection = connectionTo('one');
    const { silent, watch } = prepare(connection);

    connection.commandQueue.length = 1;
    void watch.during(never);
    for (let tick = 0; tick < 60; tick++) {
      connection.stream.bytesWritten += 200; // the buffers of the operating system have room
      await vi.advanceTimersByTimeAsync(100);
    }

    expect(silent).toEqual(['one']);
  });

  it('finds a silent connection that sends no more bytes', async () => {
    const connection = connectionTo('one');
    const { silent, watch } = prepare(connection);

    connection.commandQueue.length = 1;
    void watch.during(never);
    for (let tick = 0; tick < 60; tick++) {
      connection.stream.bytesWritten += 200;
      connection.stream.writableLength += 200;
      await vi.advanceTimersByTimeAsync(100);
    }

    expect(silent).toEqual(['one']);
  });

  it('does not blame a connection for a blocked event loop', async () => {
    const connection = connectionTo('one');
    const { silent, watch } = prepare(connection);

    connection.commandQueue.length = 1;
    void watch.during(never);
    vi.setSystemTime(Date.now() + 60_000); // the event loop was blocked
    await vi.advanceTimersByTimeAsync(500);

    expect(silent).toEqual([]);
  });

  it('stops when every reply has arrived', async () => {
    const { watch } = prepare(connectionTo('one'));

    await watch.during(Promise.resolve());
    await watch.during(Promise.reject(new Error('no'))).catch(() => undefined);
    await vi.advanceTimersByTimeAsync(500);

    expect(vi.getTimerCount()).toBe(0);
  });
});
