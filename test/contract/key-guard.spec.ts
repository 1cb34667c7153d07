import { expect, it } from 'vitest';
import { KeyGuard, openRedisQueue } from '../support/test-queue.js';
import { describeEveryRole } from './every-role.js';
import { shareRedis } from './shared-redis.js';

const guard = new KeyGuard();
const redis = shareRedis();

describeEveryRole('one Redis with guarded keys', () => openRedisQueue(redis.client, { guard }));
describeEveryRole('one Redis with declared keys only', () =>
  openRedisQueue(redis.client, { guard, declaredKeysOnly: true }),
);

it('has watched every script', async () => {
  await using q = openRedisQueue(redis.client, { guard, hasRedisTime: true });
  await q.seed({ pending: ['next'] });
  const watch = await q.broker.openWatch(q.name);
  const fetched = await watch!.fetchNext!(1_000, { leaseMs: 30_000, withSince: true });
  await watch!.close();
  expect(fetched).toMatchObject({ tasks: [{ message: { id: 'next' } }] });
  // Sent after a lost reply alone, see test/recovery/lost-replies.spec.ts; to a full Redis alone, see full-redis.spec.ts.
  expect(guard.notRun()).toEqual(['return-unanswered', 'take-duty']);
});

it('notices a key that a script does not declare', async () => {
  const lua = guard.prepareScript({ name: 'test', lua: "return redis.call('GET', 'asynq:{q}:other')" });

  await expect(redis.client.eval(lua, 1, 'asynq:{q}:pending')).rejects.toThrow('undeclared key: asynq:{q}:other');
});

it('notices keys of two slots', async () => {
  const lua = guard.prepareScript({ name: 'test', lua: 'return 1' });

  await expect(redis.client.eval(lua, 2, 'asynq:{a}:pending', 'asynq:{b}:pending')).rejects.toThrow(
    'keys of two slots',
  );
});
