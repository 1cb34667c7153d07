import { describe, expect, it } from 'vitest';
import { Client } from '../client/client.js';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { silentLogger } from '../runtime/logger.js';
import { Scheduler } from './scheduler.js';
import { Server } from '../server/server.js';
import type { QueueEvent } from '../task/queue-event.js';
import { failingBroker } from '../test-support/failing-broker.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { MOST_BUFFERED } from '../events/event-follower.js';
import type { QueueEventStream } from '../events/queue-events.js';
import { QueueEvents } from '../events/queue-events.js';

/** A queue whose client publishes its events, and a reader. */
function open() {
  const queue = openMemoryQueue({ name: 'q' });
  const broker = failingBroker(queue.broker);
  const shared = { connection: broker, logger: silentLogger };
  const client = new Client({ ...shared, publishEvents: true, defaults: { queue: 'q' } });
  const events = new QueueEvents(shared);
  return {
    ...shared,
    queue,
    broker,
    clock: queue.clock,
    client,
    events,
    enqueue: async (taskId: string) => {
      await client.enqueue('t', undefined, { taskId });
      await queue.clock.advance(0);
    },
    async [Symbol.asyncDispose]() {
      await events.close();
      await queue[Symbol.asyncDispose]();
    },
  };
}

/** The next events of a stream. */
async function take(stream: QueueEventStream, count: number): Promise<QueueEvent[]> {
  const taken: QueueEvent[] = [];
  while (taken.length < count) {
    const { value } = await stream.next();
    if (!value) break;
    taken.push(value);
  }
  return taken;
}

const idsOf = (events: readonly QueueEvent[]): string[] =>
  events.map((event) => (event.kind === 'missed' ? 'missed' : event.id));

