import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Outcome } from '../broker/contract/settle.js';
import { ClosedError } from '../errors/closed.error.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { TaskFailedError } from '../errors/task-failed.error.js';
import { TaskNotFoundError } from '../errors/task-not-found.error.js';
import { WaitTimeoutError } from '../errors/wait-timeout.error.js';
import { silentLogger } from '../runtime/logger.js';
import type { TaskOptions } from '../task/task-options.js';
import { failingBroker } from '../test-support/failing-broker.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { Client } from './client.js';

/** A client, and the other side of its queue. */
function open() {
  const queue = openMemoryQueue({ name: 'q' });
  const broker = failingBroker(queue.broker);
  const client = new Client({ connection: broker, logger: silentLogger, defaults: { queue: 'q' } });
  const enqueue = (options?: TaskOptions) => client.enqueue('sum', [1, 2], { taskId: 'a', ...options });
  /** Runs the next task and ends it. */
  const end = async (outcome: Outcome): Promise<void> => {
    const { tasks } = await queue.broker.fetch('q', 1, 30_000);
    const [task] = tasks;
    await queue.broker.settle('q', [{ message: task!.message, claim: queue.claim(task!), outcome }]);
  };
  /** Lets promises settle without time passing. */
  const turn = () => queue.clock.advance(0);
  return { queue, broker, client, clock: queue.clock, enqueue, end, turn };
}

/** Handles the rejection at once, so that it does not count as unhandled. */
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'fulfilled',
    (error: unknown) => error,
  );

