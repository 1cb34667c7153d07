import { describe, expect, it, vi } from 'vitest';
import type { Outcome } from '../broker/contract/settle.js';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { TaskFailedError } from '../errors/task-failed.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import { WaitTimeoutError } from '../errors/wait-timeout.error.js';
import { silentLogger } from '../runtime/logger.js';
import type { TaskOptions } from '../task/task-options.js';
import { failingBroker } from '../testing/failing-broker.js';
import { openMemoryQueue } from '../testing/test-queue.js';
import { Client } from './client.js';

/** A client, and the other side of its queue. */
function open() {
  const queue = openMemoryQueue({ name: 'q' });
  const broker = failingBroker(queue.broker);
  const client = new Client({ connection: broker, logger: silentLogger, defaults: { queue: 'q' } });
  const enqueue = (options?: TaskOptions) => client.enqueue('sum', [1, 2], { taskId: 'a', ...options });
  /** Runs the task that is next and ends it. */
  const end = async (outcome: Outcome): Promise<void> => {
    const { tasks } = await queue.broker.fetch('q', 1, 30_000);
    const [task] = tasks;
    await queue.broker.settle('q', [{ message: task!.message, claim: queue.claim(task!), outcome }]);
  };
  /** Lets promises run, but no time pass. */
  const turn = () => queue.clock.advance(0);
  return { queue, broker, client, clock: queue.clock, enqueue, end, turn };
}

/** Takes the rejection at once, so that it counts as handled. */
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'fulfilled',
    (error: unknown) => error,
  );

describe('EnqueuedTask.result', () => {
  it('is told at once when one of our servers completes the task', async () => {
    const { clock, enqueue, end, turn } = open();
    const task = await enqueue({ retention: '1h' });
    const startMs = clock.nowMs();
    const result = task.result<number>();
    await turn();

    await end({ kind: 'complete', result: Buffer.from('3') });

    expect(await result).toBe(3);
    expect(clock.nowMs()).toBe(startMs);
  });

  it('is there already when the task has ended before', async () => {
    const { enqueue, end } = open();
    const task = await enqueue({ retention: '1h' });
    await end({ kind: 'complete', result: Buffer.from('{"sum":3}') });

    expect(await task.result()).toEqual({ sum: 3 });
  });

  it('is undefined for a task that is deleted on success', async () => {
    const { enqueue, end, turn } = open();
    const task = await enqueue();
    const result = task.result();
    await turn();

    await end({ kind: 'done' });

    expect(await result).toBeUndefined();
  });

  it('waits for retries, and fails with the last error of a task that was archived', async () => {
    const { clock, enqueue, end, queue, turn } = open();
    const task = await enqueue();
    const failure = failureOf(task.result());
    await turn();
    await end({ kind: 'retry', retryAtMs: clock.nowMs() + 1, error: 'first', isFailure: true });
    await clock.advance('1s');
    await queue.broker.forwardDue('q', 1);

    await end({ kind: 'archive', error: 'boom' });

    expect(await failure).toEqual(new TaskFailedError('q', 'a', 'boom'));
  });

  it('finds what nobody tells, as when a Go server ends the task', async () => {
    const { queue, clock, enqueue, turn } = open();
    const task = await enqueue({ retention: '1h' });
    const result = task.result();
    await turn();

    await queue.inject({ tasks: { a: { state: 'completed', result: Buffer.from('"by Go"') } } });
    await clock.advance('400ms');

    expect(await result).toBe('by Go');
  });

  it('looks ever less often', async () => {
    const { broker, clock, enqueue, turn } = open();
    const looks = vi.spyOn(broker, 'awaitTask');
    const stop = new AbortController();
    const task = await enqueue();
    const failure = failureOf(task.wait({ signal: stop.signal }));
    await turn();

    await clock.advance('10m');
    stop.abort(new Error('enough'));
    await failure;

    expect(looks.mock.calls.length).toBeGreaterThan(10 * 12);
    expect(looks.mock.calls.length).toBeLessThan(10 * 24 + 10);
  });
});

