import { expect, it } from 'vitest';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import type { Connection } from './connection.js';
import { connectionProblems } from './connection-problems.js';
import { openBroker } from './open-broker.js';

const URL_FORM = 'redis://[user:password@]host[:port][/db], or rediss:// for TLS';

it.each([
  { url: 'redis://localhost:6379' },
  { url: 'rediss://user:s3cret@redis.example/2', options: { family: 6 }, declaredKeysOnly: true },
  { cluster: [{ host: 'a', port: 7000 }], options: undefined },
  { sentinels: [{ host: 'a', port: 26379 }], name: 'main' },
])('takes %j', (connection) => {
  expect(connectionProblems(connection)).toEqual([]);
});

it.each([
  [{ url: undefined }, 'connection.url', undefined, URL_FORM],
  [{ url: 'localhost:6379' }, 'connection.url', 'localhost:6379', URL_FORM],
  [{ url: 'http://user:s3cret@host/?password=s3cret' }, 'connection.url', 'http://…@host/?…', URL_FORM],
  [{ url: 'redis://user:s3cret@host:port' }, 'connection.url', 'redis://…@host:port', URL_FORM],
  [{ client: { password: 's3cret' } }, 'connection.client', { password: '…' }, 'a Redis or Cluster of ioredis'],
  [{ cluster: [] }, 'connection.cluster', [], 'some nodes of the cluster, in an array'],
  [{ cluster: 'redis://:s3cret@a' }, 'connection.cluster', 'redis://…@a', 'some nodes of the cluster, in an array'],
  [{ sentinels: [] }, 'connection.name', undefined, "the master's name"],
  [{ client: {} }, 'connection.client', {}, 'a Redis or Cluster of ioredis'],
])('says what is wrong in %j, and no secret', (connection, option, value, allowed) => {
  expect(connectionProblems(connection)).toEqual([{ option, value, allowed }]);
});

it('refuses options of ioredis beside a URL, which would be ignored, without their values', () => {
  const connection = { url: 'redis://localhost', password: 's3cret', db: 2, tls: undefined } as unknown as Connection;

  const open = () => openBroker(connection);

  const only = 'only url, options, declaredKeysOnly; what ioredis takes stands in connection.options';
  expect(open).toThrow(InvalidOptionsError);
  expect(open).toThrow(
    `option "connection.password" is "…"; allowed: ${only}\noption "connection.db" is "…"; allowed: ${only}`,
  );
});

it('leads from other forms to the right one', () => {
  expect(connectionProblems('redis://:s3cret@host')[0]).toMatchObject({
    value: 'redis://…@host',
    allowed: expect.stringContaining("an address stands in { url: '…' }") as string,
  });
  expect(connectionProblems({ host: 'localhost', port: 6379 })[0]?.allowed).toContain(
    "host and port stand in { url: 'redis://host:port' }",
  );
});
