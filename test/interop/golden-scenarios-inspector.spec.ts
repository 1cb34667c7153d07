import {
  type Client,
  InvalidOptionsError,
  QueueNotEmptyError,
  QueueNotFoundError,
  ServeMux,
  TaskNotFoundError,
  TaskStateError,
} from '@nestjs-asynq/core';
import type { Paging } from '@nestjs-asynq/core/internal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../support/redis-server.js';
import { asGoShowsDay, asGoShowsQueue } from './as-go-shows.js';
import { GoldenStage } from './golden-stage.js';

/** Shortly before the recording, and well before the times that its calls name. */
const RECORDED_AT_MS = Date.parse('2026-11-21T07:55:42.100Z');
const HOUR_MS = 3_600_000;

const bytes = (text: string): Uint8Array => Buffer.from(text);

const fail = (): never => {
  throw new Error('x');
};

/** Tasks in every waiting state. */
async function enqueueWaiting(client: Client): Promise<void> {
  await client.enqueue('t', bytes('1'), { taskId: 'i-1' });
  await client.enqueue('t', bytes('2'), { taskId: 'i-2' });
  await client.enqueue('t', bytes('3'), { taskId: 'i-3', processAt: new Date('2030-01-01T00:00:00Z') });
  await client.enqueue('t', bytes('4'), { taskId: 'i-4', processAt: new Date('2030-01-02T00:00:00Z') });
  await client.enqueue('t', bytes('5'), { taskId: 'i-5', group: 'g' });
}

