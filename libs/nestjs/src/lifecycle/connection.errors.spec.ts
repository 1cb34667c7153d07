import { expect, it } from 'vitest';
import { addressOf, ConnectionUnavailableError } from './connection.errors.js';

it.each([
  [{ url: 'redis://10.0.0.5:6379' }, 'redis://10.0.0.5:6379'],
  [{ url: 'rediss://user:s3cret@redis.example:6380/2?password=s3cret' }, 'rediss://redis.example:6380/2'],
  [{ cluster: [{ host: 'a', port: 7001 }, { host: 'b' }] }, 'cluster a:7001, b:6379'],
  [{ cluster: ['redis://:s3cret@a:7001', 7002] }, 'cluster redis://a:7001, localhost:7002'],
  [{ sentinels: [{ host: 'a', port: 26379 }], name: 'main' }, '"main" of sentinels a:26379'],
])('shows where %j leads, and no secret', (connection, address) => {
  expect(addressOf(connection)).toBe(address);
});

it('says the address, the time and the innermost reason', () => {
  const refused = Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' });
  const cause = new Error('Redis failed at ping', { cause: refused });

  const error = new ConnectionUnavailableError('redis://10.0.0.5:6379', 5_000, { cause });

  expect(error.message).toBe(
    'AsynqModule: cannot reach Redis at redis://10.0.0.5:6379 after 5000 ms (ECONNREFUSED). ' +
      'Set connect.required=false to start without it.',
  );
});
