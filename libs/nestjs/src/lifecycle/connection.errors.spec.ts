import { expect, it } from 'vitest';
import { addressOf, ConnectionUnavailableError } from './connection.errors.js';

it.each([
  [{ url: 'redis://10.0.0.5:6379' }, '10.0.0.5:6379'],
  [{ url: 'rediss://user:s3cret@redis.example:6380/2' }, 'redis.example:6380, database 2'],
  [{ url: 'redis-cluster://user:s3cret@a,b:7001' }, 'the cluster a:6379,b:7001'],
  [{ url: 'redis-sentinel://:s3cret@a?master=main&password=s3cret' }, 'the sentinels a:26379'],
  [{ url: 'redis://s3cret:s3cret' }, 'an address that cannot be read'],
  [{ cluster: [{ host: 'a', port: 7001 }, { host: 'b' }] }, 'cluster a:7001, b:6379'],
  [{ cluster: ['redis://:s3cret@a:7001', 7002] }, 'cluster a:7001, localhost:7002'],
  [{ sentinels: [{ host: 'a', port: 26379 }], name: 'main' }, '"main" of sentinels a:26379'],
])('shows the address of %j without secrets', (connection, address) => {
  expect(addressOf(connection)).toBe(address);
});

it('contains the address, the time and the innermost reason', () => {
  const refused = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' });
  const cause = new Error('Redis failed at ping', { cause: refused });

  const error = new ConnectionUnavailableError('10.0.0.5:6379', 5_000, { cause });

  expect(error.message).toBe(
    'AsynqModule: cannot reach Redis at 10.0.0.5:6379 after 5000 ms (ECONNREFUSED). ' +
      'Set connect.required=false to start without it.',
  );
});
