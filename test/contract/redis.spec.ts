import { openRedisQueue } from '@nestjs-asynq/core/testing';
import { describeEveryRole } from './every-role.js';
import { shareRedis } from './shared-redis.js';

const redis = shareRedis();

describeEveryRole('one Redis', () => openRedisQueue(redis.client));
