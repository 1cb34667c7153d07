import { Inspector, silentLogger } from '@nestjs-asynq/core';
import { openRedisQueue } from '@nestjs-asynq/core/testing';
import { expect, it } from 'vitest';
import { shareRedis } from './shared-redis.js';

const redis = shareRedis();

it('shows and moves the others when a key of another type has the name of a task', async () => {
  await using q = openRedisQueue(redis.client);
  await q.broker.enqueue([{ message: q.message('a') }, { message: q.message('odd') }, { message: q.message('b') }]);
  await q.seed({ retry: { r: '1h', 'r-odd': '2h' } });
  for (const id of ['odd', 'r-odd']) {
    await redis.client.del(`asynq:{${q.name}}:t:${id}`);
    await redis.client.set(`asynq:{${q.name}}:t:${id}`, 'no hash');
  }
  const inspector = new Inspector({ connection: q.broker, logger: silentLogger });
  const ids = (tasks: readonly { id: string }[]) => tasks.map(({ id }) => id);

  const pending = await inspector.listTasks(q.name, 'pending');
  const found = await inspector.findTasks({ queue: q.name, state: 'pending' });
  const retried = await inspector.runAll(q.name, 'retry');
  const deleted = await inspector.deleteAll(q.name, 'pending');

  expect([ids(pending), ids(found.tasks)]).toEqual([
    ['a', 'b'],
    ['b', 'a'],
  ]);
  expect([retried, deleted]).toEqual([1, 4]); // what has no message counts as deleted
  expect(await redis.client.exists(`asynq:{${q.name}}:t:odd`)).toBe(0);
});
