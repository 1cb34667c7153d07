import { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisServer, type RedisServerOptions, startRedis } from '../support/redis-server.js';

/** Both are there once the tests have begun. */
export interface SharedRedis {
  readonly server: RedisServer;
  readonly client: Redis;
}

/** Starts a Redis before the tests of the file, or of the `describe` around the call, and stops it after them. */
export function shareRedis(options: RedisServerOptions = {}): SharedRedis {
  let server: RedisServer | undefined;
  let client: Redis | undefined;
  beforeAll(async () => {
    server = await startRedis(options);
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.stop();
  });
  return {
    get server() {
      return server!;
    },
    get client() {
      return client!;
    },
  };
}