describe('EnqueuedTask.wait', () => {
  it('ends after its timeout', async () => {
    const { clock, enqueue } = open();
    const task = await enqueue();

    const failure = failureOf(task.wait({ timeout: '3s' }));
    await clock.advance('3s');

    expect(await failure).toEqual(new WaitTimeoutError('q', 'a', 3_000));
  });

  it('ends after its timeout, though the broker does not answer', async () => {
    const { broker, clock, enqueue } = open();
    const task = await enqueue();
    const onTaskEnded = vi.spyOn(broker, 'onTaskEnded').mockReturnValue(new Promise(() => undefined));
    const failure = failureOf(task.wait({ timeout: '10s' }));

    await clock.advance('10s');

    expect(onTaskEnded).toHaveBeenCalledOnce();
    expect(await failure).toBeInstanceOf(WaitTimeoutError);
  });

  it('ends with the reason of its signal', async () => {
    const { enqueue, turn } = open();
    const task = await enqueue();
    const stop = new AbortController();
    const failure = failureOf(task.wait({ signal: stop.signal }));
    await turn();

    stop.abort('no need any more');

    expect(await failure).toBe('no need any more');
  });

  it('ends when the client is closed', async () => {
    const { client, enqueue, turn } = open();
    const task = await enqueue();
    const failure = failureOf(task.wait());
    await turn();

    await client.close();

    expect(await failure).toEqual(new ClosedError('client'));
    expect(await failureOf(task.wait())).toEqual(new ClosedError('client'));
  });

  it('says that a task is gone when it ended before anybody looked', async () => {
    const { enqueue, end } = open();
    const task = await enqueue();
    await end({ kind: 'done' });

    await expect(task.wait()).rejects.toThrow(new TaskNotFoundError('q', 'a'));
  });

  it.each(['pending', 'scheduled'] as const)('says at once that an inspector deleted the task: %s', async (state) => {
    const { queue, clock, enqueue, turn } = open();
    const task = await enqueue(state === 'scheduled' ? { processIn: '1h' } : {});
    const startMs = clock.nowMs();
    const failure = failureOf(task.result());
    await turn();

    await queue.broker.moveTasks('q', { state }, ['a'], 'deleted');

    expect(await failure).toBeInstanceOf(TaskNotFoundError);
    expect(clock.nowMs()).toBe(startMs);
  });

  it('says at once that an inspector archived the task', async () => {
    const { queue, clock, enqueue, turn } = open();
    const task = await enqueue();
    const startMs = clock.nowMs();
    const failure = failureOf(task.result());
    await turn();

    await queue.broker.moveTasks('q', { state: 'pending' }, ['a'], 'archived');

    expect(await failure).toBeInstanceOf(TaskFailedError);
    expect(clock.nowMs()).toBe(startMs);
  });

  it('says that a task is gone when somebody else deleted it, after a moment for news', async () => {
    const { queue, clock, enqueue, turn } = open();
    const task = await enqueue();
    const failure = failureOf(task.wait());
    await turn();

    await queue.inject({ tasks: { a: undefined } });
    await clock.advance('2s');

    expect(await failure).toEqual(new TaskNotFoundError('q', 'a'));
  });

  it('outlives a broker that is away, and does without news', async () => {
    const { broker, clock, enqueue, end } = open();
    const task = await enqueue({ retention: '1h' });
    broker.failNext('onTaskEnded');
    broker.failNext('awaitTask', { times: 2 });
    const waiting = task.wait();
    await clock.advance('1s');

    await end({ kind: 'complete' });
    await clock.advance('5s');

    expect(await waiting).toEqual({ state: 'completed', result: undefined });
  });

  it('refuses a timeout that is none', async () => {
    const task = await open().enqueue();

    await expect(task.wait({ timeout: -1 })).rejects.toThrow(InvalidOptionsError);
  });
});

describe('EnqueuedTask', () => {
  it('tells its state', async () => {
    const { enqueue, end } = open();
    const task = await enqueue({ processIn: 0 });
    const before = await task.state();
    await end({ kind: 'done' });

    expect([before, await task.state()]).toEqual(['pending', undefined]);
  });

  it('shows its facts alone as JSON', async () => {
    const task = await open().enqueue();

    expect(Object.keys(JSON.parse(JSON.stringify(task)) as object).toSorted()).toEqual([
      'id',
      'initialState',
      'nextProcessAt',
      'queue',
      'type',
    ]);
  });
});
