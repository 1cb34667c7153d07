import { describe, expect, it, vi } from 'vitest';
import { openBroker } from '../broker/open-broker.js';
import { Client } from '../client/client.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { ServerStateError } from '../errors/server-state.error.js';
import { Inspector } from '../inspector/inspector.js';
import { sleep } from '../runtime/clock.js';
import { type Logger, silentLogger } from '../runtime/logger.js';
import type { Handler } from '../task/task-context.js';
import type { TaskEvent } from '../task/task-event.js';
import { failingBroker } from '../test-support/failing-broker.js';
import { replaceMethod } from '../test-support/replaced-method.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { ServeMux } from './run/running/serve-mux.js';
import { Server } from './server.js';
import type { ServerOptions } from './server-options.js';

/** A queue on a memory broker, with a client, and servers that are shut down at the end of the test. */
function open() {
  const queue = openMemoryQueue();
  const { clock } = queue;
  const broker = failingBroker(queue.broker);
  const events: TaskEvent[] = [];
  const listeners = new Set<() => void>();
  const servers: Server[] = [];
  const onEvent = (event: TaskEvent): void => {
    events.push(event);
    for (const listener of listeners) listener();
  };
  const shared = { connection: broker, logger: silentLogger };
  const client = new Client({ ...shared, defaults: { queue: queue.name } });
  const inspector = new Inspector(shared);
  const serve = async (handler: ServeMux | Handler, options: Partial<ServerOptions> = {}): Promise<Server> => {
    const server = new Server({ ...shared, queues: { [queue.name]: 1 }, concurrency: 2, onEvent, ...options });
    servers.push(server);
    await server.start(handler);
    return server;
  };
  /** The first event of a kind, past or future. */
  const event = (kind: TaskEvent['kind'], id?: string): Promise<TaskEvent> =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = events.find((one) => one.kind === kind && (id === undefined || one.id === id));
        if (!found) return;
        listeners.delete(look);
        resolve(found);
      };
      listeners.add(look);
      look();
    });
  const close = async (): Promise<void> => {
    await Promise.all([clock.advance('1m'), ...servers.map((server) => server.shutdown())]);
    await queue[Symbol.asyncDispose]();
  };
  return { queue, clock, broker, client, inspector, events, event, serve, [Symbol.asyncDispose]: close };
}

/** A handler that runs until released, and the wait for its start. */
function held() {
  const started = vi.fn<(payload: unknown) => void>();
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const handler: Handler = (payload) => {
    started(payload);
    return ended;
  };
  return { handler, started, end: () => end() };
}

