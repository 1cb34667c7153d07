import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Client, Server, silentLogger } from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../support/redis-server.js';
import { printFigures } from './figures.js';

const TASKS = 60;
const TASK_BYTES = 1_000_000;
const BYTES_PER_SECOND = 10_000_000;
/** Twice as long as the bytes alone take. */
const LONGEST_MS = (2 * TASKS * TASK_BYTES * 1000) / BYTES_PER_SECOND;

/** The way to a Redis server, over which its replies come at a bounded rate. */
async function openSlowLink(redis: RedisServer): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<Socket>();
  let freeAtMs = performance.now();
  const server = createServer((socket) => {
    const behind = connect(redis.port, redis.host);
    for (const end of [socket, behind]) {
      sockets.add(end);
      end.on('error', () => undefined).on('close', () => sockets.delete(end));
    }
    socket.pipe(behind);
    behind.on('end', () => socket.end());
    behind.on('data', (chunk: Buffer) => {
      freeAtMs = Math.max(freeAtMs, performance.now()) + (chunk.length * 1000) / BYTES_PER_SECOND;
      socket.write(chunk);
      behind.pause();
      setTimeout(() => behind.resume(), freeAtMs - performance.now());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('large tasks over a slow link', () => {
  const rows: Record<string, number | string>[] = [];
  afterAll(() => printFigures(`${TASKS} tasks of 1 MB at 10 MB/s, concurrency ${TASKS}`, rows));

  it.each([false, true])('begin as they arrive, with declared keys only: %s', async (declaredKeysOnly) => {
    await using server = await startRedis();
    await using link = await openSlowLink(server);
    await using client = new Client({ connection: { url: server.url }, logger: silentLogger });
    for (let n = 0; n < TASKS; n++) await client.enqueue('large', Buffer.alloc(TASK_BYTES), { maxRetry: 0 });
    const begunAtMs: number[] = [];
    let onAll = (): void => undefined;
    const all = new Promise<void>((resolve) => (onAll = resolve));
    const codec = { encode: (bytes: unknown) => bytes as Uint8Array, decode: () => undefined };
    const connection = { url: link.url, declaredKeysOnly };
    const worker = new Server({ connection, concurrency: TASKS, codec, logger: silentLogger });
    const startedAtMs = performance.now();

    await worker.start(() => {
      begunAtMs.push(performance.now() - startedAtMs);
      if (begunAtMs.length === TASKS) onAll();
    });
    await Promise.race([all, new Promise((resolve) => setTimeout(resolve, LONGEST_MS))]);
    await worker.shutdown();

    rows.push({
      form: declaredKeysOnly ? 'declared keys' : 'fast',
      begun: begunAtMs.length,
      'first ms': Math.round(begunAtMs[0] ?? -1),
      'last ms': Math.round(begunAtMs.at(-1) ?? -1),
    });
    const redis = new Redis(server.url);
    const active = await redis.llen('asynq:{default}:active');
    redis.disconnect();
    expect({ begun: begunAtMs.length, active }).toEqual({ begun: TASKS, active: 0 });
  });
});
