import { describe, expect, it, vi } from 'vitest';
import { Client } from '../client/client.js';
import { partitionNames } from '../partitions/partition-name.js';
import { silentLogger } from '../runtime/logger.js';
import type { Handler } from '../task/task-context.js';
import { recordCalls } from '../test-support/call-recorder.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { RunLimits } from './run/running/run-limits.js';
import { type HandlerOptions, ServeMux } from './run/running/serve-mux.js';
import { Server } from './server.js';
import type { ServerOptions } from './server-options.js';

/** A memory broker, servers of it, and handlers that run until the test ends them. */
function open() {
  const q = openMemoryQueue();
  const recorded = recordCalls(q.broker);
  const servers: Server[] = [];
  /** By type: how to end the tasks that run, the oldest first. */
  const running: Record<string, (() => void)[]> = {};
  const begun: string[] = [];
  const most: Record<string, number> = {};
  const client = new Client({ connection: q.broker, logger: silentLogger });
  const hold: Handler = (payload, { type }) => {
    begun.push(`${type} ${String(payload)}`);
    const ends = (running[type] ??= []);
    const ended = new Promise<void>((resolve) => ends.push(resolve));
    most[type] = Math.max(most[type] ?? 0, ends.length);
    return ended;
  };
  return {
    q,
    recorded,
    begun,
    most,
    client,
    hold,
    async serve(handlers: Record<string, HandlerOptions>, options: Partial<ServerOptions> = {}): Promise<Server> {
      const mux = new ServeMux();
      for (const [pattern, own] of Object.entries(handlers)) mux.handle(pattern, hold, own);
      const connection = recorded.broker;
      const server = new Server({ connection, logger: silentLogger, concurrency: 10, ...options });
      servers.push(server);
      await server.start(mux);
      await q.clock.advance(0);
      return server;
    },
    async enqueue(type: string, count: number, queue = 'default'): Promise<void> {
      const items = Array.from({ length: count }, (_, nth) => ({ type, payload: nth, options: { queue } }));
      await client.enqueueMany(items);
      await q.clock.advance(0);
    },
    /** Ends the oldest tasks of a type that run. */
    async end(type: string, count = 1): Promise<void> {
      for (const end of running[type]!.splice(0, count)) end();
      await q.clock.advance(0);
    },
    count: (type: string): number => running[type]?.length ?? 0,
    async counts(queue = 'default') {
      const { pending = 0, active = 0 } = (await q.broker.queueStats(queue))?.counts ?? {};
      return { pending, active };
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const ends of Object.values(running)) for (const end of ends) end();
      await Promise.all([q.clock.advance('1m'), ...servers.map((server) => server.shutdown())]);
      await q[Symbol.asyncDispose]();
    },
  };
}

describe('the concurrency of a queue', () => {
  it('limits what runs of it, and leaves the slots to other queues', async () => {
    await using t = open();
    const queues = { images: { weight: 9, concurrency: 2 }, default: 1 };
    await t.serve({ resize: {}, mail: {} }, { queues, strictPriority: true });

    await t.enqueue('resize', 20, 'images');
    await t.enqueue('mail', 20);

    expect([t.count('resize'), t.count('mail')]).toEqual([2, 8]);
    expect(await t.counts('images')).toEqual({ active: 2, pending: 18 });
    await t.end('resize');
    expect([t.count('resize'), t.count('mail')]).toEqual([2, 8]);
    expect(t.begun.filter((task) => task.startsWith('resize'))).toEqual(['resize 0', 'resize 1', 'resize 2']);
  });

  it('asks Redis for nothing while it is reached, however many tasks wait', async () => {
    await using t = open();
    await t.serve({ resize: {} }, { queues: { images: { concurrency: 2 } } });
    await t.enqueue('resize', 20, 'images');
    t.recorded.calls.splice(0);

    await t.q.clock.advance('10s');

    expect(t.recorded.counts()['fetch'] ?? 0).toBe(0);
  });

  it('is shared by the partitions of the queue', async () => {
    await using t = open();
    await t.serve({ resize: {} }, { queues: { images: { partitions: 3, concurrency: 2 } } });

    for (const partition of partitionNames('images', 3)) await t.enqueue('resize', 4, partition);

    expect(t.count('resize')).toBe(2);
    for (let left = 12; left > 0; left--) await t.end('resize');
    expect([t.count('resize'), t.begun.length, t.most['resize']]).toEqual([0, 12, 2]);
  });

  it('holds with strict priority', async () => {
    await using t = open();
    const queues = { images: { weight: 9, concurrency: 3 }, default: 1 };
    await t.serve({ resize: {}, mail: {} }, { queues, strictPriority: true });

    await t.enqueue('resize', 20, 'images');
    await t.enqueue('mail', 20);

    expect([t.count('resize'), t.count('mail')]).toEqual([3, 7]);
  });

  it('leaves the lead of the queue to a server that has room', async () => {
    await using t = open();
    await t.serve({ resize: {} }, { queues: { images: { concurrency: 1 } } });
    await t.enqueue('resize', 1, 'images');
    await t.serve({ resize: {} }, { queues: { images: 1 } });
    await t.q.clock.advance('15s');

    await t.enqueue('resize', 3, 'images');

    expect(t.count('resize')).toBe(4);
  });
});

