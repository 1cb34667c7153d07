import { Client, type QueueEvent, QueueEvents, Server, silentLogger } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';

const LIMITS = { maxLength: 1_000, lifeMs: 60_000 };

/** The contract of every broker for the events of a queue. */
export function describeEvents(backend: string, openQueue: () => TestQueue): void {
  describe(`events on ${backend}`, () => {
    it('come back in their order, from a position on, which is included', async () => {
      await using q = openQueue();
      await q.broker.publishEvents(q.name, ['a', 'b'], LIMITS);
      await q.broker.publishEvents(q.name, ['c'], LIMITS);

      const all = await q.broker.readEvents(q.name, '0-0');
      const rest = await q.broker.readEvents(q.name, all[1]!.id);

      expect(all.map(({ event }) => event)).toEqual(['a', 'b', 'c']);
      expect(rest).toEqual(all.slice(1));
      expect(await q.broker.lastEventId(q.name)).toBe(all[2]!.id);
    });

    it('are none in a queue without any', async () => {
      await using q = openQueue();

      expect(await q.broker.readEvents(q.name, '0-0')).toEqual([]);
      expect(await q.broker.lastEventId(q.name)).toBe('0-0');
    });

    it('stay bounded, and are read in pages', async () => {
      await using q = openQueue();
      const events = Array.from({ length: 2_000 }, (_, n) => String(n));
      await q.broker.publishEvents(q.name, events, { maxLength: 600, lifeMs: 60_000 });

      const page = await q.broker.readEvents(q.name, '0-0');
      const rest = await q.broker.readEvents(q.name, page.at(-1)!.id);

      expect(page).toHaveLength(501);
      expect(rest.at(-1)!.event).toBe('1999');
      const kept = page.length + rest.length - 1;
      expect(kept).toBeGreaterThanOrEqual(600);
      expect(kept).toBeLessThan(900);
    });

    it('are announced to readers', async () => {
      await using q = openQueue();
      const hints = new CallRecorder<string>();
      const end = await q.broker.onEvents(q.name, (id) => hints.listener(id));

      await q.broker.publishEvents(q.name, ['a', 'b'], LIMITS);
      await hints.times(1);
      await end();

      expect(hints.calls).toEqual([await q.broker.lastEventId(q.name)]);
    });

    it('go with their queue', async () => {
      await using q = openQueue();
      await q.broker.publishEvents(q.name, ['a'], LIMITS);
      await q.broker.removeQueue(q.name);
      const afterRemoval = await q.broker.readEvents(q.name, '0-0');
      await q.broker.publishEvents(q.name, ['b'], LIMITS);
      await q.broker.purgeQueue(q.name);

      expect(afterRemoval).toEqual([]);
      expect(await q.broker.readEvents(q.name, '0-0')).toEqual([]);
    });

    it('of clients and servers reach a reader, who can continue after any of them', async () => {
      await using q = openQueue();
      const options = { connection: q.connection, logger: silentLogger, publishEvents: true };
      await using client = new Client(options);
      await using server = new Server({ ...options, queues: { [q.name]: 1 }, retryDelay: () => 0 });
      await using events = new QueueEvents({ connection: q.connection, logger: silentLogger });
      await server.start(async (_, context) => {
        context.progress(0.5, 'half');
        if (context.retried === 0) throw new Error('boom');
      });

      await client.enqueue('t', { secret: 'hush' }, { queue: q.name, taskId: 'x' });
      const seen = await readUntil(events, q, 'succeeded');
      const [third] = await readUntil(events, q, 'failed', seen[1]!.eventId);

      expect(seen.map(({ kind }) => kind).filter((kind) => kind !== 'progressed')).toEqual([
        'enqueued',
        'started',
        'failed',
        'retried',
        'started',
        'succeeded',
      ]);
      expect(seen.find(({ kind }) => kind === 'failed')).toMatchObject({
        id: 'x',
        type: 't',
        queue: q.name,
        error: 'boom',
      });
      expect(seen.find(({ kind }) => kind === 'progressed')).toMatchObject({ share: 0.5, note: 'half' });
      expect(third).toEqual(seen[2]);
      expect(JSON.stringify(seen)).not.toContain('hush');
    });
  });
}

/** All events of the queue up to the first of a kind. The clock of the test stands still, which no hint needs. */
async function readUntil(events: QueueEvents, q: TestQueue, kind: string, after = '0'): Promise<QueueEvent[]> {
  const seen: QueueEvent[] = [];
  const looks = setInterval(() => void q.clock.advance('1s'), 50); // where no hints arrive
  try {
    for await (const event of events.read(q.name, { after })) {
      seen.push(event);
      if (event.kind === kind) break;
    }
  } finally {
    clearInterval(looks);
  }
  return seen;
}
