import {
  Client,
  type ClientOptions,
  DuplicateTaskError,
  Inspector,
  InvalidOptionsError,
  QueueNotEmptyError,
  QueueNotFoundError,
  Scheduler,
  Server,
  type ServerOptions,
  silentLogger,
  type TaskContext,
  type TaskEvent,
  TaskIdConflictError,
  TaskNotFoundError,
} from '@nestjs-asynq/core';
import { describe, expect, it } from 'vitest';
import type { TestQueue } from '../support/test-queue.js';

const PARTITIONS = 5;
const TASKS = 20;

/** Lets time pass meanwhile: where nothing can block in Redis, a server polls. */
const passTimeUntil = (q: TestQueue, holds: () => boolean): Promise<void> =>
  expect
    .poll(
      async () => {
        if (!holds()) await q.clock.advance('50ms');
        return holds();
      },
      { interval: 5 },
    )
    .toBe(true);

/** The contract of partitioned queues on every broker. */
export function describePartitioning(backend: string, openQueue: () => TestQueue): void {
  describe(`partitioned queues on ${backend}`, () => {
    const open = (options: Partial<ClientOptions> = {}) => {
      const q = openQueue();
      const shared = { connection: q.connection, logger: silentLogger };
      const client = new Client({ ...shared, partitions: { [q.name]: PARTITIONS }, ...options });
      const inspector = new Inspector(shared);
      const fill = (count = TASKS, type = 'work') =>
        client.enqueueMany(
          Array.from({ length: count }, (_, n) => ({ type, payload: { n }, options: { queue: q.name } })),
        );
      return { q, client, inspector, fill, [Symbol.asyncDispose]: () => q[Symbol.asyncDispose]() };
    };

    /** Starts a server that records its tasks. */
    const serve = async (q: TestQueue, options: Omit<ServerOptions, 'connection'>) => {
      const runs: Pick<TaskContext, 'id' | 'queue' | 'partition'>[] = [];
      const events: TaskEvent[] = [];
      const server = new Server({
        connection: q.connection,
        logger: silentLogger,
        concurrency: 4,
        onEvent: (event) => void events.push(event),
        ...options,
      });
      await server.start((_payload, { id, queue, partition }) => {
        runs.push({ id, queue, partition });
        return { by: partition };
      });
      const succeeded = (count: number): Promise<void> =>
        passTimeUntil(q, () => events.filter(({ kind }) => kind === 'succeeded').length >= count);
      return { runs, events, succeeded, [Symbol.asyncDispose]: () => server.shutdown() };
    };

    const sizes = (q: TestQueue, names: readonly string[]) =>
      Promise.all(names.map((name) => q.broker.listSize(name, { state: 'pending' })));

    it('distribute tasks evenly, and announce all partitions with the first', async () => {
      await using app = open();
      const { q, client, inspector, fill } = app;

      const first = await client.enqueue('work', undefined, { queue: q.name });
      const names = await inspector.partitions(q.name);
      await fill(2 * PARTITIONS - 1);

      expect(names).toEqual(
        Array.from({ length: PARTITIONS }, (_, index) =>
          expect.stringMatching(new RegExp(`^${q.name}:p${index}-[a-z]{2}$`)),
        ),
      );
      expect(first).toMatchObject({ queue: q.name, partition: expect.stringContaining(`${q.name}:p`) });
      expect(await sizes(q, names)).toEqual(new Array(PARTITIONS).fill(2));
      expect(await inspector.queues()).toContain(q.name);
      expect((await inspector.queues()).filter((name) => name.startsWith(`${q.name}:`))).toEqual([]);
    });

    it('keep tasks with the same key together, in their order', async () => {
      await using app = open();
      const { q, client, inspector } = app;
      const keys = ['ann', 'bob', 'eve'];

      for (let n = 0; n < 4; n++) {
        for (const partitionKey of keys) {
          await client.enqueue('work', undefined, { queue: q.name, taskId: `${partitionKey}-${n}`, partitionKey });
        }
      }

      const lists = await Promise.all(
        (await inspector.partitions(q.name)).map((name) => inspector.listTasks(name, 'pending')),
      );
      for (const key of keys) {
        const own = lists.map((tasks) => tasks.map(({ id }) => id).filter((id) => id.startsWith(key)));
        expect(own.filter((ids) => ids.length > 0)).toEqual([[`${key}-0`, `${key}-1`, `${key}-2`, `${key}-3`]]);
      }
    });

    it('refuse a second task of an id, and of a lock, in the whole queue', async () => {
      await using app = open();
      const { q, client } = app;
      const ids = Array.from({ length: 12 }, (_, n) => `id-${n}`);

      for (const taskId of ids) await client.enqueue('work', undefined, { queue: q.name, taskId });
      for (const n of ids.keys()) await client.enqueue('locked', { n }, { queue: q.name, unique: '1h' });

      for (const taskId of ids) {
        const again = client.enqueue('work', { taskId }, { queue: q.name, taskId });
        await expect(again).rejects.toThrow(new TaskIdConflictError(q.name, taskId));
      }
      for (const n of ids.keys()) {
        const again = client.enqueue('locked', { n }, { queue: q.name, unique: '1h' });
        await expect(again).rejects.toThrow(DuplicateTaskError);
        await expect(again).rejects.toMatchObject({ queue: q.name });
      }
    });

    it.each([true, false])('run tasks in every partition, strict priority %s', async (strictPriority) => {
      await using app = open();
      const { q, client, fill } = app;
      const unaware = new Client({ connection: q.connection, logger: silentLogger });
      await fill();
      await unaware.enqueue('work', undefined, { queue: q.name });

      await using server = await serve(q, {
        queues: { [q.name]: { weight: 3, partitions: PARTITIONS }, [`${q.name}-other`]: 5 },
        strictPriority,
      });
      await server.succeeded(TASKS + 1);
      const handle = await client.enqueue('work', undefined, { queue: q.name, retention: '1h' });
      const results: unknown[] = [];
      const answered = handle.result().then((result) => void results.push(result));
      await passTimeUntil(q, () => results.length > 0);
      await answered;

      expect(new Set(server.runs.map(({ id }) => id)).size).toBe(TASKS + 2);
      expect(new Set(server.runs.map(({ queue }) => queue))).toEqual(new Set([q.name]));
      expect(new Set(server.runs.map(({ partition }) => partition)).size).toBe(PARTITIONS + 1);
      expect(results).toEqual([{ by: handle.partition }]);
      const started = server.events.find(({ id, kind }) => id === handle.id && kind === 'started');
      expect(started).toMatchObject({ queue: q.name, partition: handle.partition });
    });

    it.each([{ weight: 1, partitions: 2 }, 1])('lose no task of partitions unknown to a server: %o', async (own) => {
      await using app = open();
      const { q, fill } = app;
      await fill();

      await using server = await serve(q, { queues: { [q.name]: own } });
      await server.succeeded(TASKS);
      await fill(); // and keeps serving them
      await server.succeeded(2 * TASKS);

      expect(new Set(server.runs.map(({ id }) => id)).size).toBe(2 * TASKS);
    });

    it('are shown as one queue, with the partitions as detail', async () => {
      await using app = open();
      const { q, client, inspector, fill } = app;
      await fill(7);
      await client.enqueue('later', undefined, { queue: q.name, processIn: '1h' });
      await client.enqueue('grouped', undefined, { queue: q.name, group: 'digest' });

      const info = await inspector.queueInfo(q.name);

      expect(info).toMatchObject({ queue: q.name, size: 9, pending: 7, scheduled: 1, aggregating: 1, groups: 1 });
      expect(info.partitions!.map(({ queue }) => queue)).toEqual(await inspector.partitions(q.name));
      expect(info.partitions!.reduce((sum, { pending }) => sum + pending, 0)).toBe(7);
      expect(await inspector.groups(q.name)).toEqual([{ group: 'digest', size: 1 }]);
      expect((await inspector.queueInfo(info.partitions![0]!.queue)).partitions).toBeUndefined();
      expect(await inspector.dailyStats(q.name, 1)).toEqual([
        { queue: q.name, day: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), processed: 0, failed: 0 },
      ]);
    });

    it('list each task on one page, the first due at the front', async () => {
      await using app = open();
      const { q, client, inspector, fill } = app;
      await fill(13);
      for (const minutes of [3, 1, 2]) {
        await client.enqueue('later', undefined, {
          queue: q.name,
          taskId: `in-${minutes}`,
          processIn: minutes * 60_000,
        });
      }

      const pages = await Promise.all(
        [1, 2, 3, 4].map((page) => inspector.listTasks(q.name, 'pending', { page, size: 4 })),
      );

      expect(pages.map(({ length }) => length)).toEqual([4, 4, 4, 1]);
      expect(new Set(pages.flat().map(({ id }) => id)).size).toBe(13);
      expect(pages.flat().every(({ queue, partition }) => queue === q.name && partition !== undefined)).toBe(true);
      const scheduled = await inspector.listTasks(q.name, 'scheduled');
      expect(scheduled.map(({ id }) => id)).toEqual(['in-1', 'in-2', 'in-3']);
    });

    it('are searched to the end, however small the steps', async () => {
      await using app = open();
      const { q, inspector, fill } = app;
      await fill(11);
      const found: string[] = [];
      let cursor: string | undefined;
      let scanned = 0;

      do {
        const page = await inspector.findTasks({ queue: q.name, state: 'pending', limit: 2, scanBudget: 3, cursor });
        found.push(...page.tasks.map(({ id }) => id));
        scanned += page.scanned;
        cursor = page.cursor;
      } while (cursor !== undefined && scanned <= 11);

      expect([found.length, new Set(found).size, scanned]).toEqual([11, 11, 11]);
      const wrong = inspector.findTasks({ queue: q.name, state: 'pending', cursor: 's1:YQ' });
      await expect(wrong).rejects.toThrow(InvalidOptionsError);
    });

    it('are one queue for bulk work', async () => {
      await using app = open();
      const { q, inspector, fill } = app;
      await fill(9, 'a');
      await fill(8, 'b');
      const progress: number[] = [];
      const onProgress = ({ done }: { readonly done: number }): void => void progress.push(done);

      const matched = await inspector.archiveMatching({ queue: q.name, state: 'pending', type: 'a' }, { onProgress });
      const archived = await inspector.archiveAll(q.name, 'pending');
      const run = await inspector.runAll(q.name, 'archived');
      const deleted = await inspector.deleteAll(q.name, 'pending');

      expect([matched, archived, run, deleted]).toEqual([9, 8, 17, 17]);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      expect(progress.at(-1)).toBe(9);
      expect((await inspector.queueInfo(q.name)).size).toBe(0);
    });

    it('find single tasks in every partition', async () => {
      await using app = open();
      const { q, client, inspector } = app;
      const ids = Array.from({ length: 6 }, (_, n) => `task-${n}`);
      for (const taskId of ids) await client.enqueue('work', { taskId }, { queue: q.name, taskId, processIn: '1h' });

      for (const id of ids) {
        expect(await inspector.taskInfo(q.name, id)).toMatchObject({ id, queue: q.name, state: 'scheduled' });
        expect(await inspector.task(q.name, id).state()).toBe('scheduled');
      }
      await inspector.runTask(q.name, 'task-0');
      await inspector.archiveTask(q.name, 'task-1');
      await inspector.deleteTask(q.name, 'task-2');
      await inspector.runNext(q.name, 'task-3');
      await inspector.updateTaskPayload(q.name, 'task-4', { changed: true });
      await inspector.reschedule(q.name, 'task-4', new Date(q.clock.nowMs() + 60_000));
      const reply = await inspector.cancel(q.name, 'task-5', { outcome: 'archive' });

      const states = await Promise.all(ids.map((id) => inspector.task(q.name, id).state()));
      expect(states).toEqual(['pending', 'archived', undefined, 'pending', 'scheduled', 'archived']);
      expect(reply).toBe('archived');
      await expect(inspector.taskInfo(q.name, 'gone')).rejects.toThrow(TaskNotFoundError);
      await expect(inspector.runTask(q.name, 'gone')).rejects.toThrow(new TaskNotFoundError(q.name, 'gone'));
      await expect(inspector.runTask(q.name, 'task-0')).rejects.toMatchObject({ queue: q.name, state: 'pending' });
      await expect(inspector.task(q.name, 'gone').wait()).rejects.toThrow(new TaskNotFoundError(q.name, 'gone'));
      await expect(inspector.cancel(q.name, 'gone', { outcome: 'delete' })).rejects.toThrow(TaskNotFoundError);
    });

    it('take a task from another queue into the partition that a client would choose, and back', async () => {
      await using app = open();
      const { q, client, inspector } = app;
      await client.enqueue('work', undefined, { queue: q.name, taskId: 'other' });
      for (let n = 0; n < 4; n++) await client.enqueue('work', undefined, { queue: `${q.name}-b`, taskId: `t${n}` });

      for (let n = 0; n < 4; n++) await inspector.moveToQueue(`${q.name}-b`, `t${n}`, q.name);

      for (let n = 0; n < 4; n++) {
        const again = client.enqueue('work', undefined, { queue: q.name, taskId: `t${n}` });
        await expect(again).rejects.toThrow(TaskIdConflictError);
        await inspector.moveToQueue(q.name, `t${n}`, `${q.name}-b`);
      }
      expect((await inspector.queueInfo(`${q.name}-b`)).pending).toBe(4);
    });

    it('move a lock with its task, which is then unique in the whole queue', async () => {
      await using app = open();
      const { q, client, inspector, fill } = app;
      await fill(1);
      for (let n = 0; n < 4; n++) {
        await client.enqueue('locked', { n }, { queue: `${q.name}-b`, taskId: `t${n}`, unique: '1h' });
        await inspector.moveToQueue(`${q.name}-b`, `t${n}`, q.name);
      }

      for (let n = 0; n < 4; n++) {
        const again = client.enqueue('locked', { n }, { queue: q.name, unique: '1h' });
        await expect(again).rejects.toThrow(DuplicateTaskError);
      }
    });

    it('accept a task from the queue itself, and refuse one that is already in its partition', async () => {
      await using app = open();
      const { q, client, inspector, fill } = app;
      await fill(1);
      const unaware = new Client({ connection: q.connection, logger: silentLogger });
      await unaware.enqueue('work', undefined, { queue: q.name, taskId: 't' });
      const { partition } = await client.enqueue('work', undefined, { queue: q.name, taskId: 'u' });

      const again = inspector.moveToQueue(partition!, 'u', q.name);

      await expect(again).rejects.toThrow(InvalidOptionsError);
      expect(await inspector.taskInfo(q.name, 't')).toMatchObject({ queue: q.name });
      expect((await inspector.taskInfo(q.name, 't')).partition).toBeUndefined();
    });

    it('pause and resume as one', async () => {
      await using app = open();
      const { q, inspector, fill } = app;
      await fill(1);
      const names = await inspector.partitions(q.name);

      const paused = [await inspector.pauseQueue(q.name), await inspector.pauseQueue(q.name)];
      const fetched = await Promise.all(names.map((name) => q.broker.fetch(name, 1, 30_000)));
      const info = await inspector.queueInfo(q.name);
      const resumed = [await inspector.unpauseQueue(q.name), await inspector.unpauseQueue(q.name)];

      expect([paused, resumed]).toEqual([
        [true, false],
        [true, false],
      ]);
      expect(info.isPaused).toBe(true);
      expect(fetched.every(({ isPaused, tasks }) => isPaused && tasks.length === 0)).toBe(true);
      expect((await inspector.queueInfo(q.name)).isPaused).toBe(false);
    });

    it('are removed as one, and purged as one', async () => {
      await using app = open();
      const { q, inspector, fill } = app;
      await fill(3);

      await expect(inspector.deleteQueue(q.name)).rejects.toThrow(QueueNotEmptyError);
      expect(await inspector.partitions(q.name)).toHaveLength(PARTITIONS);
      await inspector.deleteQueue(q.name, { force: true });
      await expect(inspector.queueInfo(q.name)).rejects.toThrow(QueueNotFoundError);
      expect(await inspector.partitions(q.name)).toEqual([]);

      await fill(2 * PARTITIONS);
      await inspector.purgeQueue(q.name);
      expect(await inspector.queues()).not.toContain(q.name);
      expect((await inspector.queues()).filter((name) => name.startsWith(`${q.name}:`))).toEqual([]);
    });

    it('aggregate a group as a whole', async () => {
      await using app = open();
      const { q, client } = app;
      const seen: { readonly queue: string; readonly count: number }[] = [];
      await client.enqueueMany(
        Array.from({ length: 6 }, (_, n) => ({
          type: 'note',
          payload: { n },
          options: { queue: q.name, group: 'digest' },
        })),
      );

      await using worker = await serve(q, {
        queues: { [q.name]: { partitions: PARTITIONS } },
        groupAggregator: {
          maxSize: 6,
          aggregate: (_group, tasks, { queue }) => {
            seen.push({ queue, count: tasks.length });
            return { type: 'digest' };
          },
        },
      });
      await passTimeUntil(q, () => seen.length > 0);

      expect(seen).toEqual([{ queue: q.name, count: 6 }]);
      await worker.succeeded(1);
    });

    it('run periodic tasks', async () => {
      await using app = open();
      const { q } = app;
      const scheduler = new Scheduler({ connection: q.connection, logger: silentLogger });
      await using server = await serve(q, { queues: { [q.name]: { partitions: PARTITIONS } } });
      const planned = scheduler.register('@daily', 'report', undefined, { queue: q.name });

      await scheduler.runNow(planned.name);
      await server.succeeded(1);
      await scheduler.shutdown();

      expect(server.runs).toEqual([{ id: expect.any(String), queue: q.name, partition: undefined }]);
    });

    it('show servers and their tasks as one queue', async () => {
      await using app = open();
      const { q, inspector } = app;
      await using worker = await serve(q, { queues: { [q.name]: { weight: 3, partitions: PARTITIONS } } });

      const shown = async () => (await inspector.servers()).map(({ queues }) => queues);

      await expect.poll(shown).toContainEqual({ [q.name]: 3 });
      expect(worker.runs).toEqual([]);
    });
  });
}
