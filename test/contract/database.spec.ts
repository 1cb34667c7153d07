import { Client, RedisCommandError, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { startRedis } from '../support/redis-server.js';

it.each([{}, { enableReadyCheck: false }])('writes nothing where its database is refused: %j', async (options) => {
  await using redis = await startRedis();
  const inDatabase0 = new Redis(redis.url);
  await using client = new Client({ connection: { url: `${redis.url}/99`, options }, logger: silentLogger });

  // The second call comes after the connection was refused once.
  for (const _ of ['first', 'second']) {
    const refused = client.enqueue('email', {}).catch((error: unknown) => error);
    expect(await refused).toBeInstanceOf(RedisCommandError);
    expect(await refused).toMatchObject({ message: expect.stringContaining('DB index is out of range') as string });
  }

  expect(await inDatabase0.dbsize()).toBe(0);
  inDatabase0.disconnect();
});
