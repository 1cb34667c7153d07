import { describe, expect, it, vi } from 'vitest';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { QueueNotFoundError } from '../errors/queue-not-found.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import { silentLogger } from '../runtime/logger.js';
import { openMemoryQueue } from '../testing/test-queue.js';
import { Inspector } from './inspector.js';

/** An inspector of a queue named `q` that a task was once enqueued to. */
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

  it('tells a missing task from a missing queue', async () => {
    const { inspector } = await open();

    await expect(inspector.taskInfo('q', 'none')).rejects.toThrow(new TaskNotFoundError('q', 'none'));
    await expect(inspector.taskInfo('none', 'none')).rejects.toThrow(new QueueNotFoundError('none'));
    await expect(inspector.queueInfo('none')).rejects.toThrow(new QueueNotFoundError('none'));
  });

  it('pauses and unpauses a queue, and says whether that changed anything', async () => {
    const { inspector } = await open();

    const answers = [await inspector.pauseQueue('q'), await inspector.pauseQueue('q')];
    const { isPaused } = await inspector.queueInfo('q');
    answers.push(await inspector.unpauseQueue('q'), await inspector.unpauseQueue('q'));

    expect(answers).toEqual([true, false, true, false]);
    expect(isPaused).toBe(true);
  });

  it('publishes the wish to cancel a task', async () => {
    const { queue, inspector } = await open();
    const heard = new Promise((resolve) => void queue.broker.onCancel(resolve));

    await inspector.cancelTask('one');

    expect(await heard).toBe('one');
  });

  it('refuses names that cannot be one', async () => {
    const { inspector } = await open();

    await expect(inspector.queueInfo('{')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.pauseQueue('')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.taskInfo('q', ' ')).rejects.toThrow(InvalidOptionsError);
    await expect(inspector.cancelTask('')).rejects.toThrow(InvalidOptionsError);
    expect(() => new Inspector({ conection: 'memory' } as never)).toThrow('did you mean "connection"?');
  });

  it('is closed for good by close, and leaves a broker open that was handed in', async () => {
    const { queue, inspector } = await open();
    const close = vi.spyOn(queue.broker, 'close');

    await inspector.close();

    await expect(inspector.queues()).rejects.toThrow(ClosedError);
    expect(close).not.toHaveBeenCalled();
  });
});
