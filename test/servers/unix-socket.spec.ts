import { join } from 'node:path';
import { describeEveryRole } from '../contract/every-role.js';
import { shareRedis } from '../contract/shared-redis.js';
import { openRedisQueue } from '../support/test-queue.js';

const redis = shareRedis({ args: ['--unixsocket', 'redis.sock', '--unixsocketperm', '777'] });

describeEveryRole('a unix socket', () =>
  openRedisQueue(redis.client, { connection: { url: `redis-socket://${join(redis.server.dir, 'redis.sock')}` } }),
);
