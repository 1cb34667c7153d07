import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { startCluster, startRedis, type RedisCluster, type RedisServer } from '../support/redis-server.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe.skipIf(!hasGoPeer)('the Go peer', () => {
  let redis: RedisServer;
  let peer: GoPeer;

  beforeAll(async () => {
    redis = await startRedis();
    peer = new GoPeer(redis);
    await peer.serve({
      queues: { served: 1 },
      concurrency: 4,
      taskCheckIntervalMs: 50,
      delayedTaskCheckIntervalMs: 50,
    });
  });

  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await redis.stop();
  });

  it('handles its own tasks as their types say, and reports each attempt', async () => {
    await peer.enqueue([
      {
        type: 't:echo',
        payload: bytes('hi'),
        queue: 'served',
        taskId: 'echoed',
        retentionMs: 60_000,
        headers: { a: 'b' },
      },
      { type: 't:fail-once', queue: 'served', taskId: 'flaky' },
      { type: 't:fail-always', queue: 'served', taskId: 'broken', maxRetry: 0 },
    ]);

    await peer.until(() => peer.handled.length === 4);

    const attempts = peer.handled.map(({ id, retried, error }) => [id, retried, error]);
    expect(attempts).toEqual(
      expect.arrayContaining([
        ['echoed', 0, undefined],
        ['flaky', 0, 'fails once'],
        ['flaky', 1, undefined],
        ['broken', 0, 'fails always'],
      ]),
    );
    expect(peer.handled.find(({ id }) => id === 'echoed')).toMatchObject({ payload: bytes('hi'), headers: { a: 'b' } });
  });

  it('shows tasks and queues of a server that is not its own', async () => {
    await peer.enqueue([{ type: 't:succeed', queue: 'idle', taskId: 'later', processInMs: 3_600_000, maxRetry: 3 }]);
    await peer.pause('idle');

    expect(await peer.queueInfo('idle')).toMatchObject({ scheduled: 1, size: 1, isPaused: true });
    expect(await peer.taskInfo('idle', 'later')).toMatchObject({ state: 'scheduled', maxRetry: 3, type: 't:succeed' });
    expect(await peer.tasks('idle', 'scheduled')).toHaveLength(1);
    await expect(peer.pause('idle')).rejects.toThrow('already paused');
  });

  it('speaks to a cluster', async () => {
    await using cluster: RedisCluster = await startCluster();
    await using member = new GoPeer(cluster);
    const queues = ['a', 'b', 'c', 'd'];

    const outcomes = await member.enqueue(queues.map((queue) => ({ type: 't:succeed', queue })));

    expect(outcomes).toEqual(queues.map(() => ({ id: expect.any(String) as string, state: 'pending' })));
    expect((await member.queues()).toSorted()).toEqual(queues);
  });
});
