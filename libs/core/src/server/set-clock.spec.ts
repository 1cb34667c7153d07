import { describe, expect, it, vi } from 'vitest';
import { openMemoryBroker } from '../broker/memory/memory-broker.js';
import { RedisClock } from '../broker/redis/redis-clock.js';
import { Client } from '../client/client.js';
import { WaitTimeoutError } from '../errors/wait-timeout.error.js';
import { Inspector } from '../inspector/inspector.js';
import type { Clock } from '../runtime/clock.js';
import { silentLogger } from '../runtime/logger.js';
import type { Handler } from '../task/task-context.js';
import { FakeClock } from '../testing/fake-clock.js';
import { Server } from './server.js';
import type { ServerOptions } from './server-options.js';

const HOUR_MS = 3_600_000;
const STEPS = [-30_000, -HOUR_MS, 8 * HOUR_MS];

/** A client and servers on a machine whose clock is set; the broker uses `clockOf` it. */
function open(clockOf: (machine: FakeClock) => Clock) {
  const machine = new FakeClock();
  const broker = openMemoryBroker({ clock: clockOf(machine) });
  const shared = { connection: broker, logger: silentLogger };
  const client = new Client(shared);
  const inspector = new Inspector(shared);
  const servers: Server[] = [];
  const serve = async (handler: Handler, options: Partial<ServerOptions> = {}): Promise<Server> => {
    const server = new Server({ ...shared, concurrency: 2, ...options });
    servers.push(server);
    await server.start(handler);
    await machine.advance(100);
    return server;
  };
  const step = (byMs: number): void => machine.set(machine.nowMs() + byMs);
  const close = async (): Promise<void> => {
    await Promise.all([machine.advance('1m'), ...servers.map((server) => server.shutdown())]);
    await client.close();
  };
  return { machine, client, inspector, serve, step, [Symbol.asyncDispose]: close };
}

/** As with Redis: its time, whatever the machine's is. */
function timeOfRedis(machine: FakeClock): Clock {
  const clock = new RedisClock(machine);
  clock.adopt({ offsetMs: machine.nowMs() - machine.monotonicMs(), uncertaintyMs: 0 });
  return clock;
}

describe.each(STEPS)('with the time of Redis, when the clock of the machine is set by %i ms', (byMs) => {
  it('starts a delayed task at its millisecond', async () => {
    await using t = open(timeOfRedis);
    const handler = vi.fn<Handler>();
    await t.serve(handler);
    await t.client.enqueue('late', undefined, { processIn: '10s' });
    await t.machine.advance('4s');

    t.step(byMs);
    await t.machine.advance(5_999);
    const early = handler.mock.calls.length;
    await t.machine.advance(1);
    const inTime = handler.mock.calls.length;
    await t.machine.advance('1m');

    expect([early, inTime, handler.mock.calls.length]).toEqual([0, 1, 1]);
  });

  it('tries again when the retry delay is over', async () => {
    await using t = open(timeOfRedis);
    const handler = vi.fn<Handler>().mockRejectedValueOnce(new Error('not yet'));
    await t.serve(handler, { retryDelay: () => 10_000 });
    await t.client.enqueue('fails once');
    await t.machine.advance('4s');

    t.step(byMs);
    await t.machine.advance(5_000);
    const early = handler.mock.calls.length;
    await t.machine.advance('1m');

    expect([early, handler.mock.calls.length]).toEqual([1, 2]);
  });

  it('combines a group into one task when its grace period is over', async () => {
    await using t = open(timeOfRedis);
    const aggregate = vi.fn<() => { type: string }>(() => ({ type: 'sum' }));
    const handler = vi.fn<Handler>();
    await t.serve(handler, { groupAggregator: { gracePeriod: '10s', aggregate } });
    await t.client.enqueue('part', undefined, { group: 'g' });
    await t.machine.advance('4s');

    t.step(byMs);
    await t.machine.advance(5_000);
    const early = aggregate.mock.calls.length;
    await t.machine.advance('1m');

    expect([early, aggregate.mock.calls.length, handler.mock.calls.length]).toEqual([0, 1, 1]);
  });

  it('deletes a completed task when its retention is over', async () => {
    await using t = open(timeOfRedis);
    await t.serve(() => 'done');
    const { id, queue } = await t.client.enqueue('kept', undefined, { retention: '1m' });
    await t.machine.advance('4s');

    t.step(byMs);
    await t.machine.advance('50s');
    const kept = await t.inspector.task(queue, id).state();
    await t.machine.advance('20s');

    expect([kept, await t.inspector.task(queue, id).state()]).toEqual(['completed', undefined]);
  });
});

// There a due time is a time of day by the machine's clock. Everything else is a duration.
describe.each(STEPS)('in memory, when the clock of the machine is set by %i ms', (byMs) => {
  const ofMachine = (machine: FakeClock): Clock => machine;

  it('starts tasks enqueued after that at their millisecond', async () => {
    await using t = open(ofMachine);
    const handler = vi.fn<Handler>();
    await t.serve(handler);

    t.step(byMs);
    await t.client.enqueue('late', undefined, { processIn: '10s' });
    await t.machine.advance(9_999);
    const early = handler.mock.calls.length;
    await t.machine.advance(1);

    expect([early, handler.mock.calls.length]).toEqual([0, 1]);
  });

  it('continues trimming', async () => {
    await using t = open(ofMachine);
    await t.serve(() => 'done');

    t.step(byMs);
    const { id, queue } = await t.client.enqueue('kept', undefined, { retention: '1m' });
    await t.machine.advance('50s');
    const kept = await t.inspector.task(queue, id).state();
    await t.machine.advance('20s');

    expect([kept, await t.inspector.task(queue, id).state()]).toEqual(['completed', undefined]);
  });

  it('ends a wait when its timeout is over', async () => {
    await using t = open(ofMachine);
    const task = await t.client.enqueue('late', undefined, { processIn: '20h' });
    const ended = vi.fn<(error: unknown) => void>();
    void task.wait({ timeout: '10s' }).catch(ended);
    await t.machine.advance('4s');

    t.step(byMs);
    await t.machine.advance(5_999);
    const early = ended.mock.calls.length;
    await t.machine.advance(1);

    expect(early).toBe(0);
    expect(ended).toHaveBeenCalledExactlyOnceWith(expect.any(WaitTimeoutError));
  });

  it('calls the function of a group in aggregation only once', async () => {
    await using t = open(ofMachine);
    let end = (): void => undefined;
    const aggregate = vi.fn<() => Promise<{ type: string }>>(
      () => new Promise((resolve) => (end = () => resolve({ type: 'sum' }))),
    );
    const handler = vi.fn<Handler>();
    await t.serve(handler, { groupAggregator: { gracePeriod: '1s', maxSize: 2, aggregate } });
    const options = { group: 'g' };
    await t.client.enqueueMany([1, 2].map((payload) => ({ type: 'part', payload, options })));
    await t.machine.advance('2s');

    t.step(byMs);
    await t.machine.advance('70s');
    end();
    await t.machine.advance('10s');

    expect([aggregate.mock.calls.length, handler.mock.calls.length]).toEqual([1, 1]);
  });
});