describe('QueueEvents', () => {
  it('reads what happens from the call on, and not before', async () => {
    await using t = open();
    await t.enqueue('before');
    await t.clock.advance('1s');

    const stream = t.events.read('q');
    await t.clock.advance('1s');
    await t.enqueue('a');
    await t.enqueue('b');

    expect(idsOf(await take(stream, 2))).toEqual(['a', 'b']);
  });

  it('gives events their own fields, with times as dates', async () => {
    await using t = open();
    const stream = t.events.read('q', { after: '0' });
    const at = new Date(t.clock.nowMs());
    await t.client.enqueue('t', { x: 1 }, { taskId: 'later', processIn: '1m' });

    const [event] = await take(stream, 1);

    expect(event).toEqual({
      eventId: expect.stringMatching(/^\d+-\d+$/) as string,
      kind: 'enqueued',
      id: 'later',
      type: 't',
      queue: 'q',
      state: 'scheduled',
      at,
      nextProcessAt: new Date(at.getTime() + 60_000),
    });
  });

  it('continues after an event, in any process', async () => {
    await using t = open();
    for (const id of ['a', 'b', 'c']) await t.enqueue(id);
    const [first] = await take(t.events.read('q', { after: '0' }), 1);
    await using later = new QueueEvents({ connection: t.broker, logger: silentLogger });

    const rest = await take(later.read('q', { after: first!.eventId }), 2);

    expect(idsOf(rest)).toEqual(['b', 'c']);
  });

  it('shows many pages of the past, then the present, each event once', async () => {
    await using t = open();
    const items = Array.from({ length: 1_234 }, (_, n) => ({ type: 't', options: { taskId: String(n) } }));
    await t.client.enqueueMany(items);
    await t.clock.advance(0);
    const stream = t.events.read('q', { after: '0' });

    const past = await take(stream, 1_234);
    await t.enqueue('new');

    expect(idsOf(past)).toEqual(items.map(({ options }) => options.taskId));
    expect(idsOf(await take(stream, 1))).toEqual(['new']);
  });

  it('serves several readers of one queue, at different places, by one look at the stream', async () => {
    await using t = open();
    await t.enqueue('a');
    const streams = [t.events.read('q', { after: '0' }), t.events.read('q', { after: '0', taskId: 'b' })] as const;
    await take(streams[0], 1);
    const pending = take(streams[1], 1);
    await t.clock.advance('1s');

    let looks = 0;
    const { readEvents } = t.queue.broker;
    Object.defineProperty(t.queue.broker, 'readEvents', {
      value: (...args: Parameters<typeof readEvents>) => (looks++, readEvents(...args)),
    });
    await t.enqueue('b');
    const [first, second] = [await take(streams[0], 1), await pending];

    expect([idsOf(first), idsOf(second)]).toEqual([['b'], ['b']]);
    expect(looks).toBe(1);
  });

  it('lets a slow reader read by itself, and loses nothing', async () => {
    await using t = open();
    const stream = t.events.read('q', { after: '0' });
    await t.enqueue('first');
    await take(stream, 1);
    const count = 3 * MOST_BUFFERED;
    for (let n = 0; n < count; n += 500) {
      await t.client.enqueueMany(
        Array.from({ length: 500 }, (_, i) => ({ type: 't', options: { taskId: String(n + i) } })),
      );
      await t.clock.advance(0);
    }

    expect(idsOf(await take(stream, count))).toEqual(Array.from({ length: count }, (_, n) => String(n)));
  });

  it('says when events may be missing: the last known one has left the stream', async () => {
    await using t = open();
    await t.enqueue('a');
    const [known] = await take(t.events.read('q', { after: '0' }), 1);
    await t.broker.purgeQueue('q');
    await t.clock.advance('1s');
    await t.enqueue('b');

    const seen = await take(t.events.read('q', { after: known!.eventId }), 2);

    expect(seen[0]).toMatchObject({ kind: 'missed', count: undefined, queue: 'q', eventId: known!.eventId });
    expect(idsOf(seen)).toEqual(['missed', 'b']);
  });

  it('goes on when Redis was away', async () => {
    await using t = open();
    const stream = t.events.read('q', { after: '0' });
    await t.enqueue('a');
    await take(stream, 1);
    t.broker.failNext('readEvents', { times: 3 });
    await t.enqueue('b');
    const next = take(stream, 1);
    await t.clock.advance('30s');

    expect(idsOf(await next)).toEqual(['b']);
  });

  it('fails when Redis refuses to read the stream', async () => {
    await using t = open();
    t.broker.failNext('readEvents', { times: 99, isTransient: false });

    const stream = t.events.read('q', { after: '0' });

    await expect(stream.next()).rejects.toBeInstanceOf(RedisCommandError);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it.each(['return', 'signal', 'close'] as const)('ends a pending read at %s', async (how) => {
    await using t = open();
    const abort = new AbortController();
    const stream = t.events.read('q', { after: '0', signal: abort.signal });
    const pending = stream.next();
    await t.clock.advance(0);

    if (how === 'return') await stream.return();
    else if (how === 'signal') abort.abort();
    else await t.events.close();

    expect(await pending).toEqual({ done: true, value: undefined });
  });

  it('stops looking when nobody reads any more', async () => {
    await using t = open();
    const stream = t.events.read('q', { after: '0' });
    await t.enqueue('a');
    await take(stream, 1);
    await stream.return();
    await t.clock.advance(0);

    t.broker.failNext('readEvents', { isTransient: false });
    await t.clock.advance('10s');

    await expect(t.broker.readEvents('q', '0-0')).rejects.toThrow(); // nobody else has met the failure
  });

  it('reads the events of all partitions of a queue', async () => {
    await using t = open();
    await using client = new Client({ ...pick(t), publishEvents: true, partitions: { parts: 3 } });

    for (const taskId of ['a', 'b', 'c']) await client.enqueue('t', undefined, { queue: 'parts', taskId });
    await t.clock.advance(0);
    const seen = await take(t.events.read('parts', { after: '0' }), 3);

    expect(idsOf(seen)).toEqual(['a', 'b', 'c']);
    expect(seen).toMatchObject(
      [0, 1, 2].map(() => ({ queue: 'parts', partition: expect.stringMatching(/^parts:p\d-/) as string })),
    );
  });

  it('shows the ticks of schedulers', async () => {
    await using t = open();
    await using scheduler = new Scheduler({ ...pick(t), publishEvents: true });
    scheduler.register('@every 30s', 'report', undefined, { queue: 'q', name: 'r' });
    await scheduler.start();

    await t.clock.advance('31s');

    expect(await take(t.events.read('q', { after: '0' }), 1)).toMatchObject([{ kind: 'enqueued', type: 'report' }]);
  });

  it('shows nothing of programs that do not publish', async () => {
    await using t = open();
    await using server = new Server({ ...pick(t), queues: { q: 1 } });
    await server.start(() => undefined);
    await t.enqueue('a');
    await t.clock.advance('1s');
    await t.enqueue('b');

    const seen = await take(t.events.read('q', { after: '0' }), 2);

    expect(seen.map(({ kind }) => kind)).toEqual(['enqueued', 'enqueued']);
  });

  it('refuses wrong options, and reads after its end', async () => {
    await using t = open();

    expect(() => t.events.read('')).toThrow(InvalidOptionsError);
    expect(() => t.events.read('q', { after: 'yesterday' })).toThrow('option "after" is "yesterday"');
    expect(() => t.events.read('q', { from: '0' } as never)).toThrow(InvalidOptionsError);
    expect(() => new QueueEvents({} as never)).toThrow('connection');
    await t.events.close();
    expect(() => t.events.read('q')).toThrow(ClosedError);
  });
});

const pick = ({ broker }: { readonly broker: Parameters<typeof failingBroker>[0] }) => ({
  connection: broker,
  logger: silentLogger,
});
