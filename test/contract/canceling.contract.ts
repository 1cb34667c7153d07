import { setTimeout as delay } from 'node:timers/promises';
import { Client, Inspector, Server, silentLogger, type TaskEvent } from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';
import { CallRecorder } from './call-recorder.js';

/** Lets time pass meanwhile: where no signals arrive, a server reads requests at its heartbeat. */
async function passTimeUntil(q: TestQueue, stepMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let step = 0; !(await holds()); step++) {
    if (step === 500) throw new Error('it did not happen');
    await q.clock.advance(stepMs);
    await delay(5);
  }
}

/** A server that holds tasks behind one that does not end before it is aborted. */
async function holdTasks(q: TestQueue) {
  const shared = { connection: q.connection, logger: silentLogger };
  const client = new Client({ ...shared, defaults: { queue: q.name } });
  const inspector = new Inspector(shared);
  const events: TaskEvent[] = [];
  const begun: string[] = [];
  let isSlow = false;
  const server = new Server({
    ...shared,
    queues: { [q.name]: 1 },
    concurrency: 1,
    readAhead: '1s',
    onEvent: (event) => void events.push(event),
  });
  await client.enqueueMany(Array.from({ length: 300 }, (_, n) => ({ type: 'test', options: { taskId: `t${n}` } })));
  await server.start(async (_payload, { id, signal }) => {
    begun.push(id);
    if (!isSlow) await new Promise<void>((resolve) => void q.clock.setTimer(resolve, 1));
    else
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  });
  // Outcomes of tasks that have begun may be on their way.
  const heldNow = async () => (await q.dump()).active.filter((id) => !begun.includes(id));
  await passTimeUntil(q, 1, async () => (await heldNow()).length > 8);
  isSlow = true;
  const count = begun.length;
  await passTimeUntil(q, 1, () => begun.length > count);
  const held = await heldNow();
  const ended = (id: string, kind: TaskEvent['kind']): Promise<void> =>
    passTimeUntil(q, 200, () => events.some((event) => event.id === id && event.kind === kind));
  const close = async (): Promise<void> => {
    let isClosed = false;
    void server.shutdown().then(() => (isClosed = true));
    await passTimeUntil(q, 1_000, () => isClosed);
  };
  return { server, inspector, events, begun, held, ended, [Symbol.asyncDispose]: close };
}

/** The contract of every broker for cancel signals. */
export function describeCanceling(backend: string, openQueue: () => TestQueue): void {
  describe(`canceling on ${backend}`, () => {
    it('passes the id to every listener until it unsubscribes', async () => {
      await using q = openQueue();
      const [one, other, gone] = [new CallRecorder<string>(), new CallRecorder<string>(), new CallRecorder<string>()];
      // The channel is global: other tests may publish, too.
      const mine = (recorder: CallRecorder<string>) => (id: string) => {
        if (id.startsWith(q.name)) recorder.listener(id);
      };
      await q.broker.onCancel(mine(one));
      await q.broker.onCancel(mine(other));
      const stop = await q.broker.onCancel(mine(gone));
      await q.broker.publishCancel(`${q.name}-1`);
      await Promise.all([one.times(1), other.times(1), gone.times(1)]);

      await stop();
      await q.broker.publishCancel(`${q.name}-2 😀`);
      await Promise.all([one.times(2), other.times(2)]);

      expect(one.calls).toEqual([`${q.name}-1`, `${q.name}-2 😀`]);
      expect(other.calls).toEqual(one.calls);
      expect(gone.calls).toEqual([`${q.name}-1`]);
    });

    it.each([
      ['retry', 'retried'],
      ['archive', 'archived'],
      ['delete', 'revoked'],
    ] as const)('ends tasks that a server holds and has not begun: %s', async (outcome, kind) => {
      await using q = openQueue();
      await using t = await holdTasks(q);
      const [next, later] = [t.held.at(-1)!, t.held.at(-3)!];

      const replies = [
        await t.inspector.cancel(q.name, next, { outcome }),
        await t.inspector.cancel(q.name, later, { outcome }),
      ];

      await t.ended(next, kind);
      await t.ended(later, kind);
      expect(replies).toEqual(['requested', 'requested']);
      expect(t.begun).not.toContain(next);
      expect(t.begun).not.toContain(later);
      expect(t.events.filter(({ id }) => id === next)).toMatchObject([
        { kind: 'failed', error: { code: 'TASK_CANCELED', outcome } },
        { kind, error: { code: 'TASK_CANCELED', outcome } },
      ]);
      const lastError = 'context canceled';
      if (kind === 'retried') {
        expect(await t.inspector.taskInfo(q.name, next)).toMatchObject({ state: 'retry', retried: 1, lastError });
      } else if (kind === 'archived') {
        expect(await t.inspector.taskInfo(q.name, next)).toMatchObject({ state: 'archived', lastError });
      } else await expect(t.inspector.taskInfo(q.name, next)).rejects.toThrow('not found');
    });

    it('ends tasks that are canceled while a server returns them to their queue', async () => {
      await using q = openQueue();
      await using t = await holdTasks(q);
      const [next, last] = [t.held.at(-1)!, t.held[0]!];

      const paused = t.server.pause();
      const replies = await Promise.all(
        [next, last].map((id) => t.inspector.cancel(q.name, id, { outcome: 'archive' })),
      );

      await paused;
      const isArchived = async (id: string) => (await t.inspector.taskInfo(q.name, id)).state === 'archived';
      await expect
        .poll(async () => {
          await q.clock.advance(200);
          return Promise.all([next, last].map(isArchived));
        })
        .toEqual([true, true]);
      for (const reply of replies) expect(['requested', 'archived']).toContain(reply);
      expect(t.begun).not.toContain(next);
      expect(t.begun).not.toContain(last);
    });
  });
}
