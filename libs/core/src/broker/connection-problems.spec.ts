import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import type { Connection } from './connection.js';
import { connectionProblems } from './connection-problems.js';
import { openBroker } from './open-broker.js';
import { URL_FORMS } from './redis/redis-url.js';

const A_DATABASE = 'the number of a database, 0 or more';

it.each([
  { url: 'redis://localhost:6379' },
  { url: 'rediss://user:s3cret@redis.example/2', options: { family: 6 }, declaredKeysOnly: true },
  { url: 'localhost:6379' },
  { url: 'redis-socket:///run/redis.sock' },
  { url: 'redis-cluster://a:7000,b:7000' },
  { url: 'redis-sentinel://a:26379/1?master=main' },
  { url: 'redis-sentinel://a:26379', options: { name: 'main' } },
  { cluster: [{ host: 'a', port: 7000 }], options: undefined },
  { cluster: ['redis://user:s3cret@a:7000', 'b:7000', 7000, { port: 7000 }, { host: 'a' }] },
  { sentinels: [{ host: 'a', port: 26379 }], name: 'main' },
])('takes %j', (connection) => {
  expect(connectionProblems(connection)).toEqual([]);
});

it.each([
  [{ url: undefined }, 'connection.url', undefined, URL_FORMS],
  [{ url: 'http://user:s3cret@host/?password=s3cret' }, 'connection.url', 'http://…', URL_FORMS],
  [
    { url: 'redis-sentinel://:s3cret@a' },
    'connection.url',
    'redis-sentinel://…',
    "the master's name too: redis-sentinel://…?master=name",
  ],
  [{ client: { password: 's3cret' } }, 'connection.client', { password: '…' }, 'a Redis or Cluster of ioredis'],
  [{ cluster: [] }, 'connection.cluster', [], 'some nodes of the cluster, in an array'],
  [{ cluster: 'redis://:s3cret@a' }, 'connection.cluster', 'redis://…', 'some nodes of the cluster, in an array'],
  [{ cluster: [null] }, 'connection.cluster[0]', null, 'a host and a port: { host, port }'],
  [
    { cluster: [{ password: 's3cret' }] },
    'connection.cluster[0]',
    { password: '…' },
    'a host and a port: { host, port }',
  ],
  [{ cluster: ['a', ['s3cret']] }, 'connection.cluster[1]', ['…'], 'a host and a port: { host, port }'],
  [
    { cluster: [{ host: 'a', port: 0 }] },
    'connection.cluster[0]',
    { host: '…', port: '…' },
    'a host and a port: { host, port }',
  ],
  [{ sentinels: [], name: 'm' }, 'connection.sentinels', [], 'the addresses of sentinels, in an array'],
  [{ sentinels: [null], name: 'm' }, 'connection.sentinels[0]', null, 'a host and a port: { host, port }'],
  [{ sentinels: [{ host: 'a' }] }, 'connection.name', undefined, "the master's name"],
  [{ sentinels: [{ host: 'a' }], name: '' }, 'connection.name', '…', "the master's name"],
  [{ cluster: ['redis://a:7000/2'] }, 'connection.cluster[0]', 'redis://…', 'a host and a port: { host, port }'],
  [{ cluster: ['redis://a:99999'] }, 'connection.cluster[0]', 'redis://…', 'a host and a port: { host, port }'],
  [{ url: 'redis://a', options: { db: Number.NaN } }, 'connection.options.db', Number.NaN, A_DATABASE],
  [{ url: 'redis://a', options: { db: 1.5 } }, 'connection.options.db', 1.5, A_DATABASE],
  [{ cluster: ['a'], options: { redisOptions: { db: -1 } } }, 'connection.options.redisOptions.db', -1, A_DATABASE],
  [{ url: 'redis://a', options: null }, 'connection.options', null, 'options of ioredis, in an object'],
  [{ url: 'redis://a', options: 's3cret' }, 'connection.options', '…', 'options of ioredis, in an object'],
  [
    { cluster: ['a'], options: { redisOptions: null } },
    'connection.options.redisOptions',
    null,
    'options of ioredis for each node, in an object',
  ],
  [{ url: 'redis://a', declaredKeysOnly: 'yes' }, 'connection.declaredKeysOnly', '…', 'true or false'],
  [{ client: {} }, 'connection.client', {}, 'a Redis or Cluster of ioredis'],
])('reports the problem of %j without secrets', (connection, option, value, allowed) => {
  expect(connectionProblems(connection)).toEqual([{ option, value, allowed }]);
});

it('refuses options of ioredis next to a URL, which would be ignored, without showing their values', () => {
  const connection = { url: 'redis://localhost', password: 's3cret', db: 2, tls: undefined } as unknown as Connection;

  const open = () => openBroker(connection);

  const only = 'only url, options, declaredKeysOnly, waitForReplicas; pass options of ioredis as connection.options';
  expect(open).toThrow(InvalidOptionsError);
  expect(open).toThrow(
    `option "connection.password" is "…"; allowed: ${only}\noption "connection.db" is "…"; allowed: ${only}`,
  );
});

it('suggests the right form for other forms', () => {
  expect(connectionProblems('redis://:s3cret@host')[0]).toMatchObject({
    value: 'redis://…',
    allowed: expect.stringContaining("pass an address as { url: '…' }") as string,
  });
  expect(connectionProblems({ host: 'localhost', port: 6379 })[0]?.allowed).toContain(
    "pass host and port as { url: 'redis://host:port' }",
  );
});

it.each([
  ['itself', (client: Redis) => client as Connection, 'connection.options.db'],
  ['in an object', (client: Redis): Connection => ({ client }), 'connection.client.options.db'],
])('refuses a client whose URL named no database, passed %s', (_name, wrap, option) => {
  const client = new Redis('redis://localhost/prod', { lazyConnect: true });

  expect(connectionProblems(wrap(client))).toEqual([{ option, value: Number.NaN, allowed: A_DATABASE }]);
  client.disconnect();
});
