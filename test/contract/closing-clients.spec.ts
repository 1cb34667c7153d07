import { randomUUID } from 'node:crypto';
import { Client, type Connection, Inspector, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { shareRedis } from './shared-redis.js';

const redis = shareRedis();

const connections: readonly (readonly [string, () => Connection])[] = [
  ['memory', () => ({ memory: randomUUID() })],
  ['one Redis', () => ({ url: redis.server.url })],
];

describe.each(connections)('a client of %s', (_, connectionOf) => {
  it('writes what was enqueued before it was closed', async () => {
    const connection = connectionOf();
    await using inspector = new Inspector({ connection, logger: silentLogger });
    const queue = randomUUID();
    const client = new Client({ connection, logger: silentLogger, defaults: { queue } });
    await client.enqueue('first');

    const enqueued = [client.enqueue('second'), client.enqueue('third')];
    await client.close();

    expect(await inspector.queueInfo(queue)).toMatchObject({ pending: 3 });
    await Promise.all(enqueued);
    await expect(client.enqueue('late')).rejects.toThrow('closed');
  });

  it('does so when it is closed before it has connected, and twice', async () => {
    const connection = connectionOf();
    await using inspector = new Inspector({ connection, logger: silentLogger });
    const queue = randomUUID();
    const client = new Client({ connection, logger: silentLogger, defaults: { queue } });

    const enqueued = client.enqueue('first');
    await Promise.all([client.close(), client.close()]);

    expect(await inspector.queueInfo(queue)).toMatchObject({ pending: 1 });
    await enqueued;
  });
});

it('a client whose Redis does not answer is closed after a second', async () => {
  const client = new Client({ connection: { url: 'redis://127.0.0.1:1' }, logger: silentLogger });
  const enqueued = client.enqueue('any').catch((error: unknown) => error);

  const beganMs = performance.now();
  await client.close();

  expect(performance.now() - beganMs).toBeLessThan(3_000);
  expect(await enqueued).toBeInstanceOf(Error);
});
