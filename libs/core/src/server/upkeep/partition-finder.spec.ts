import { describe, expect, it, vi } from 'vitest';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import { partitionName } from '../../partitions/partition-name.js';
import { type Logger, silentLogger } from '../../runtime/logger.js';
import { openMemoryQueue, type TestQueue } from '../../test-support/test-queue.js';
import { PartitionFinder } from './partition-finder.js';

function open(served: readonly string[], broker: Partial<TestQueue['broker']> = {}, logger: Logger = silentLogger) {
  const q = openMemoryQueue({ name: 'email' });
  const found: string[][] = [];
  const finder = new PartitionFinder(
    { ...q.broker, ...broker },
    { queues: served },
    (queue, partition) => found.push([queue, partition]),
    { clock: q.clock, logger },
  );
  const put = (queue: string) => q.broker.enqueue([{ message: q.message('t', { queue }) }]);
  return { q, finder, found, put };
}

describe('PartitionFinder', () => {
  it('finds a partition of a served queue once it holds a task', async () => {
    const { finder, found, put, q } = open(['email', 'other']);
    const [old, empty] = [partitionName('email', 3), partitionName('email', 4)];
    await q.broker.announceQueues([empty]);
    for (const queue of [old, 'email:p3', partitionName('stranger', 0)]) await put(queue);

    await finder.runOnce();
    await finder.runOnce();
    expect(found).toEqual([['email', old]]);

    await put(empty);
    await finder.runOnce();
    expect(found).toEqual([
      ['email', old],
      ['email', empty],
    ]);
  });

  it('checks more often once it knows of partitions, whether they hold tasks or not', async () => {
    const { finder, q } = open(['email']);

    const before = await finder.runOnce();
    await q.broker.announceQueues([partitionName('email', 2)]);
    const after = await finder.runOnce();

    expect([before, after]).toEqual([60_000, 10_000]);
    expect(await open(['email', partitionName('email', 0)]).finder.runOnce()).toBe(10_000);
  });

  it('leaves out partitions that are already served', async () => {
    const served = partitionName('email', 0);
    const { finder, found, put } = open(['email', served]);
    await put(served);

    await finder.runOnce();

    expect(found).toEqual([]);
  });

  it('checks the others when the node of one is unavailable', async () => {
    const [sick, sound] = [partitionName('email', 0), partitionName('email', 1)];
    const { finder, found, put, q } = open(['email'], {
      queueStats: async (queue) => {
        if (queue === sick)
          throw new RedisCommandError('queueStats', true, { cause: new Error('Connection is closed.') });
        return q.broker.queueStats(queue);
      },
    });
    for (const queue of [sick, sound]) await put(queue);

    await finder.runOnce();

    expect(found).toEqual([['email', sound]]);
  });

  it.each([
    [true, ['email', partitionName('email', 0)], 0],
    [false, ['email', partitionName('email', 0)], 1],
    [false, ['email'], 0],
  ])(
    'continues without the names of queues, and logs a refusal once (transient: %s, %j)',
    async (isTransient, served, told) => {
      const warn = vi.fn<Logger['warn']>();
      const queueNames = async (): Promise<never> => {
        throw new RedisCommandError('SMEMBERS', isTransient, { cause: new Error('NOPERM') });
      };
      const { finder, found } = open(served, { queueNames }, { ...silentLogger, warn });

      await finder.runOnce();
      await finder.runOnce();

      expect(found).toEqual([]);
      expect(warn).toHaveBeenCalledTimes(told);
    },
  );
});
