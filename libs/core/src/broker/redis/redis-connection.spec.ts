import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import type { RedisConnection } from './redis-connection.js';
import { openClient, openNodeClient, problemOf } from './redis-connection.js';

const url = 'redis://127.0.0.1:1';
const atSentinels = { sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main' };
const lazy = { lazyConnect: true };

it.each<[string, RedisConnection, boolean]>([
  ['asks no server by its address', { url }, false],
  ['asks no server of a client', new Redis(url, lazy), false],
  ['asks the master that sentinels name', atSentinels, true],
  ['asks the master that the sentinels of a client name', new Redis({ ...atSentinels, ...lazy }), true],
  ['asks no master when the ready check is off', { ...atSentinels, options: { enableReadyCheck: false } }, false],
  [
    'asks no master when the ready check of a client is off',
    new Redis({ ...atSentinels, ...lazy, enableReadyCheck: false }),
    false,
  ],
])('%s for its role, which needs the right to INFO', (_, connection, asks) => {
  const client = openClient(connection, 'commands') as Redis;

  expect(client.options.enableReadyCheck).toBe(asks);
});

const limits = { commandTimeout: 5_000, socketTimeout: 6_000 };

it.each<[string, RedisConnection]>([
  ['a URL', { url, options: limits }],
  ['sentinels', { ...atSentinels, options: limits }],
  ['a client', new Redis(url, { ...lazy, ...limits })],
])('does not apply the time limits of %s to commands that block', (_, connection) => {
  const { options } = openClient(connection, 'watch') as Redis;

  expect(options.commandTimeout).toBeUndefined();
  expect(options.socketTimeout).toBeUndefined();
  expect((openClient(connection, 'commands') as Redis).options).toMatchObject(limits);
});

it('does not apply the time limits of a node of a cluster to commands that block', () => {
  const { options } = openNodeClient(new Redis(url, { ...lazy, ...limits }), 'watch');

  expect(options.commandTimeout).toBeUndefined();
  expect(options.socketTimeout).toBeUndefined();
});

it.each([
  ['rediss', 'connect ETIMEDOUT: no TLS handshake within 5000 ms; does it expect plain Redis (redis://)?'],
  ['redis', 'connect ETIMEDOUT'],
])('a %s connection that times out is a problem with this text', (scheme, text) => {
  const client = openClient({ url: `${scheme}://127.0.0.1:1` }, 'commands');

  client.emit('error', Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }));

  expect(problemOf(client)?.message).toBe(text);
  client.disconnect();
});
