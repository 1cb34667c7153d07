import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';

/**
 * Starts a Redis before the tests of the file, or of the `describe` around the call, and stops it after them. The client
 * is there once the tests have begun.
 */
export function shareRedis(): { readonly client: Redis } {
  let server: RedisServer | undefined;
  let client: Redis | undefined;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.stop();
  });
  return {
    get client() {
      return client!;
    },
  };
}