describe('calls of the inspector leave the same state and return the same as those of Go', () => {
  let redis: RedisServer;
  beforeAll(async () => void (redis = await startRedis()));
  afterAll(() => redis.stop());

  it('inspector_bulk: all tasks of a state, and the deletion of a queue', async () => {
    await using stage = new GoldenStage(redis, 'inspector_bulk', RECORDED_AT_MS);
    const { client, inspector } = stage;

    await stage.play(1, () => enqueueWaiting(client));
    await stage.read(2, async () => [asGoShowsQueue(await inspector.queueInfo('default'))]);
    await stage.play(3, () => inspector.archiveAll('default', 'pending'));
    await stage.play(4, () => inspector.archiveAll('default', 'scheduled'));
    await stage.play(5, () => inspector.runAll('default', 'archived'));
    await stage.play(6, () => inspector.runAll('default', 'aggregating', { group: 'g' }));
    await stage.fail(7, () => inspector.deleteQueue('default'), QueueNotEmptyError);
    await stage.play(8, () => inspector.deleteAll('default', 'pending'));
    await stage.play(9, () => inspector.deleteQueue('default'));

    expect(stage.missing()).toEqual([]);
  });

  it('inspector_single: one task at a time', async () => {
    await using stage = new GoldenStage(redis, 'inspector_single', RECORDED_AT_MS);
    const { client, inspector } = stage;

    await stage.play(1, async () => {
      await enqueueWaiting(client);
      await inspector.updateTaskPayload('default', 'i-3', bytes('new'));
    });
    await stage.fail(2, () => inspector.updateTaskPayload('default', 'i-1', bytes('new')), TaskStateError);
    await stage.play(3, () => inspector.runTask('default', 'i-3'));
    await stage.fail(4, () => inspector.runTask('default', 'i-1'), TaskStateError);
    await stage.play(5, () => inspector.archiveTask('default', 'i-1'));
    await stage.fail(6, () => inspector.archiveTask('default', 'i-1'), TaskStateError);
    await stage.play(7, () => inspector.archiveTask('default', 'i-4'));
    await stage.play(8, () => inspector.archiveTask('default', 'i-5'));
    await stage.play(9, () => inspector.runTask('default', 'i-5'));
    await stage.play(10, () => inspector.deleteTask('default', 'i-2'));

    const ofATask = (queue: string): (() => Promise<unknown>)[] => [
      () => inspector.taskInfo(queue, 'missing'),
      () => inspector.runTask(queue, 'missing'),
      () => inspector.archiveTask(queue, 'missing'),
      () => inspector.deleteTask(queue, 'missing'),
      () => inspector.updateTaskPayload(queue, 'missing', bytes('new')),
    ];
    const ofAQueue = (queue: string): (() => Promise<unknown>)[] => [
      () => inspector.listTasks(queue, 'pending'),
      () => inspector.queueInfo(queue),
      () => inspector.dailyStats(queue, 3),
      () => inspector.runAll(queue, 'scheduled'),
      () => inspector.deleteQueue(queue),
    ];
    for (const [n, act] of ofATask('default').entries()) await stage.fail(11 + n, act, TaskNotFoundError);
    for (const [n, act] of ofAQueue('default').slice(0, 4).entries()) await stage.succeed(16 + n, act);
    const unknown = [...ofATask('nope'), ...ofAQueue('nope')];
    for (const [n, act] of unknown.entries()) await stage.fail(20 + n, act, QueueNotFoundError);
    await stage.succeed(30, () => inspector.pauseQueue('nope'));
    const nameless = [...ofATask(' '), ...ofAQueue(' '), () => inspector.pauseQueue(' ')];
    for (const [n, act] of nameless.entries()) await stage.fail(31 + n, act, InvalidOptionsError);
    await stage.fail(42, () => inspector.dailyStats('default', 0), InvalidOptionsError);
    await stage.play(43, async () => undefined);

    expect(stage.missing()).toEqual([]);
  });

  it('inspector_bulk_retry: tasks that were handled', async () => {
    await using stage = new GoldenStage(redis, 'inspector_bulk_retry');
    const { client, inspector } = stage;

    await stage.play(1, async () => {
      for (const n of [1, 2, 3]) await client.enqueue('bad', bytes(`${n}`), { taskId: `k-${n}` });
      await client.enqueue('t', bytes('4'), { taskId: 'k-4', retention: '1h' });
      const mux = new ServeMux().handle('bad', fail).handle('t', () => undefined);
      const server = await stage.serve(mux, { retryDelay: () => HOUR_MS });
      await stage.untilEvent('retried', 3);
      await stage.untilEvent('succeeded');
      await server.shutdown();
    });
    await stage.play(2, () => inspector.runTask('default', 'k-1'));
    await stage.play(3, () => inspector.archiveTask('default', 'k-2'));
    await stage.play(4, () => inspector.archiveAll('default', 'retry'));
    await stage.play(5, () => inspector.deleteAll('default', 'archived'));
    await stage.play(6, () => inspector.deleteAll('default', 'completed'));
    await stage.play(7, () => inspector.runAll('default', 'retry'));

    expect(stage.missing()).toEqual([]);
  });

  it('delete_queue_force: the remaining keys of a queue that had tasks', async () => {
    await using stage = new GoldenStage(redis, 'delete_queue_force', RECORDED_AT_MS);
    const { client, inspector } = stage;

    await stage.play(1, async () => {
      await enqueueWaiting(client);
      await inspector.deleteQueue('default', { force: true });
    });

    expect(stage.missing()).toEqual([]);
  });

  it('list_pages: order and pages', async () => {
    await using stage = new GoldenStage(redis, 'list_pages', RECORDED_AT_MS);
    const { client, inspector } = stage;
    const list = async (paging: Paging): Promise<string[]> =>
      (await inspector.listTasks('default', 'pending', paging)).map(({ id }) => id);

    for (const n of [1, 2, 3, 4, 5]) await client.enqueue('t', undefined, { taskId: `n-${n}` });

    await stage.read(1, () => list({ size: 30, page: 1 }));
    await stage.read(2, () => list({ size: 2, page: 1 }));
    await stage.read(3, () => list({ size: 2, page: 2 }));
    await stage.read(4, () => list({ size: 2, page: 3 }));
    await stage.read(5, () => list({ size: 2, page: 4 }));
    await stage.refuse(6, () => list({ size: 0, page: 1 }));
    await stage.refuse(7, () => list({ size: -1, page: 1 }));
    await stage.refuse(8, () => list({ size: 2, page: 0 }));
    await stage.refuse(9, () => list({ size: 2, page: -1 }));

    expect(stage.missing()).toEqual([]);
  });

  it('history: counters of days', async () => {
    await using stage = new GoldenStage(redis, 'history');
    const { client, clock, inspector } = stage;

    await stage.play(1, async () => {
      await client.enqueue('t', undefined, { taskId: 'h-1' });
      await client.enqueue('bad', undefined, { taskId: 'h-2' });
      const mux = new ServeMux().handle('bad', fail).handle('t', () => undefined);
      const server = await stage.serve(mux, { retryDelay: () => HOUR_MS });
      await stage.untilEvent('retried');
      await stage.untilEvent('succeeded');
      await server.shutdown();
    });
    await stage.read(2, async () =>
      (await inspector.dailyStats('default', 3)).map((day) => asGoShowsDay(day, clock.nowMs())),
    );
    await stage.read(3, async () => [asGoShowsQueue(await inspector.queueInfo('default'))]);

    expect(stage.missing()).toEqual([]);
  });
});
