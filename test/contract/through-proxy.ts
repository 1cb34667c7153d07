import { afterAll, beforeAll } from 'vitest';
import { openProxy, type ProxyProfile, type RedisProxy } from '../support/redis-proxy.js';
import { openRedisQueue } from '../support/test-queue.js';
import { describeEveryRole } from './every-role.js';
import { withoutCommands } from './missing-commands.js';
import { shareRedis } from './shared-redis.js';

/** All that a broker promises, as far as the proxy lets it. */
export function describeThroughProxy(backend: string, profile: ProxyProfile): void {
  const redis = shareRedis();
  let proxy: RedisProxy;

  beforeAll(async () => {
    proxy = await openProxy(redis.server, profile);
  });

  afterAll(() => proxy[Symbol.asyncDispose]());

  const openQueue = () => openRedisQueue(redis.client, { connection: { url: proxy.url } });
  describeEveryRole(backend, withoutCommands(profile.refused ?? [], openQueue));
}
