import { expect, it } from 'vitest';
import { openFakeRedis } from '../test-support/fake-redis.js';
import { silentLogger } from '../runtime/logger.js';
import { Server } from './server.js';

it('keeps a server from starting on a Redis that is too old', async () => {
  await using redis = await openFakeRedis(([name]) => (name === 'INFO' ? 'redis_version:5.0.14' : new Error('ERR no')));
  const server = new Server({ connection: { url: redis.url }, logger: silentLogger });

  const started = await server.start(() => undefined).catch((error: unknown) => error);

  expect(started).toMatchObject({ code: 'UNSUPPORTED_REDIS', version: '5.0.14' });
  expect(server.state).toBe('closed');
});
