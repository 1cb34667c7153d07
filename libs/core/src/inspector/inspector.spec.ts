import { describe, expect, it, vi } from 'vitest';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import { silentLogger } from '../runtime/logger.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { Inspector } from './inspector.js';

/** An inspector of a queue named `q`, to which a task was once enqueued. */
async function open() {
  const queue = openMemoryQueue({ name: 'q' });
  await queue.broker.enqueue([{ message: queue.message('first') }]);
  const inspector = new Inspector({ connection: queue.broker, logger: silentLogger });
  return { queue, clock: queue.clock, inspector };
}

describe('Inspector', () => {
  it('lists the queues, sorted', async () => {
    const { queue, inspector } = await open();
    for (const name of ['z', 'a']) await queue.broker.enqueue([{ message: queue.message('t', { queue: name }) }]);

    expect(await inspector.queues()).toEqual(['a', 'q', 'z']);
  });

  it('counts the tasks of a queue by state', async () => {
    const { queue, clock, inspector } = await open();
    await queue.seed({ active: ['b', 'c'], scheduled: { d: '1h' }, archived: { e: '1h' } });
    await clock.advance('5s');

    expect(await inspector.queueInfo('q')).toMatchObject({
      queue: 'q',
      size: 5,
      pending: 1,
      active: 2,
      scheduled: 1,
      retry: 0,
      archived: 1,
      completed: 0,
      isPaused: false,
      latencyMs: 5_000,
      overdueMs: 0,
    });
  });

  it('shows a task', async () => {
    const { queue, clock, inspector } = await open();
    const message = { type: 'email', maxRetry: 3, retried: 2, errorMsg: 'boom', lastFailedAtS: 1_700_000_000n };
    const times = { timeoutS: 90n, deadlineS: 1_893_456_000n, retentionS: 60n };
    await queue.seed({ retry: { task: '10s' }, messages: { task: { ...message, ...times, headers: { a: 'b' } } } });

    expect(await inspector.taskInfo('q', 'task')).toMatchObject({
      id: 'task',
      queue: 'q',
      type: 'email',
      state: 'retry',
      maxRetry: 3,
      retried: 2,
      lastError: 'boom',
      lastFailedAt: new Date(1_700_000_000_000),
      timeoutMs: 90_000,
      deadline: new Date('2030-01-01'),
      nextProcessAt: new Date(clock.nowMs() + 10_000),
      retentionMs: 60_000,
      completedAt: undefined,
      result: undefined,
      group: undefined,
      isOrphaned: false,
      headers: { a: 'b' },
    });
  });

  it('distinguishes a missing task from a missing queue', async () => {
    const { inspector } = await open();

    await expect(inspector.taskInfo('q', 'none')).rejects.toThrow(new TaskNotFoundError('q', 'none'));
    await expect(inspector.taskInfo('none', 'none')).rejects.toThrow(new QueueNotFoundError('none'));
    await expect(inspector.queueInfo('none')).rejects.toThrow(new QueueNotFoundError('none'));
  });

  it('pauses and unpauses a queue, and returns whether that changed anything', async () => {
    const { inspector } = await open();

    const answers = [await inspector.pauseQueue('q'), await inspector.pauseQueue('q')];
    const { isPaused } = await inspector.queueInfo('q');
    answers.push(await inspector.unpauseQueue('q'), await inspector.unpauseQueue('q'));

    expect(answers).toEqual([true, false, true, false]);
    expect(isPaused).toBe(true);
  });

  it('shows since when a queue is paused', async () => {
    const { clock, inspector } = await open();
    const before = await inspector.queueInfo('q');
    await inspector.pauseQueue('q');
    const pausedAt = new Date(Math.floor(clock.nowMs() / 1000) * 1000);
    await clock.advance('3h');

    expect(before.pausedAt).toBeUndefined();
    expect((await inspector.queueInfo('q')).pausedAt).toEqual(pausedAt);
  });

  it('shows how long the unique lock of a task still holds', async () => {
    const { queue, clock, inspector } = await open();
    const uniqueKey = 'asynq:{q}:unique:t:hash';
    await queue.broker.enqueue([{ message: queue.message('locked', { uniqueKey }), uniqueTtlS: 60 }]);
    await clock.advance('20s');

    expect(await inspector.lockTtlMs('q', 'locked')).toBe(40_000);
    expect(await inspector.lockTtlMs('q', 'none')).toBeUndefined();
  });

  it('estimates memory only on request, and omits it when unavailable', async () => {
    const { queue, inspector } = await open();
    await queue.broker.enqueue([{ message: queue.message('one') }]);
    vi.spyOn(queue.broker, 'memoryUsage').mockResolvedValueOnce({ bytes: 4_096, errorBytes: 100 });

    const answers = [await inspector.queueInfo('q'), await inspector.queueInfo('q', { memory: true })];

    expect(answers.map(({ memoryBytes }) => memoryBytes)).toEqual([undefined, 4_096]);
    expect(answers.map(({ memoryErrorBytes }) => memoryErrorBytes)).toEqual([undefined, 100]);
  });

  it('returns the statistics of a queue day by day', async () => {
    const { queue, inspector } = await open();
    const { tasks } = await queue.broker.fetch('q', 1, 30_000);
    const settlement = { message: queue.message('first'), claim: queue.claim(tasks[0]!) };
    await queue.broker.settle('q', [{ ...settlement, outcome: { kind: 'done' } }]);

    expect(await inspector.dailyStats('q', 2)).toEqual([
      { queue: 'q', day: '2099-12-31', processed: 1, failed: 0 },
      { queue: 'q', day: '2099-12-30', processed: 0, failed: 0 },
    ]);
    await expect(inspector.dailyStats('q', 0)).rejects.toThrow('option "days"');
    await expect(inspector.dailyStats('nowhere', 1)).rejects.toThrow(QueueNotFoundError);
  });

  it('lists tasks in pages', async () => {
    const { queue, inspector } = await open();
    await queue.seed({ pending: ['2', '3', '4', '5'] });
    const ids = async (paging: object) => (await inspector.listTasks('q', 'pending', paging)).map(({ id }) => id);

    expect(await ids({})).toEqual(['first', '2', '3', '4', '5']);
    expect(await ids({ size: 2 })).toEqual(['first', '2']);
    expect(await ids({ size: 2, page: 3 })).toEqual(['5']);
    await expect(ids({ size: 0 })).rejects.toThrow('option "size"');
    await expect(inspector.listTasks('q', 'aggregating')).rejects.toThrow('option "group"');
    await expect(inspector.listTasks('nowhere', 'pending')).rejects.toThrow(QueueNotFoundError);
  });

  it('shows servers with the tasks they run', async () => {
    const { queue, clock, inspector } = await open();
    const who = { host: 'h', pid: 7, serverId: 's1', startedAtMs: clock.nowMs() };
    const config = { concurrency: 3, queues: { q: 1 }, strictPriority: false, status: 'active', activeWorkerCount: 1 };
    const task = { taskId: 'first', taskType: 'email', taskPayload: Buffer.from('{}'), queue: 'q' };
    const worker = { ...who, ...task, deadlineMs: clock.nowMs() + 1_000 };
    await queue.broker.writePresence({ ...who, ...config } as never, [worker], 10);

    const startedAt = new Date(clock.nowMs());
    const { activeWorkerCount: _, ...shown } = config;
    expect(await inspector.servers()).toEqual([
      {
        ...{ id: 's1', host: 'h', pid: 7, startedAt, ...shown },
        workers: [{ ...task, isPayloadCut: false, startedAt, deadline: new Date(clock.nowMs() + 1_000) }],
      },
    ]);
  });

  it('shows payloads of running tasks up to 64 kB, and marks longer ones as cut', async () => {
    const { queue, clock, inspector } = await open();
    const who = { host: 'h', pid: 7, serverId: 's1', startedAtMs: clock.nowMs() };
    const worker = { ...who, taskType: 'email', queue: 'q', deadlineMs: clock.nowMs() + 1_000 };
    const workers = [65_536, 65_537].map((size) => ({
      ...worker,
      taskId: String(size),
      taskPayload: new Uint8Array(size),
    }));
    await queue.broker.writePresence({ ...who, queues: {} } as never, workers, 10);

    const [server] = await inspector.servers();

    expect(server!.workers.map(({ taskPayload, isPayloadCut }) => [taskPayload.length, isPayloadCut])).toEqual([
      [65_536, false],
      [65_536, true],
    ]);
  });

  it('shows the nearest date for a time outside the range of Date', async () => {
    const { queue, inspector } = await open();
    const far = { lastFailedAtS: -(2n ** 62n), deadlineS: 2n ** 62n, completedAtS: 2n ** 60n };
    await queue.seed({ scheduled: { odd: '1h', sound: '2h' }, messages: { odd: far } });
    await queue.inject({ tasks: { odd: { progress: `{"share":0.5,"atMs":1e300} 0 ${far.lastFailedAtS}` } } });
    const who = { host: 'h', pid: 7, serverId: 's1', startedAtMs: 9e18, queues: {} };
    const worker = {
      ...who,
      taskId: 't',
      taskType: 'email',
      taskPayload: new Uint8Array(),
      queue: 'q',
      deadlineMs: -9e18,
    };
    await queue.broker.writePresence(who as never, [worker], 10);
    const entry = { id: 'e', spec: '', taskType: '', taskPayload: new Uint8Array(), enqueueOptions: [] };
    const times = { nextEnqueueAtMs: 9e18, prevEnqueueAtMs: -9e18 };
    vi.spyOn(queue.broker, 'schedulerEntries').mockResolvedValue([{ ...entry, ...times }]);
    vi.spyOn(queue.broker, 'schedulerEvents').mockResolvedValue([{ taskId: 't', enqueuedAtNs: 2n ** 90n }]);
    const [last, first] = [new Date(8.64e15), new Date(-8.64e15)];

    const tasks = await inspector.listTasks('q', 'scheduled');
    const [server] = await inspector.servers();

    expect(tasks.map(({ id }) => id)).toEqual(['odd', 'sound']);
    expect(tasks[0]).toMatchObject({ lastFailedAt: first, deadline: last, completedAt: last, progress: { at: last } });
    expect([server!.startedAt, server!.workers[0]!.deadline]).toEqual([last, first]);
    expect(await inspector.schedulerEntries()).toMatchObject([{ nextEnqueueAt: last, prevEnqueueAt: first }]);
    expect(await inspector.schedulerEvents('e')).toEqual([{ taskId: 't', enqueuedAt: last }]);
  });

  it('shows the plans of schedulers and their events', async () => {
    const { queue, inspector } = await open();
    const entry = { id: 'e1', spec: '@every 1m', taskType: 'report', taskPayload: new Uint8Array() };
    const plan = { ...entry, enqueueOptions: ['Queue("low")'], nextEnqueueAtMs: 5_000, prevEnqueueAtMs: undefined };
    vi.spyOn(queue.broker, 'schedulerEntries').mockResolvedValue([plan]);
    const events = vi.spyOn(queue.broker, 'schedulerEvents');
    events.mockResolvedValue([{ taskId: 't', enqueuedAtNs: 1_700_000_000_123_000_000n }]);

    expect(await inspector.schedulerEntries()).toEqual([
      { ...entry, options: ['Queue("low")'], nextEnqueueAt: new Date(5_000), prevEnqueueAt: undefined },
    ]);
    expect(await inspector.schedulerEvents('e1', { page: 2, size: 5 })).toEqual([
      { taskId: 't', enqueuedAt: new Date(1_700_000_000_123) },
    ]);
    expect(events).toHaveBeenCalledWith('e1', 5, 5);
  });

  it('returns the cluster slot of a queue', async () => {
    const { inspector } = await open();

    expect(await inspector.clusterSlot('foo')).toBe(12_182);
    expect(await inspector.clusterNodes('foo')).toEqual([]);
  });

  it('publishes a cancel request', async () => {
    const { queue, inspector } = await open();
    const signaled = new Promise((resolve) => void queue.broker.onCancel(resolve));

    await inspector.cancelTask('one');

    expect(await signaled).toBe('one');
  });

  it('returns the info of Redis, which is empty in memory', async () => {
    const { inspector } = await open();

    expect(await inspector.redisInfo()).toEqual({});
    expect(await inspector.redisNodes()).toEqual([]);
  });

  it('refuses invalid names', async () => {
    const { inspector } = await open();

    await expect(inspector.queueInfo('{')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.pauseQueue('')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.taskInfo('q', ' ')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.cancelTask('')).rejects.toThrow(InvalidOptionsError);
    expect(() => new Inspector({ conection: 'memory' } as never)).toThrow('did you mean "connection"?');
  });

  it('stays closed after close, and leaves open a broker that was passed in', async () => {
    const { queue, inspector } = await open();
    const close = vi.spyOn(queue.broker, 'close');

    await inspector.close();

    await expect(inspector.queues()).rejects.toThrow(ClosedError);
    expect(close).not.toHaveBeenCalled();
  });
});
