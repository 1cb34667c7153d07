import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { openCable } from '../support/cable.js';
import { openRecorder } from '../support/load.js';
import { startRedis } from '../support/redis-server.js';

const MB = 1024 * 1024;

describe('a slow connection', () => {
  it('stays open during a large reply while bytes arrive', async () => {
    await using redis = await startRedis();
    await using cable = await openCable(redis, { bytesPerS: 10 * MB });
    await using client = new Client({
      connection: { url: redis.url },
      enqueueTimeout: '40s', // 60 MB at once, on a machine with other work
      logger: silentLogger,
    });
    await using server = new Server({
      connection: { url: cable.url },
      concurrency: 60,
      heartbeat: 'inline', // over the same cable as the payloads
      logger: silentLogger,
    });
    const recorder = openRecorder();
    const payload = 'x'.repeat(MB - 2);
    const tasks = Array.from({ length: 60 }, () => recorder.enqueue(client, 'default', payload));
    await Promise.all(tasks);

    await server.start((_payload, { id }) => recorder.start(id));
    await recorder.settled();

    expect(recorder.pickUpMs).toHaveLength(60);
    expect(cable.connections).toBeLessThan(6); // none was given up
  });
});