const obedient: Handler = (_, { signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('Server', () => {
  it('runs a task and deletes it', async () => {
    await using t = open();
    const handler = vi.fn<Handler>();
    await t.serve(handler);

    const { id } = await t.client.enqueue('email:welcome', { to: 'a' });
    await t.event('succeeded', id);

    expect(handler).toHaveBeenCalledExactlyOnceWith(
      { to: 'a' },
      expect.objectContaining({ id, type: 'email:welcome' }),
    );
    expect(await t.inspector.queueInfo(t.queue.name)).toMatchObject({ size: 0, processedTotal: 1, failedTotal: 0 });
  });

  it('starts a delayed task at its time, not before', async () => {
    await using t = open();
    const handler = vi.fn<Handler>();
    await t.serve(handler);
    await t.client.enqueue('remind', undefined, { processIn: 10_250 });

    await t.clock.advance(10_249);
    const early = handler.mock.calls.length;
    await t.clock.advance(1);
    await t.event('succeeded');

    expect(early).toBe(0);
    expect(handler).toHaveBeenCalledOnce();
  });

  it('retries until no retry is left, then archives', async () => {
    await using t = open();
    const handler = vi.fn<Handler>(() => Promise.reject(new Error('boom')));
    await t.serve(handler, { retryDelay: () => 1_000 });
    const { id } = await t.client.enqueue('fail', undefined, { maxRetry: 2 });

    await t.clock.advance('3s');
    await t.event('archived');

    expect(handler).toHaveBeenCalledTimes(3);
    expect(await t.inspector.taskInfo(t.queue.name, id)).toMatchObject({
      state: 'archived',
      lastError: 'boom',
      retried: 2,
    });
  });

  it('keeps a completed task and its result', async () => {
    await using t = open();
    await t.serve((_, context) => context.writeResult({ sent: true }));

    const { id } = await t.client.enqueue('send', undefined, { retention: '1h' });
    await t.event('succeeded');

    const { state, result } = await t.inspector.taskInfo(t.queue.name, id);
    expect(state).toBe('completed');
    expect(Buffer.from(result!).toString()).toBe('{"sent":true}');
  });

  it('resolves waits with the return value of the handler', async () => {
    await using t = open();
    await t.serve((payload, context) => {
      context.progress(0.5, 'halfway');
      return (payload as number[]).reduce((sum, one) => sum + one);
    });
    const task = await t.client.enqueue('sum', [1, 2, 3], { retention: '1h' });

    expect(await task.result<number>()).toBe(6);
    const { progress } = await t.inspector.taskInfo(t.queue.name, task.id);
    expect(progress).toEqual({ share: 0.5, note: 'halfway', at: new Date(t.clock.nowMs()) });
    expect(await t.event('progressed')).toMatchObject({ id: task.id, share: 0.5, note: 'halfway' });
  });

  it('leaves a task of unknown type to a server that knows it, without using a retry', async () => {
    await using t = open();
    const other = new ServeMux().handle('other', () => undefined);
    for (let server = 0; server < 4; server++) await t.serve(other, { unknownTypeDelay: '1s' });
    const { id } = await t.client.enqueue('sms', undefined, { maxRetry: 0, retention: '1h' });
    await t.clock.advance('10s');

    await t.serve(
      new ServeMux().handle('sms', () => undefined),
      { concurrency: 50 },
    );
    await t.clock.advance('10s');

    expect(await t.inspector.taskInfo(t.queue.name, id)).toMatchObject({ state: 'completed', retried: 0 });
  });

  it('runs its own tasks at once while one of unknown type is at the head of the queue', async () => {
    await using t = open();
    const handler = vi.fn<Handler>();
    await t.serve(new ServeMux().handle('other', handler), { concurrency: 1 });
    for (let n = 0; n < 5; n++) await t.client.enqueue('sms');
    await t.clock.advance('100ms');

    for (let n = 0; n < 5; n++) await t.client.enqueue('other');
    await t.clock.advance('120ms');

    expect(handler).toHaveBeenCalledTimes(5);
    expect(t.events.filter(({ kind }) => kind === 'failed' || kind === 'requeued')).toEqual([]);
  });

  it('leaves tasks to another server with free slots: it holds none ahead when handlers take 50 ms', async () => {
    await using t = open();
    const running = { one: 0, other: 0 };
    const handlerOf =
      (server: keyof typeof running): Handler =>
      async () => {
        running[server] += 1;
        await sleep(t.clock, 50);
        running[server] -= 1;
      };
    await t.serve(handlerOf('one'), { concurrency: 10 });
    for (let n = 0; n < 100; n++) await t.client.enqueue('work');
    await t.clock.advance(175);
    await t.serve(handlerOf('other'), { concurrency: 10 });

    const seen: unknown[] = [];
    for (let n = 0; n < 5; n++) {
      await t.clock.advance(5);
      const { active } = await t.inspector.queueInfo(t.queue.name);
      seen.push([running.one, running.other, active]);
    }

    expect(seen).toEqual(seen.map(() => [10, 10, 20]));
  });

  it('holds short tasks ahead, and returns those that it has not begun when it stops', async () => {
    await using t = open();
    let started = 0;
    const server = await t.serve(
      async () => {
        started += 1;
        await sleep(t.clock, 1);
      },
      { concurrency: 2 },
    );
    await t.client.enqueueMany(Array.from({ length: 500 }, () => ({ type: 'short' })));
    await t.clock.advance(50);
    const busy = await t.inspector.queueInfo(t.queue.name);

    await server.stop();
    await t.clock.advance(10);

    const idle = await t.inspector.queueInfo(t.queue.name);
    expect(busy.active).toBeGreaterThan(10);
    expect(idle).toMatchObject({ active: 0, pending: 500 - started, retry: 0 });
    expect(t.events.filter(({ kind }) => kind === 'requeued')).toEqual([]);
  });

  it('archives a task whose type stays unknown', async () => {
    await using t = open();
    await t.serve(
      new ServeMux().handle('other', () => undefined),
      { unknownTypeDelay: '1s', unknownTypeTimeout: '10s' },
    );
    const { id } = await t.client.enqueue('sms');

    await t.clock.advance('20s');
    await t.event('archived');

    const lastError = 'handler not found for task "sms"';
    expect(await t.inspector.taskInfo(t.queue.name, id)).toMatchObject({ state: 'archived', lastError, retried: 0 });
  });

  it('cancels a running task', async () => {
    await using t = open();
    await t.serve(obedient);
    const { id } = await t.client.enqueue('long');
    await t.event('started');

    await t.inspector.cancelTask(id);
    await t.event('retried');

    expect(await t.inspector.taskInfo(t.queue.name, id)).toMatchObject({
      state: 'retry',
      lastError: 'context canceled',
    });
  });

  it.each([
    ['archive', 'archived'],
    ['delete', 'revoked'],
    ['retry', 'retried'],
  ] as const)('cancels a running task at once, to %s it', async (outcome, kind) => {
    await using t = open();
    await t.serve(obedient);
    const { id } = await t.client.enqueue('long');
    await t.event('started');

    expect(await t.inspector.cancel(t.queue.name, id, { outcome })).toBe('requested');

    expect(await t.event(kind)).toMatchObject({ id, error: { code: 'TASK_CANCELED', outcome } });
  });

  it('cancels a running task at a heartbeat when the signal was lost, with the requested outcome', async () => {
    await using t = open();
    t.broker.failNext('onCancel', { times: Number.POSITIVE_INFINITY });
    await t.serve(obedient);
    const { id } = await t.client.enqueue('long');
    await t.event('started');

    await t.inspector.cancel(t.queue.name, id, { outcome: 'archive' });
    await t.clock.advance('10s');

    await t.event('archived');
    expect(await t.inspector.taskInfo(t.queue.name, id)).toMatchObject({
      state: 'archived',
      lastError: 'context canceled',
    });
  });

  describe('a task that is held ahead of the slots', () => {
    /** Holds tasks behind one that runs until it is aborted. */
    async function holdTasks(t: ReturnType<typeof open>) {
      const begun: string[] = [];
      let isSlow = false;
      const handler: Handler = (payload, context) => {
        begun.push(context.id);
        return isSlow ? obedient(payload, context) : sleep(t.clock, 1);
      };
      await t.client.enqueueMany(Array.from({ length: 200 }, () => ({ type: 'quick' })));
      const server = await t.serve(handler, { concurrency: 1, readAhead: '1s' });
      await t.clock.advance(60);
      isSlow = true;
      await t.clock.advance(5);
      const { active } = await t.queue.dump();
      const held = active.filter((id) => !begun.includes(id));
      expect(held.length).toBeGreaterThan(5);
      return { server, begun, next: held.at(-1)!, last: held[0]! };
    }

    it('is canceled by a signal before it has begun, and the next one begins', async () => {
      await using t = open();
      const { begun, next } = await holdTasks(t);
      const count = begun.length;

      await t.inspector.cancelTask(next);
      await t.event('retried', next);
      await t.inspector.cancelTask(begun.at(-1)!);
      await t.event('retried', begun.at(-1));
      await t.clock.advance(5);

      const lastError = 'context canceled';
      expect(await t.inspector.taskInfo(t.queue.name, next)).toMatchObject({ state: 'retry', retried: 1, lastError });
      expect(begun.length).toBe(count + 1);
      expect(begun).not.toContain(next);
    });

    it('is canceled at a heartbeat when the signal was lost', async () => {
      await using t = open();
      t.broker.failNext('onCancel', { times: Number.POSITIVE_INFINITY });
      t.broker.failNext('requeue', { times: Number.POSITIVE_INFINITY });
      const { begun, last } = await holdTasks(t);

      await t.inspector.cancel(t.queue.name, last, { outcome: 'archive' });
      await t.clock.advance('10s');

      expect(await t.event('archived', last)).toMatchObject({ error: { code: 'TASK_CANCELED' }, reason: 'canceled' });
      expect(begun).not.toContain(last);
    });

    it('is canceled when the server was about to return it to its queue', async () => {
      await using t = open();
      t.broker.failNext('onCancel', { times: Number.POSITIVE_INFINITY });
      const { server, begun, next, last } = await holdTasks(t);
      const replies = [
        await t.inspector.cancel(t.queue.name, next, { outcome: 'archive' }),
        await t.inspector.cancel(t.queue.name, last, { outcome: 'delete' }),
      ];

      await Promise.all([server.pause(), t.clock.advance(100)]);

      await Promise.all([t.event('archived', next), t.event('revoked', last)]);
      const { active, nextUp } = await t.queue.dump();
      expect(replies).toEqual(['requested', 'requested']);
      expect(active).toEqual(begun.slice(-1));
      expect(nextUp.length).toBeGreaterThan(5);
      expect([...begun, ...nextUp]).not.toContain(next);
    });
  });

  it('does not serve a paused queue until it is unpaused', async () => {
    await using t = open();
    const handler = vi.fn<Handler>();
    await t.serve(handler);
    await t.inspector.pauseQueue(t.queue.name);
    await t.client.enqueue('wait');
    await t.clock.advance('1m');
    const early = handler.mock.calls.length;

    await t.inspector.unpauseQueue(t.queue.name);
    await t.clock.advance('5s');

    expect(early).toBe(0);
    expect(handler).toHaveBeenCalledOnce();
  });

  it('never runs more handlers than its concurrency, including those that ignore their timeout', async () => {
    await using t = open();
    let running = 0;
    let most = 0;
    const deaf: Handler = () => {
      most = Math.max(most, ++running);
      return new Promise(() => undefined);
    };
    await t.serve(deaf, { concurrency: 2, retryDelay: () => 0 });
    for (let task = 0; task < 5; task++) await t.client.enqueue('deaf', task, { timeout: '1s' });

    await t.clock.advance('1m');

    expect(most).toBe(2);
    expect(t.events.map(({ kind }) => kind)).not.toContain('retried');
  });

  it('keeps the lease of a task that runs longer than its lease', async () => {
    await using t = open();
    const { handler, started, end } = held();
    await t.serve(handler, { leaseDuration: '3s' });
    await t.client.enqueue('long');
    await t.clock.advance('1m');

    end();
    await t.event('succeeded');

    expect(started).toHaveBeenCalledOnce();
  });

  it('is visible to inspectors until it is shut down', async () => {
    await using t = open();
    const write = vi.spyOn(t.broker, 'writePresence');
    const server = await t.serve(vi.fn<Handler>(), { queues: { [t.queue.name]: 3 }, strictPriority: true });
    await t.clock.advance('1s');
    const [info] = write.mock.calls[0]!;
    const before = await t.queue.presence(info);

    await Promise.all([server.shutdown(), t.clock.advance('1s')]);

    expect(before?.server).toMatchObject({
      pid: process.pid,
      concurrency: 2,
      queues: { [t.queue.name]: 3 },
      status: 'active',
    });
    expect(before?.server).toMatchObject({ strictPriority: true });
    expect(await t.queue.presence(info)).toBeUndefined();
  });
});

describe('Server when the broker fails', () => {
  it('starts nevertheless, logs the failure, and works when the broker is back', async () => {
    await using t = open();
    const warn = vi.fn<Logger['warn']>();
    for (const method of ['facts', 'fetch', 'onCancel', 'writePresence', 'takeDuty'] as const) {
      t.broker.failNext(method, { times: 5 });
    }
    const handler = vi.fn<Handler>();
    await t.serve(handler, { logger: { ...silentLogger, warn } });
    await t.client.enqueue('wait');

    await t.clock.advance('1m');

    expect(handler).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('cannot fetch tasks'), expect.anything());
  });

  it.each(['lostRequest', 'lostReply'] as const)('runs a task once although settling fails: %s', async (as) => {
    await using t = open();
    t.broker.failNext('settle', { times: 3, as });
    const handler = vi.fn<Handler>();
    await t.serve(handler);
    await t.client.enqueue('once');

    await t.clock.advance('2m');

    expect(handler).toHaveBeenCalledOnce();
    expect(t.events.map(({ kind }) => kind)).toEqual(['started', 'succeeded']);
    expect(await t.inspector.queueInfo(t.queue.name)).toMatchObject({ size: 0, processedTotal: 1 });
  });

  it('warns about a server that evicts keys and about clocks that differ', async () => {
    await using t = open();
    const warn = vi.fn<Logger['warn']>();
    const facts = { version: '7.0.0', evictionPolicy: 'allkeys-lru', clockSkewMs: -1_001 };
    vi.spyOn(t.broker, 'facts').mockResolvedValue(facts);

    await t.serve(vi.fn<Handler>(), { logger: { ...silentLogger, warn } });
    await t.clock.advance(0);

    expect(warn).toHaveBeenCalledWith(expect.stringContaining('Redis evicts keys'), expect.anything());
    expect(warn).toHaveBeenCalledWith(
      expect.stringMatching(/differs from ours by -1001 ms: .* go by Redis' clock, but dates that are made here/),
      expect.anything(),
    );
  });

  it('reports by a ping whether the broker answers', async () => {
    await using t = open();
    const server = await t.serve(vi.fn<Handler>());
    t.broker.failNext('ping');

    await expect(server.ping()).rejects.toThrow(RedisCommandError);
    await expect(server.ping()).resolves.toBeUndefined();
  });

  it('reports the result of every health check', async () => {
    await using t = open();
    t.broker.failNext('ping');
    const results: unknown[] = [];
    await t.serve(vi.fn<Handler>(), { onHealthCheck: (error) => results.push(error), healthCheckInterval: '1s' });

    await t.clock.advance(2_500);

    expect(results).toEqual([expect.any(Error), undefined]);
  });
});

describe('Server when the outcomes of one queue are not stored', () => {
  it('starts at most twice as many of its tasks as there are slots, and serves the other queue', async () => {
    await using t = open();
    const other = `${t.queue.name}-other`;
    const connection = replaceMethod(t.broker, 'settle', async (queue, settlements) => {
      return queue === t.queue.name ? new Promise(() => undefined) : t.broker.settle(queue, settlements);
    });
    const handled: Record<string, number> = { [t.queue.name]: 0, [other]: 0 };
    for (let n = 0; n < 100; n++) for (const queue of [t.queue.name, other]) await t.client.enqueue('t', n, { queue });

    const handle: Handler = (_payload, { queue }) => void (handled[queue]! += 1);
    const queues = { [t.queue.name]: 1, [other]: 1 };
    await t.serve(handle, { connection, concurrency: 4, readAhead: 0, queues }); // else more outcomes may wait for 100 ms
    await t.clock.advance('10s');

    expect(handled[other]).toBe(100);
    expect(handled[t.queue.name]).toBeLessThanOrEqual(8);
  });
});

describe('Server.shutdown', () => {
  it('waits for a handler and stores its outcome', async () => {
    await using t = open();
    const { handler, end } = held();
    const server = await t.serve(handler);
    const { id } = await t.client.enqueue('short');
    await t.event('started');
    const closed = server.shutdown();

    await t.clock.advance('7s');
    end();
    await Promise.all([closed, t.clock.advance('5s')]);

    expect(t.events.map(({ kind }) => kind)).toEqual(['started', 'succeeded']);
    await expect(t.inspector.taskInfo(t.queue.name, id)).rejects.toThrow('task not found');
  });

  it('returns unfinished tasks to the head of the queue, uncounted', async () => {
    await using t = open();
    const server = await t.serve(obedient, { concurrency: 1, shutdownTimeout: '2s' });
    const running = await t.client.enqueue('long');
    await t.event('started');
    const waiting = await t.client.enqueue('next');

    await Promise.all([server.shutdown(), t.clock.advance('10s')]);

    expect(t.events.map(({ kind }) => kind)).toEqual(['started', 'requeued']);
    const { nextUp, active, leases } = await t.queue.dump();
    expect({ nextUp, active, leases }).toEqual({ nextUp: [running.id, waiting.id], active: [], leases: {} });
    expect(await t.inspector.taskInfo(t.queue.name, running.id)).toMatchObject({ retried: 0, lastError: '' });
  });

  it('returns tasks in the order in which they were to run', async () => {
    await using t = open();
    const server = await t.serve(obedient, { concurrency: 4, shutdownTimeout: '2s' });
    const ids = ['t1', 't2', 't3', 't4', 'waiting'];
    for (const taskId of ids) await t.client.enqueue('long', {}, { taskId });
    await t.event('started', 't4');

    await Promise.all([server.shutdown(), t.clock.advance('10s')]);

    const { nextUp, active } = await t.queue.dump();
    expect({ nextUp, active }).toEqual({ nextUp: ids, active: [] });
  });

  it('ends only when the last outcomes are stored, even if settling fails at first', async () => {
    await using t = open();
    const server = await t.serve(obedient, { shutdownTimeout: '1s' });
    await t.client.enqueue('long');
    await t.event('started');
    t.broker.failNext('settle', { times: 2 });

    const afterwards = server.shutdown().then(() => t.inspector.queueInfo(t.queue.name));
    await t.clock.advance('10s');

    expect(await afterwards).toMatchObject({ pending: 1, active: 0 });
  });

  it('ends in time even if handlers ignore it and the broker is unavailable', async () => {
    await using t = open();
    const server = await t.serve(() => new Promise(() => undefined), { shutdownTimeout: '2s' });
    await t.client.enqueue('deaf');
    await t.event('started');
    for (const method of ['settle', 'fetch', 'clearPresence', 'dropDuty', 'extendLeases'] as const) {
      t.broker.failNext(method, { times: 1_000 });
    }
    let isClosed = false;
    const closed = server.shutdown().then(() => (isClosed = true));

    await t.clock.advance('6s');

    expect(isClosed).toBe(true);
    await closed;
  });

  it('takes no tasks once stopped, and finishes those it has', async () => {
    await using t = open();
    const { handler, started, end } = held();
    const server = await t.serve(handler);
    await t.client.enqueue('first');
    await t.event('started');

    await server.stop();
    await t.client.enqueue('second');
    await t.clock.advance('1m');
    end();
    await t.event('succeeded');

    expect(server.state).toBe('stopped');
    expect(started).toHaveBeenCalledOnce();
    expect(await t.inspector.queueInfo(t.queue.name)).toMatchObject({ pending: 1, active: 0 });
  });

  it('leaves open a broker that was passed in', async () => {
    await using t = open();
    const close = vi.spyOn(t.broker, 'close');
    const server = await t.serve(vi.fn<Handler>());

    await Promise.all([server.shutdown(), t.clock.advance('1s')]);

    expect(close).not.toHaveBeenCalled();
  });

  it('is used once, and reports calls in the wrong order', async () => {
    await using t = open();
    const server = new Server({ connection: t.broker, logger: silentLogger });

    await expect(server.stop()).rejects.toThrow(new ServerStateError('stop', 'new'));
    await server.start(vi.fn<Handler>());
    await expect(server.start(vi.fn<Handler>())).rejects.toThrow('it is already running');
    await server.stop();
    await expect(server.start(vi.fn<Handler>())).rejects.toThrow('waits for its shutdown');
    await Promise.all([server.shutdown(), server.shutdown(), t.clock.advance('1s')]);
    await expect(server.start(vi.fn<Handler>())).rejects.toThrow('it is closed');
    await expect(server.stop()).rejects.toThrow('it is closed');
    expect(server.state).toBe('closed');
  });

  it('closes a server that was never started', async () => {
    const server = new Server({ connection: 'memory' });

    await server.shutdown();

    expect(server.state).toBe('closed');
  });

  it.each([undefined, {}, new ServeMux()])('refuses to start with %o for a handler', async (handler) => {
    const server = new Server({ connection: 'memory' });

    await expect(server.start(handler as Handler)).rejects.toThrow(InvalidOptionsError);
    expect(server.state).toBe('new');
  });

  it.each([8 * 3_600_000, -3_600_000, -30_000])('runs nothing twice when the clock is set by %i ms', async (byMs) => {
    await using t = open();
    const { started, end, handler } = held();
    await t.serve(handler);
    const { id } = await t.client.enqueue('long');
    await t.clock.advance('7s');

    t.clock.set(t.clock.nowMs() + byMs);
    await t.clock.advance('2m');
    end();
    await t.event('succeeded', id);

    expect(started).toHaveBeenCalledTimes(1);
  });
});

it.each<[title: string, again: (client: Client, inspector: Inspector) => Promise<unknown>]>([
  ['enqueues tasks', (client) => client.enqueue('t', undefined, { queue: 'other' })],
  ['moves a task', (_client, inspector) => inspector.archiveTask('other', 'x').catch(() => undefined)],
  ['pauses a queue', (_client, inspector) => inspector.pauseQueue('other')],
])('runs in memory beside a program that %s in a loop', async (title, again) => {
  const connection = { memory: title };
  const client = new Client({ connection, logger: silentLogger });
  const inspector = new Inspector({ connection, logger: silentLogger });
  const server = new Server({ connection, logger: silentLogger });
  const handler = vi.fn<Handler>();
  await server.start(handler);
  await client.enqueue('t', undefined, { queue: 'other', taskId: 'x' });
  await client.enqueue('t');

  for (let call = 0; call < 2_000 && handler.mock.calls.length === 0; call++) await again(client, inspector);

  expect(handler).toHaveBeenCalledTimes(1);
  await Promise.all([server.shutdown(), client.close(), inspector.close()]);
});

it('runs in memory beside a program that reads the state of its task in a loop', async () => {
  const broker = openBroker('memory');
  const client = new Client({ connection: broker });
  const server = new Server({ connection: broker, logger: silentLogger });
  await server.start(() => new Promise<void>((resolve) => void setImmediate(resolve)));
  const task = await client.enqueue('a');

  let looks = 0;
  while ((await task.state()) && looks < 10_000) looks += 1;

  expect(looks).toBeLessThan(10_000);
  await server.shutdown();
});

describe('a server whose handler ignores its signal', () => {
  it.each([
    ['exit', 1],
    ['keep', 0],
  ] as const)('ends the process with onDeafHandler "%s" %i times', async (onDeafHandler, exits) => {
    await using o = open();
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
    const server = await o.serve(() => new Promise(() => undefined), { onDeafHandler, shutdownTimeout: '1s' });
    await o.client.enqueue('deaf', undefined, { timeout: '1s', maxRetry: 3 });
    const isLost = (): void => expect(server.slots).toEqual({ total: 2, busy: 1, lost: 1 });
    await vi.waitFor(async () => {
      await o.clock.advance('1s');
      isLost();
    });

    await o.clock.advance('20s');

    await expect.poll(() => exit).toHaveBeenCalledTimes(exits);
    expect(o.events.filter(({ kind }) => kind === 'slotLost')).toHaveLength(1);
    exit.mockRestore();
  });
});