describe('the concurrency of a handler', () => {
  it('limits what it runs; those behind run, and none has a lease that does not run', async () => {
    await using t = open();
    await t.serve({ resize: { concurrency: 2 }, mail: {} });

    await t.enqueue('resize', 20);
    await t.enqueue('mail', 5);

    expect([t.count('resize'), t.count('mail')]).toEqual([2, 5]);
    expect(await t.counts()).toEqual({ active: 7, pending: 18 });
  });

  it('runs the next of them as soon as one ends, in their order', async () => {
    await using t = open();
    await t.serve({ resize: { concurrency: 2 } });
    await t.enqueue('resize', 30);

    for (let left = 30; left > 0; left--) await t.end('resize');

    expect(t.begun).toEqual(Array.from({ length: 30 }, (_, nth) => `resize ${nth}`));
    expect([t.most['resize'], await t.counts()]).toEqual([2, { active: 0, pending: 0 }]);
  });

  it('starts a task that is enqueued behind them at once', async () => {
    await using t = open();
    await t.serve({ resize: { concurrency: 1 }, mail: {} });
    await t.enqueue('resize', 50);
    await t.q.clock.advance('30s');

    await t.enqueue('mail', 1);

    expect(t.count('mail')).toBe(1);
  });

  it('fetches and returns each of them once, and looks for others about once a second', async () => {
    await using t = open();
    await t.serve({ resize: { concurrency: 1 }, mail: {} });
    await t.enqueue('resize', 50);
    const settled = vi.spyOn(t.q.broker, 'settle');
    t.recorded.calls.splice(0);

    await t.q.clock.advance('20s');

    expect(settled).not.toHaveBeenCalled();
    expect(t.recorded.counts()['fetch']).toBeLessThan(60);
    expect(await t.counts()).toEqual({ active: 1, pending: 49 });
  });

  it('holds for all types of its pattern, over all queues', async () => {
    await using t = open();
    await t.serve({ 'image:': { concurrency: 3 } }, { queues: { default: 1, images: 1 } });

    await t.enqueue('image:resize', 5);
    await t.enqueue('image:crop', 5, 'images');

    expect(t.count('image:resize') + t.count('image:crop')).toBe(3);
    for (let left = 10; left > 0; left--) await t.end(t.count('image:resize') > 0 ? 'image:resize' : 'image:crop');
    expect(t.begun).toHaveLength(10);
  });

  it('leaves the tasks to a server whose handler has room', async () => {
    await using t = open();
    await t.serve({ resize: { concurrency: 1 } });
    await t.enqueue('resize', 1);
    await t.serve({ resize: {} });

    await t.enqueue('resize', 6);
    await t.q.clock.advance('2s');

    expect(t.count('resize')).toBe(7);
  });

  it('goes on when the tasks that wait were taken by another program', async () => {
    await using t = open();
    await t.serve({ resize: { concurrency: 1 }, mail: {} });
    await t.enqueue('resize', 5);
    const { tasks } = await t.q.broker.fetch('default', 10, 30_000);
    await t.enqueue('resize', 2);

    await t.end('resize');
    await t.end('resize');
    await t.q.clock.advance('2s');

    expect(tasks).toHaveLength(4);
    expect([t.begun.length, await t.counts()]).toEqual([3, { active: 5, pending: 0 }]);
  });

  it('waits when more of them are at the head than a fetch can pass over, and goes on then', async () => {
    await using t = open();
    await t.serve({ resize: { concurrency: 100 }, mail: {} }, { concurrency: 300 });
    await t.enqueue('resize', 1_200);
    await t.enqueue('mail', 1);

    expect([t.count('resize'), t.count('mail')]).toEqual([100, 0]);
    t.recorded.calls.splice(0);
    await t.q.clock.advance('5s');
    expect(t.recorded.counts()['fetch'] ?? 0).toBeLessThan(20);
    for (let turn = 0; turn < 4; turn++) await t.end('resize', 100);

    expect([t.count('mail'), t.most['resize']]).toEqual([1, 100]);
  });

  it('holds for handlers that end at once', async () => {
    await using t = open();
    const mux = new ServeMux();
    let now = 0;
    let most = 0;
    const ran: number[] = [];
    mux.handle(
      'quick',
      async (payload) => {
        most = Math.max(most, ++now);
        await Promise.resolve();
        now -= 1;
        ran.push(payload as number);
      },
      { concurrency: 2 },
    );
    mux.handle('other', () => undefined);
    const server = new Server({ connection: t.q.broker, logger: silentLogger, concurrency: 10, clock: t.q.clock });
    await server.start(mux);

    await t.client.enqueueMany(
      Array.from({ length: 400 }, (_, nth) => ({ type: nth % 2 ? 'quick' : 'other', payload: nth })),
    );
    await vi.waitFor(async () => {
      await t.q.clock.advance(1);
      expect(await t.counts()).toEqual({ active: 0, pending: 0 });
    });

    await Promise.all([t.q.clock.advance('1m'), server.shutdown()]);
    expect([most, new Set(ran).size, ran.length]).toEqual([2, 200, 200]);
  });

  it('must be a whole number above 0', () => {
    expect(() => new ServeMux().handle('a', () => undefined, { concurrency: 0 })).toThrow(
      'option "a.concurrency" is 0; allowed: a whole number from 1',
    );
  });
});

