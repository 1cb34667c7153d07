import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import type { RedisConnection } from './redis-connection.js';
import { openClient } from './redis-connection.js';

const url = 'redis://127.0.0.1:1';
const atSentinels = { sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main' };
const lazy = { lazyConnect: true };

it.each<[string, RedisConnection, boolean]>([
  ['asks no server by its address', { url }, false],
  ['asks no server of a client', new Redis(url, lazy), false],
  ['asks the master that sentinels name', atSentinels, true],
  ['asks the master that the sentinels of a client name', new Redis({ ...atSentinels, ...lazy }), true],
  ['asks no master when told not to', { ...atSentinels, options: { enableReadyCheck: false } }, false],
  ['asks no master when a client does not', new Redis({ ...atSentinels, ...lazy, enableReadyCheck: false }), false],
])('%s for its role, which takes the right to INFO', (_, connection, asks) => {
  const client = openClient(connection, 'commands') as Redis;

  expect(client.options.enableReadyCheck).toBe(asks);
});