describe('EnqueuedTask.result', () => {
  it('resolves at once when one of our servers completes the task', async () => {
    const { clock, enqueue, end, turn } = open();
    const task = await enqueue({ retention: '1h' });
    const startMs = clock.nowMs();
    const result = task.result<number>();
    await turn();

    await end({ kind: 'complete', result: Buffer.from('3') });

    expect(await result).toBe(3);
    expect(clock.nowMs()).toBe(startMs);
  });

  it('resolves at once when the task has already ended', async () => {
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

  it('waits for retries, and fails with the last error of an archived task', async () => {
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

  it('finds an end without a notification, as when a Go server ends the task', async () => {
    const { queue, clock, enqueue, turn } = open();
    const task = await enqueue({ retention: '1h' });
    const result = task.result();
    await turn();

    await queue.inject({ tasks: { a: { state: 'completed', result: Buffer.from('"by Go"') } } });
    await clock.advance('400ms');

    expect(await result).toBe('by Go');
  });

  it('polls at growing intervals', async () => {
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

  it.each([
    ['an invalid signal', { signal: {} as AbortSignal }, 'signal'],
    ['an invalid timeout', { timeout: 'soon' as '1s' }, 'timeout'],
    ['an unknown option', { timeout: undefined, timeOut: '1s' }, 'timeOut'],
  ])('refuses %s, and leaves nothing behind', async (_, options, name) => {
    const { client, enqueue } = open();
    const task = await enqueue();
    const listens = vi.spyOn(EventTarget.prototype, 'addEventListener');

    const failure = await failureOf(task.wait(options));

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect((failure as Error).message).toContain(name);
    expect(listens).not.toHaveBeenCalled();
    listens.mockRestore();
    await client.close();
  });

  it('ends after its timeout, even if the broker does not answer', async () => {
    const { broker, clock, enqueue } = open();
    const task = await enqueue();
    const onTaskEnded = vi.spyOn(broker, 'onTaskEnded').mockReturnValue(new Promise(() => undefined));
    const failure = failureOf(task.wait({ timeout: '10s' }));

    await clock.advance('10s');

    expect(onTaskEnded).toHaveBeenCalledOnce();
    expect(await failure).toBeInstanceOf(WaitTimeoutError);
  });

  it('polls while the broker does not answer the subscription', async () => {
    const { queue, clock, enqueue, end } = open();
    vi.spyOn(queue.broker, 'onTaskEnded').mockReturnValue(new Promise(() => undefined));
    const task = await enqueue({ retention: '1h' });
    const result = task.result<number>();
    await clock.advance('1s');

    await end({ kind: 'complete', result: Buffer.from('3') });
    await clock.advance('10s');

    expect(await result).toBe(3);
  });

  it('resolves even if the broker does not answer the end of the subscription', async () => {
    const { queue, clock, enqueue, end } = open();
    vi.spyOn(queue.broker, 'onTaskEnded').mockResolvedValue(() => new Promise(() => undefined));
    const task = await enqueue({ retention: '1h' });
    await end({ kind: 'complete', result: Buffer.from('3') });

    const result = task.result<number>();
    await clock.advance('1s');

    expect(await result).toBe(3);
  });

  it('polls right before its timeout, since there may be no notification of the end', async () => {
    const { queue, clock, enqueue } = open();
    vi.spyOn(Math, 'random').mockReturnValue(0.99); // polls after 0.4, 1.2, 2.8 and 6 s
    onTestFinished(() => void vi.restoreAllMocks());
    const task = await enqueue({ retention: '1h' });
    const wait = task.wait({ timeout: '10s' }).catch((error: unknown) => error);
    await clock.advance('7s');

    await queue.inject({ tasks: { a: { state: 'completed', result: Buffer.from('"by Go"') } } });
    await clock.advance('3s');

    expect(await wait).toMatchObject({ state: 'completed' });
  });

  it('notices an end during the subscription', async () => {
    const { queue, clock, enqueue, end } = open();
    const task = await enqueue();
    const listen = queue.broker.onTaskEnded;
    vi.spyOn(queue.broker, 'onTaskEnded').mockImplementation(async (...args) => {
      await end({ kind: 'done' });
      return listen(...args);
    });

    const wait = task.wait().catch((error: unknown) => error);
    await clock.advance('1s');

    expect(await wait).toEqual({ state: 'deleted' });
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

  it('reports a missing task when it ended before the wait began', async () => {
    const { enqueue, end } = open();
    const task = await enqueue();
    await end({ kind: 'done' });

    await expect(task.wait()).rejects.toThrow(new TaskNotFoundError('q', 'a'));
  });

  it.each(['pending', 'scheduled'] as const)(
    'reports at once that an inspector deleted the task: %s',
    async (state) => {
      const { queue, clock, enqueue, turn } = open();
      const task = await enqueue(state === 'scheduled' ? { processIn: '1h' } : {});
      const startMs = clock.nowMs();
      const failure = failureOf(task.result());
      await turn();

      await queue.broker.moveTasks('q', { state }, ['a'], 'deleted');

      expect(await failure).toBeInstanceOf(TaskNotFoundError);
      expect(clock.nowMs()).toBe(startMs);
    },
  );

  it('reports at once that an inspector archived the task', async () => {
    const { queue, clock, enqueue, turn } = open();
    const task = await enqueue();
    const startMs = clock.nowMs();
    const failure = failureOf(task.result());
    await turn();

    await queue.broker.moveTasks('q', { state: 'pending' }, ['a'], 'archived');

    expect(await failure).toBeInstanceOf(TaskFailedError);
    expect(clock.nowMs()).toBe(startMs);
  });

  it('reports a missing task that a Go program deleted, after allowing for a late notification', async () => {
    const { queue, clock, enqueue, turn } = open();
    const task = await enqueue();
    const failure = failureOf(task.wait());
    await turn();

    await queue.inject({ tasks: { a: undefined } });
    await clock.advance('2s');

    expect(await failure).toEqual(new TaskNotFoundError('q', 'a'));
  });

  it('survives an unavailable broker, and works without notifications', async () => {
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

  it.each([
    { timeout: -1 },
    { timeout: Infinity },
    { timeout: '25d' },
    { timeOut: '1s' },
    { signal: {} },
    { signal: 5 },
    { signal: null },
    null,
  ])('refuses the options %j', async (options) => {
    const task = await open().enqueue();

    await expect(task.wait(options as never)).rejects.toThrow(InvalidOptionsError);
  });
});

it('keeps the process alive until the wait has ended, also without a connection', async () => {
  const made = vi.spyOn(globalThis, 'setInterval');
  const cleared = vi.spyOn(globalThis, 'clearInterval');
  onTestFinished(() => void [made, cleared].map((spy) => spy.mockRestore()));
  const { enqueue, clock } = open();
  const task = await enqueue();

  const waiting = failureOf(task.wait({ timeout: '1s' }));
  const hold = made.mock.results.at(-1)!.value as NodeJS.Timeout;
  const isHeld = hold.hasRef();
  await clock.advance('1s');
  await waiting;

  expect(isHeld).toBe(true);
  expect(cleared).toHaveBeenCalledWith(hold);
});

describe('EnqueuedTask', () => {
  it('returns its state', async () => {
    const { enqueue, end } = open();
    const task = await enqueue({ processIn: 0 });
    const before = await task.state();
    await end({ kind: 'done' });

    expect([before, await task.state()]).toEqual(['pending', undefined]);
  });

  it('shows only its data fields as JSON', async () => {
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
