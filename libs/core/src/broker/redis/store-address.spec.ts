import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import type { RedisConnection } from './redis-connection.js';
import { storeAddress } from './store-address.js';

const idle = (options: object): Redis => new Redis({ lazyConnect: true, ...options });

it.each<[string, RedisConnection, object | undefined]>([
  ['a URL', { url: 'redis://:hush@redis.example:6380/1' }, { host: 'redis.example', port: 6380 }],
  ['a URL of a socket', { url: 'redis-socket:///run/redis.sock' }, { host: '/run/redis.sock' }],
  ['a URL of a cluster', { url: 'redis-cluster://a:1,b:2' }, undefined],
  ['a cluster', { cluster: [{ host: 'a', port: 1 }] }, undefined],
  ['sentinels', { sentinels: [{ host: 'a', port: 1 }], name: 'm' }, undefined],
  ['a client', idle({ host: 'a', port: 1 }), { host: 'a', port: 1 }],
  ['a client with more options', { client: idle({ path: '/run/redis.sock' }) }, { host: '/run/redis.sock' }],
  ['a client of sentinels', idle({ sentinels: [{ host: 'a', port: 1 }], name: 'm' }), undefined],
])('tells the address behind %s', (_, connection, address) => {
  expect(storeAddress(connection)).toEqual(address);
});