describe('without limits', () => {
  it('no task is counted, and none is looked at', async () => {
    const enter = vi.spyOn(RunLimits.prototype, 'enter');
    const ofType = vi.spyOn(RunLimits.prototype, 'ofType');
    await using t = open();
    await t.serve({ resize: {} });

    await t.enqueue('resize', 20);

    expect(t.count('resize')).toBe(10);
    expect([enter.mock.calls.length, ofType.mock.calls.length]).toEqual([0, 0]);
    vi.restoreAllMocks();
  });
});

describe('a pause of this server', () => {
  it('takes no tasks until it resumes; what runs goes on', async () => {
    await using t = open();
    const server = await t.serve({ mail: {} });
    await t.enqueue('mail', 1);

    await server.pause();
    await t.enqueue('mail', 3);
    await t.q.clock.advance('1m');
    const whilePaused = [t.count('mail'), server.isPaused, server.state];
    server.resume();
    await t.q.clock.advance(0);

    expect(whilePaused).toEqual([1, true, 'active']);
    expect([t.count('mail'), server.isPaused]).toEqual([4, false]);
  });

  it('leaves the tasks to other servers, and shows as stopped', async () => {
    await using t = open();
    const server = await t.serve({ mail: {} });
    await t.serve({ mail: {} });
    await t.q.clock.advance('10s');

    await server.pause();
    await t.enqueue('mail', 12);
    await t.q.clock.advance('10s');

    expect(t.count('mail')).toBe(10);
    const statuses = (await t.q.broker.shownServers()).map(({ server }) => server.status);
    expect(statuses.toSorted()).toEqual(['active', 'stopped']);
  });

  it('is refused before the start and after the end', async () => {
    await using t = open();
    const server = await t.serve({ mail: {} });
    const fresh = new Server({ connection: t.q.broker, logger: silentLogger });

    await expect(fresh.pause()).rejects.toThrow('cannot pause the server: it has not been started');
    await server.stop();
    expect(() => server.resume()).toThrow('cannot resume the server: it is stopped');
  });

  it('can be stopped and shut down meanwhile', async () => {
    await using t = open();
    const server = await t.serve({ mail: {} });
    await server.pause();

    await server.stop();
    await Promise.all([t.q.clock.advance('1m'), server.shutdown()]);

    expect(server.state).toBe('closed');
  });
});
