import { randomUUID } from 'node:crypto';
import { Client, Inspector, openBroker, RedisCommandError, silentLogger } from '@nestjs-asynq/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Readings } from './readings.js';

let broker: ReturnType<typeof openBroker>;
let client: Client;
let inspector: Inspector;
let readings: Readings;
let nowMs: number;

beforeEach(async () => {
  nowMs = 1_700_000_000_000;
  broker = openBroker({ memory: randomUUID() });
  client = new Client({ connection: broker, logger: silentLogger });
  inspector = new Inspector({ connection: broker, logger: silentLogger });
  readings = new Readings({ inspector, logger: silentLogger, nowMs: () => nowMs });
  for (const queue of ['a', 'b']) await client.enqueue('t', 1, { queue });
});

afterEach(async () => {
  await readings.close();
  await inspector.close();
  await client.close();
  await broker.close();
});

describe('the shared readings', () => {
  it('read all queues in turns, and forget those that are gone', async () => {
    await readings.turn();
    const before = ['a', 'b'].map((queue) => readings.of(queue)?.info.size);
    await inspector.deleteQueue('b', { force: true });
    nowMs += 6_000;
    await readings.turn();

    expect(before).toEqual([1, 1]);
    expect([readings.names, readings.of('b')]).toEqual([['a'], undefined]);
  });

  it('are shared by all who ask at once, and good for a while', async () => {
    const read = vi.spyOn(inspector, 'queueInfo');

    await Promise.all([readings.fresh('a'), readings.fresh('a'), readings.fresh('a')]);
    await readings.fresh('a');
    nowMs += 1_000;
    await readings.fresh('a');

    expect(read).toHaveBeenCalledTimes(2);
  });

  it('are not shared with those who want to know what came since they began', async () => {
    const read = vi.spyOn(inspector, 'queueInfo');
    const early = readings.fresh('a');
    await client.enqueue('t', 1, { queue: 'a', processIn: '1h' });
    nowMs += 1;

    await Promise.all([1, 2, 3].map(() => readings.readQueues(['a'], nowMs)));
    await early;
    await readings.readQueues(['a'], nowMs);

    expect(readings.of('a')!.info.scheduled).toBe(1);
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('fail for those who must not miss anything, and are older ones for others', async () => {
    await readings.turn();
    const failure = new RedisCommandError('HGETALL', true, { cause: new Error('gone') });
    vi.spyOn(inspector, 'queueInfo').mockRejectedValue(failure);
    vi.spyOn(inspector, 'queues').mockRejectedValue(failure);
    nowMs += 10_000;

    await expect(readings.since('a', nowMs)).rejects.toBe(failure);
    await expect(readings.readySince(nowMs)).rejects.toBe(failure);
    expect(await readings.fresh('a')).toMatchObject({ info: { size: 1 }, error: failure.message });
    await expect(readings.ready()).resolves.toBeUndefined();
  });

  it('of names are not shared with those who must not miss a new queue', async () => {
    const early = readings.ready();
    await client.enqueue('t', 1, { queue: 'new' });
    nowMs += 1;

    await readings.readySince(nowMs);
    await early;

    expect(readings.names).toEqual(['a', 'b', 'new']);
  });

  it('are read again after an action', async () => {
    await readings.fresh('a');
    await inspector.pauseQueue('a');
    readings.changed('a');

    expect((await readings.fresh('a')).info.isPaused).toBe(true);
  });

  it.each(['queue', 'names'] as const)(
    'are read again after an action that they were under way at: %s',
    async (what) => {
      await readings.turn();
      nowMs += 6_000;
      let answer: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (answer = resolve));
      const { queueInfo, queues } = { queueInfo: inspector.queueInfo, queues: inspector.queues };
      vi.spyOn(inspector, 'queueInfo').mockImplementationOnce(async (...args) => {
        const info = await queueInfo.apply(inspector, args);
        await held;
        return info;
      });
      vi.spyOn(inspector, 'queues').mockImplementationOnce(async () => {
        const names = await queues.call(inspector);
        await held;
        return names;
      });
      const early = what === 'queue' ? readings.fresh('a') : readings.ready();
      await new Promise(setImmediate);
      if (what === 'queue') await inspector.pauseQueue('a');
      else await inspector.deleteQueue('b', { force: true });
      readings.changed(what === 'queue' ? 'a' : 'b');

      const meanwhile = what === 'queue' ? readings.fresh('a') : readings.ready();
      answer();
      await Promise.all([early, meanwhile]);

      if (what === 'queue') expect((await meanwhile)?.info.isPaused).toBe(true);
      else expect(readings.names).toEqual(['a']);
    },
  );

  it('are read again after an action, also when one failed that was under way', async () => {
    await readings.fresh('a');
    nowMs += 1_000;
    let fail: () => void = () => undefined;
    vi.spyOn(inspector, 'queueInfo').mockImplementationOnce(
      () => new Promise((_, reject) => (fail = () => reject(new Error('gone')))),
    );
    const early = readings.fresh('a');
    nowMs -= 1_000; // the older figures are still good
    await inspector.pauseQueue('a');
    readings.changed('a');
    fail();
    await early;

    expect((await readings.fresh('a')).info.isPaused).toBe(true);
  });

  it('stay as they were, and say so, while Redis does not answer', async () => {
    await readings.turn();
    const failure = new RedisCommandError('SMEMBERS', true, { cause: new Error('gone') });
    for (const method of ['queues', 'queueInfo', 'servers'] as const)
      vi.spyOn(inspector, method).mockRejectedValue(failure);
    nowMs += 10_000;
    await readings.turn();

    expect(readings.of('a')).toMatchObject({ info: { size: 1 }, error: failure.message });
    expect(readings.warnings).toEqual([{ code: 'redisUnreachable', message: failure.message }]);
    expect(readings.servers).toBeUndefined();
  });

  it('say when Redis would drop tasks, and look for that once a minute', async () => {
    const node = { address: 'r:1', info: { maxmemory_policy: 'allkeys-lru' }, error: undefined };
    const read = vi.spyOn(inspector, 'redisNodes').mockResolvedValue([node, node, { ...node, info: {} }]);
    await readings.turn();
    nowMs += 30_000;
    await readings.turn();
    const once = read.mock.calls.length;
    read.mockRejectedValue(new Error('INFO is not allowed'));
    nowMs += 31_000;
    const before = readings.warnings;
    await readings.turn();

    expect(before).toContainEqual({ code: 'redisEvicts', policy: 'allkeys-lru' });
    expect(before.filter(({ code }) => code === 'redisEvicts')).toHaveLength(1);
    expect([once, read.mock.calls.length]).toEqual([1, 2]);
    expect(readings.warnings.filter(({ code }) => code === 'redisEvicts')).toEqual([]);
  });

  it('cost the same for any number of queues per turn', async () => {
    for (let i = 0; i < 300; i++) await client.enqueue('t', 1, { queue: `many-${i}` });
    const read = vi.spyOn(inspector, 'queueInfo');
    await readings.turn();
    const first = read.mock.calls.length;
    nowMs += 1_000;
    await readings.turn();

    expect(first).toBe(200);
    expect(new Set(read.mock.calls.map(([queue]) => queue)).size).toBe(302);
  });

  it('put the queues on a screen before all others', async () => {
    for (let i = 0; i < 300; i++) await client.enqueue('t', 1, { queue: `many-${i}` });
    await readings.ready();
    readings.look(['many-299', 'none']);
    const read = vi.spyOn(inspector, 'queueInfo');

    await readings.turn();

    expect(read.mock.calls[0]).toEqual(['many-299']);
  });
});
