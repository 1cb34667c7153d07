import { Redis } from 'ioredis';
import type { RedisServer } from '../../../support/redis-server.js';

/** Runs something on a connection of its own, beside what clients and workers use. */
export async function asAdmin<T>({ url }: RedisServer, work: (admin: Redis) => Promise<T>): Promise<T> {
  const admin = new Redis(url, { retryStrategy: null, maxRetriesPerRequest: 0 });
  admin.on('error', () => undefined); // the command says it
  try {
    return await work(admin);
  } finally {
    admin.disconnect();
  }
}
