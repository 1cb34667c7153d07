import { openRedisQueue } from '../support/test-queue.js';
import { describeEveryRole } from './every-role.js';
import { shareRedis } from './shared-redis.js';

const redis = shareRedis();

describeEveryRole('one Redis', () => openRedisQueue(redis.client));
