import { expect, it } from 'vitest';
import { silentLogger } from '../../runtime/logger.js';
import { type FakeReply, openFakeRedis } from '../../test-support/fake-redis.js';
import { openRedisBroker } from './redis-broker.js';

/** The result of the check for a server with this INFO. */
async function checked(info: FakeReply): Promise<unknown> {
  await using redis = await openFakeRedis(([name]) => (name === 'INFO' ? info : new Error('ERR unknown command')));
  const broker = openRedisBroker({ url: redis.url }, { logger: silentLogger });
  const outcome = await broker.checkVersion().catch((error: unknown) => error);
  await broker.close();
  return outcome;
}

it.each([
  ['redis_version:6.0.16', 'Redis', '6.0.16'],
  ['redis_version:5.0.14', 'Redis', '5.0.14'],
  ['# Server\r\nredis_version:2.8\r\nredis_mode:standalone', 'Redis', '2.8'],
  ['redis_version:6.1.241', 'Redis', '6.1.241'],
  ['redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:7.1.0', 'Valkey', '7.1.0'],
])('refuses %j and names the version', async (info, product, version) => {
  expect(await checked(info)).toMatchObject({
    code: 'UNSUPPORTED_REDIS',
    product,
    version,
    message: `the server is ${product} ${version}; Redis 6.2 or later or Valkey 7.2 or later is needed`,
  });
});

it.each<[FakeReply]>([
  ['redis_version:6.2.0'],
  ['# Server\r\nredis_version:7.0.15\r\nredis_mode:cluster'],
  ['redis_version:10.0.1'],
  ['redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:7.2.5'],
  ['redis_version:7.2.4\r\nvalkey_version:9.0.0'],
  ['redis_version:7.4.0\r\ndragonfly_version:df-v1.27.1'],
  ['redis_version:255.255.255'],
  ['redis_version:unstable'],
  ['# Server'],
  [''],
  [new Error("ERR unknown command 'INFO', with args beginning with: ")],
  [new Error("NOPERM this user has no permissions to run the 'info' command")],
])('takes %j', async (info) => {
  expect(await checked(info)).toBeUndefined();
});
