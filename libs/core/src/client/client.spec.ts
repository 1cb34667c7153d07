import { describe, expect, it, vi } from 'vitest';
import { ClosedError } from '../errors/closed.error.js';
import { DuplicateTaskError } from '../errors/duplicate-task.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { PayloadTooLargeError } from '../errors/payload-too-large.error.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { TaskIdConflictError } from '../errors/task-id-conflict.error.js';
import { type Logger, silentLogger } from '../runtime/logger.js';
import type { TaskEvent } from '../task/task-event.js';
import { failingBroker } from '../test-support/failing-broker.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { Client, type ClientOptions } from './client.js';

function open(options: Partial<ClientOptions> = {}) {
  const queue = openMemoryQueue({ name: 'q' });
  const broker = failingBroker(queue.broker);
  const events: TaskEvent[] = [];
  const client = new Client({
    connection: broker,
    logger: silentLogger,
    defaults: { queue: 'q' },
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { queue, clock: queue.clock, broker, client, events };
}

describe('Client.enqueue', () => {
  it('writes a task and returns its state', async () => {
    const { client, clock, queue, events } = open();

    const task = await client.enqueue('email:welcome', { to: 'a' }, { taskId: 'one' });

    const now = new Date(clock.nowMs());
    const facts = { id: 'one', queue: 'q', type: 'email:welcome', nextProcessAt: now };
    expect(task).toEqual({ ...facts, initialState: 'pending' });
    expect(await queue.dump()).toMatchObject({ nextUp: ['one'] });
    expect(events).toEqual([{ kind: 'enqueued', at: now, ...facts, state: 'pending' }]);
  });

  it('returns the exact time of a delayed task', async () => {
    const { client, clock } = open();

    const task = await client.enqueue('remind', undefined, { processIn: 1_250 });

    expect(task).toMatchObject({ initialState: 'scheduled', nextProcessAt: new Date(clock.nowMs() + 1_250) });
  });

  it('reads its defaults once', async () => {
    const defaults = { queue: 'q', maxRetry: 3 };
    const { client, queue } = open({ defaults });
    defaults.maxRetry = 4;

    const plain = await client.enqueue('a');
    defaults.maxRetry = 5;
    const [other, own] = [
      await client.enqueue('a', 1, { timeout: '1m' }),
      await client.enqueue('a', 1, { maxRetry: 6 }),
    ];

    const { tasks } = await queue.dump();
    expect([plain, other, own].map(({ id }) => tasks[id]?.message?.maxRetry)).toEqual([3, 3, 6]);
  });

  it('gives each task its own id', async () => {
    const { client } = open();

    const tasks = await Promise.all([client.enqueue('a'), client.enqueue('a'), client.enqueue('a', 1, {})]);

    expect(new Set(tasks.map(({ id }) => id)).size).toBe(3);
  });

  it('starts a task with a past start time at once', async () => {
    const { client, clock } = open();

    const task = await client.enqueue('late', undefined, { processAt: new Date(clock.nowMs() - 1) });

    expect(task).toMatchObject({ initialState: 'pending', nextProcessAt: new Date(clock.nowMs()) });
  });

  it('refuses an id that exists in the queue, and names it', async () => {
    const { client } = open();
    await client.enqueue('a', 1, { taskId: 'one' });

    const again = client.enqueue('b', 2, { taskId: 'one' });

    await expect(again).rejects.toThrow(new TaskIdConflictError('q', 'one'));
  });

  it('refuses a second equal task, and names the holder of the lock', async () => {
    const { client, events } = open();
    await client.enqueue('a', 1, { taskId: 'holder', unique: '1h' });

    const again = client.enqueue('a', 1, { unique: '1h' });

    await expect(again).rejects.toThrow(new DuplicateTaskError('q', 'a', 'holder'));
    expect(events).toHaveLength(1);
  });

  it('passes on a failure of the broker unchanged', async () => {
    const { client, broker } = open();
    broker.failNext('enqueue');

    await expect(client.enqueue('a')).rejects.toThrow(RedisCommandError);
  });

  it('survives a listener that throws', async () => {
    const error = vi.fn<Logger['error']>();
    const onEvent = (): never => {
      throw new Error('broken');
    };
    const { client } = open({ onEvent, logger: { ...silentLogger, error } });

    await expect(client.enqueue('a')).resolves.toMatchObject({ initialState: 'pending' });

    expect(error).toHaveBeenCalledOnce();
  });

  it('encodes with the codec it was given', async () => {
    const codec = { encode: (value: unknown) => Buffer.from(`<${String(value)}>`), decode: () => undefined };
    const { client, queue } = open({ codec });

    await client.enqueue('a', 'x', { taskId: 'one' });

    const stored = await queue.broker.findTask('q', 'one');
    expect(Buffer.from(stored!.message.payload).toString()).toBe('<x>');
  });
});

describe('Client.enqueueMany', () => {
  it('returns one result per task in order, independent of the others', async () => {
    const { client, queue } = open({ maxPayloadBytes: 10 });
    await client.enqueue('old', undefined, { taskId: 'taken' });

    const results = await client.enqueueMany([
      { type: 'first', options: { taskId: 'one' } },
      { type: '', options: { maxRetry: -1 } },
      { type: 'conflict', options: { taskId: 'taken' } },
      { type: 'huge', payload: 'x'.repeat(20) },
      { type: 'last', options: { taskId: 'two' } },
    ]);

    expect(results.map(({ task, error }) => task?.id ?? error!.constructor)).toEqual([
      'one',
      InvalidOptionsError,
      TaskIdConflictError,
      PayloadTooLargeError,
      'two',
    ]);
    expect(await queue.dump()).toMatchObject({ nextUp: ['taken', 'one', 'two'] });
  });

  it.each([
    [{ type: 'a', queue: 'low' }, 'option "queue" is text; allowed: only type, payload, options'],
    [
      { type: 'a', option: {} },
      'option "option" is an object; allowed: no option of this name; did you mean "options"?',
    ],
    [{ type: 'a', options: 'low' }, 'option "options" is text; allowed: an object'],
    [{ type: 'a', options: ['low'] }, 'option "options" is an array; allowed: an object'],
    [undefined, 'option "item" is undefined; allowed: an object'],
    ['a', 'option "item" is text; allowed: an object'],
  ])('refuses %j, which has unknown parts, and writes the others', async (item, message) => {
    const { client, queue } = open();

    const [refused, written] = await client.enqueueMany([item as never, { type: 'b', options: { taskId: 'sound' } }]);

    expect(refused!.error).toBeInstanceOf(InvalidOptionsError);
    expect(refused!.error!.message).toContain(message);
    expect(written!.error).toBeUndefined();
    expect(await queue.dump()).toMatchObject({ nextUp: ['sound'] });
  });

  it('refuses anything but an array', async () => {
    const { client } = open();

    await expect(client.enqueueMany(new Set() as never)).rejects.toThrow('option "items" is a Set; allowed: an array');
  });

  it('reports a failure of the broker for each task', async () => {
    const { client, broker } = open();
    broker.failNext('enqueue');

    const results = await client.enqueueMany([{ type: 'a' }, { type: '' }, { type: 'b' }]);

    expect(results.map(({ error }) => error?.constructor)).toEqual([
      RedisCommandError,
      InvalidOptionsError,
      RedisCommandError,
    ]);
  });

  it('writes tasks of one queue in parts of 100, the first ones before the last are composed', async () => {
    const steps: number[] = [];
    const codec = { encode: (nth: unknown) => (steps.push(nth as number), Buffer.of(1)), decode: () => undefined };
    const { broker } = openMemoryQueue();
    const client = new Client({ connection: broker, codec, logger: silentLogger });
    const enqueue = vi.spyOn(broker, 'enqueue');
    enqueue.mockImplementationOnce((tasks) => {
      steps.push(Infinity);
      return Promise.resolve(tasks.map(() => ({ status: 'duplicate', holderId: undefined })));
    });

    const items = Array.from({ length: 250 }, (_, nth) => ({ type: nth === 7 ? '' : 't', payload: nth }));
    const results = await client.enqueueMany(items);

    expect(enqueue.mock.calls.map(([tasks]) => tasks.length)).toEqual([99, 100, 50]);
    expect(steps.indexOf(Infinity)).toBe(100);
    expect(results.map(({ error }) => error?.constructor)).toEqual(
      items.map((_, nth) => (nth === 7 ? InvalidOptionsError : nth < 100 ? DuplicateTaskError : undefined)),
    );
  });

  it('writes tasks of several queues together, behind the first part', async () => {
    const { client, broker } = open();
    const enqueue = vi.spyOn(broker, 'enqueue');

    await client.enqueueMany(
      Array.from({ length: 1_000 }, (_, nth) => ({ type: 't', options: { queue: `q${nth % 3}` } })),
    );

    expect(enqueue.mock.calls.map(([tasks]) => tasks.length)).toEqual([100, 900]);
  });

  it('does not call the broker when there is nothing to write', async () => {
    const { client, broker } = open();
    const enqueue = vi.spyOn(broker, 'enqueue');

    expect(await client.enqueueMany([])).toEqual([]);
    expect(await client.enqueueMany([{ type: '' }])).toHaveLength(1);
    expect(enqueue).not.toHaveBeenCalled();
  });
});

describe('Client.ping', () => {
  it('checks whether Redis answers, until the client is closed', async () => {
    const { client, broker } = open();
    broker.failNext('ping');

    await expect(client.ping()).rejects.toThrow(RedisCommandError);
    await expect(client.ping()).resolves.toBeUndefined();
    await client.close();
    await expect(client.ping()).rejects.toThrow(ClosedError);
  });
});

describe('Client, with callbacks that fail', () => {
  const fail = (): never => {
    throw new Error('broken');
  };

  it('enqueues although onEvent rejects and the logger throws', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { client, queue } = open({ onEvent: async () => fail(), logger: { ...silentLogger, error: fail } });

    await client.enqueue('a', undefined, { taskId: 'one' });

    expect(await queue.dump()).toMatchObject({ nextUp: ['one'] });
  });

  it.each([
    ['a promise', async () => Buffer.from('x'), 'codec.encode returned a promise, not a Uint8Array'],
    ['a promise that rejects', async () => fail(), 'codec.encode returned a promise, not a Uint8Array'],
    ['a text', () => 'x', 'codec.encode returned a string, not a Uint8Array'],
    ['nothing and throws', fail, 'the codec threw an error of class Error'],
  ])('refuses a payload for which the codec returns %s', async (_, encode, reason) => {
    const codec = { encode: encode as never, decode: (): unknown => undefined };
    const { client } = open({ codec });

    await expect(client.enqueue('a', {})).rejects.toThrow(reason);
  });
});

describe('new Client', () => {
  it('reports all wrong options at once, defaults included', () => {
    const options = { maxPaylodBytes: 5, codec: {}, defaults: { maxRetires: 3, timeout: 5 } };

    expect(() => new Client(options as never)).toThrow(
      [
        'option "maxPaylodBytes" is 5; allowed: no option of this name; did you mean "maxPayloadBytes"?',
        `option "connection" is undefined; allowed: a Redis connection or 'memory'`,
        'option "defaults.maxRetires" is 3; allowed: no option of this name; did you mean "maxRetry"?',
        `option "defaults.timeout" is 5; allowed: milliseconds or text such as '10s', at least 1s and at most 36500d`,
        'option "codec" is an object; allowed: an object with encode, decode',
      ].join('\n'),
    );
  });

  it('stays closed after close, and leaves open a broker that was passed in', async () => {
    const { client, broker } = open();
    const close = vi.spyOn(broker, 'close');

    await client.close();
    await client.close();

    await expect(client.enqueue('a')).rejects.toThrow(ClosedError);
    expect(close).not.toHaveBeenCalled();
  });
});
