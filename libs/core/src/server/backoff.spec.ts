import { expect, it } from 'vitest';
import { Client } from '../client/client.js';
import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { Inspector } from '../inspector/inspector.js';
import { silentLogger } from '../runtime/logger.js';
import type { TaskOptions } from '../task/task-options.js';
import { failingBroker } from '../test-support/failing-broker.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { ServeMux } from './run/running/serve-mux.js';
import { Server } from './server.js';

const MINUTE_MS = 60_000;

/** Runs a task that always fails, for a while; returns the delays before its retries, ms. */
async function delaysOf(options: TaskOptions, over = (broker: ReturnType<typeof failingBroker>) => broker) {
  await using q = openMemoryQueue();
  const connection = over(failingBroker(q.broker));
  const client = new Client({ connection, logger: silentLogger });
  const delays: number[] = [];
  const mux = new ServeMux().handle('fail', () => Promise.reject(new Error('boom')), { retryDelay: () => MINUTE_MS });
  const server = new Server({
    ...{ connection, logger: silentLogger, clock: q.clock },
    onEvent: (event) => {
      if (event.kind === 'retried') delays.push(event.nextProcessAt.getTime() - event.at.getTime());
    },
  });
  await server.start(mux);
  const { id } = await client.enqueue('fail', undefined, { maxRetry: 3, ...options });
  await q.clock.advance('4m');
  const info = await new Inspector({ connection, logger: silentLogger }).taskInfo('default', id);
  await Promise.all([q.clock.advance('1m'), server.shutdown()]);
  return { delays, info };
}

it('is the delay of every retry of its task, whatever the handler has', async () => {
  const { delays, info } = await delaysOf({ backoff: '5s' });

  expect(delays).toEqual([5_000, 5_000, 5_000]);
  expect(info).toMatchObject({ state: 'archived', backoff: { type: 'fixed', delayMs: 5_000, jitter: 0 } });
});

it('grows up to its longest delay', async () => {
  const { delays } = await delaysOf({ backoff: { type: 'exponential', delay: '10s', maxDelay: '30s' } });

  expect(delays).toEqual([10_000, 20_000, 30_000]);
});

it('may be zero', async () => {
  expect((await delaysOf({ backoff: 0 })).delays).toEqual([0, 0, 0]);
});

it('leaves all other tasks to the handler', async () => {
  const { delays, info } = await delaysOf({});

  expect(delays).toEqual([MINUTE_MS, MINUTE_MS, MINUTE_MS]);
  expect(info).not.toHaveProperty('backoff');
});

it("gives way to the handler's delay while it cannot be read", async () => {
  const { delays } = await delaysOf({ backoff: '5s' }, (broker) => {
    broker.failNext('readBackoff', { times: 2 });
    return broker;
  });

  expect(delays).toEqual([MINUTE_MS, MINUTE_MS, 5_000]);
});

it.each([
  [{ backoff: -1 }, 'option "backoff" is -1; allowed: milliseconds or text'],
  [{ backoff: 'soon' }, 'option "backoff" is "soon"'],
  [
    { backoff: { delay: '1s', type: 'linear' } },
    'option "backoff.type" is "linear"; allowed: "fixed" or "exponential"',
  ],
  [
    { backoff: { type: 'fixed' } },
    'option "backoff.delay" is undefined; allowed: how long to wait before a retry, such as \'10s\'',
  ],
  [{ backoff: { delay: '1s', jitter: 2 } }, 'option "backoff.jitter" is 2; allowed: a number from 0 to 1'],
  [{ backoff: { delay: '1s', attempts: 3 } }, 'backoff.attempts'],
])('is refused when it is wrong: %j', async (options, text) => {
  await using q = openMemoryQueue();
  const client = new Client({ connection: q.broker, logger: silentLogger });

  const enqueued = client.enqueue('fail', undefined, options as TaskOptions);

  await expect(enqueued).rejects.toThrow(InvalidOptionsError);
  await expect(enqueued).rejects.toThrow(text);
});
