import { afterAll, beforeAll } from 'vitest';
import { describeEveryRole } from '../contract/every-role.js';
import { shareRedis } from '../contract/shared-redis.js';
import { type Sentinel, startSentinel } from '../support/sentinel.js';
import { openRedisQueue } from '../support/test-queue.js';

const redis = shareRedis();
let sentinel: Sentinel;

beforeAll(async () => {
  sentinel = await startSentinel(redis.server, 'guard');
});

afterAll(() => sentinel[Symbol.asyncDispose]());

describeEveryRole('the master of a sentinel', () =>
  openRedisQueue(redis.client, {
    connection: { url: `redis-sentinel://:guard@127.0.0.1:${sentinel.port}?master=main` },
  }),
);
