import { Client, Server, ServeMux } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import { Conditions } from '../support/conditions.js';
import { GoPeer, hasGoPeer } from '../support/go-peer.js';
import { startRedis } from '../support/redis-server.js';

const TASKS = 200;

/** Average interval between two polls of an idle Go server: a lower bound for polling servers. */
const GO_POLL_MS = 1_000;

describe.skipIf(!hasGoPeer)('an idle server', () => {
  it('starts a task that Go pushes at once, without polling for it', async () => {
    await using redis = await startRedis();
    await using go = new GoPeer({ port: redis.port });
    const waitsMs: number[] = [];
    const conditions = new Conditions();
    const server = new Server({ connection: { url: redis.url }, concurrency: 10 });
    await server.start(
      new ServeMux().handle('pick-up', (payload) => {
        waitsMs.push(Date.now() - (payload as { pushedAtMs: number }).pushedAtMs);
        conditions.check();
      }),
    );

    for (let i = 0; i < TASKS; i++) {
      const payload = Buffer.from(JSON.stringify({ pushedAtMs: Date.now() }));
      await go.enqueue([{ type: 'pick-up', payload }]);
      await conditions.until(() => waitsMs.length > i);
    }

    waitsMs.sort((a, b) => a - b);
    const at = (share: number): number => waitsMs[Math.ceil(TASKS * share) - 1]!;
    console.log(`pushed by Go to started here: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, including the call to Go`);
    expect(at(0.5)).toBeLessThan(GO_POLL_MS / 10);
    await server.shutdown();
  });

  it('starts delayed tasks when they are due, and never early', async () => {
    await using redis = await startRedis();
    const client = new Client({ connection: { url: redis.url } });
    const lateMs: number[] = [];
    const conditions = new Conditions();
    const server = new Server({ connection: { url: redis.url }, concurrency: 10 });
    await server.start(
      new ServeMux().handle('due', (payload) => {
        lateMs.push(Date.now() - (payload as { dueAtMs: number }).dueAtMs);
        conditions.check();
      }),
    );

    for (let i = 0; i < TASKS; i++) {
      const dueAtMs = Date.now() + 100 + ((i * 37) % 2_000);
      await client.enqueue('due', { dueAtMs }, { processAt: new Date(dueAtMs) });
    }
    await conditions.until(() => lateMs.length === TASKS);

    lateMs.sort((a, b) => a - b);
    console.log(`due to started: p50 ${lateMs[TASKS / 2]} ms, p99 ${lateMs[Math.ceil(TASKS * 0.99) - 1]} ms`);
    expect(lateMs[0]).toBeGreaterThanOrEqual(0);
    await server.shutdown();
    await client.close();
  });
});
