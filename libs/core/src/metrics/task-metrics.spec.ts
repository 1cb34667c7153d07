import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openBroker } from '../broker/open-broker.js';
import { Client } from '../client/client.js';
import { silentLogger } from '../runtime/logger.js';
import { Server } from '../server/server.js';
import { SkipRetry } from '../task/signals.js';
import type { TaskEvent } from '../task/task-event.js';
import { FakeClock } from '../testing/fake-clock.js';
import { TaskMetrics } from './task-metrics.js';

let registry: Registry;
let metrics: TaskMetrics;

beforeEach(() => {
  registry = new Registry();
  metrics = new TaskMetrics({ maxQueues: 2, maxTypes: 2 });
  metrics.register(registry);
});

afterEach(() => metrics.close());

/** The lines of metrics whose names begin with this. */
async function lines(start: string): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith(start));
}

const base = { id: '1', type: 'mail:send', queue: 'mail', at: new Date(0) };

describe('the events of a process', () => {
  it('become histograms of the wait and of the run, by outcome', async () => {
    const events: TaskEvent[] = [
      { ...base, kind: 'started', retried: 0, waitedMs: 40 },
      { ...base, kind: 'succeeded', durationMs: 2_000 },
      { ...base, kind: 'started', retried: 0, waitedMs: 4_000_000 },
      { ...base, kind: 'retried', durationMs: 3, error: 1, isFailure: true, nextProcessAt: new Date(0) },
    ];
    for (const event of events) metrics.listener(event);

    expect(await lines('asynq_task_wait_seconds_')).toEqual(
      expect.arrayContaining([
        'asynq_task_wait_seconds_bucket{le="0.025",queue="mail",type="mail:send"} 0',
        'asynq_task_wait_seconds_bucket{le="0.05",queue="mail",type="mail:send"} 1',
        'asynq_task_wait_seconds_bucket{le="1800",queue="mail",type="mail:send"} 1',
        'asynq_task_wait_seconds_bucket{le="+Inf",queue="mail",type="mail:send"} 2',
        'asynq_task_wait_seconds_sum{queue="mail",type="mail:send"} 4000.04',
        'asynq_task_wait_seconds_count{queue="mail",type="mail:send"} 2',
      ]),
    );
    expect(await lines('asynq_task_run_seconds_sum')).toEqual([
      'asynq_task_run_seconds_sum{queue="mail",type="mail:send",outcome="success"} 2',
      'asynq_task_run_seconds_sum{queue="mail",type="mail:send",outcome="retry"} 0.003',
    ]);
    expect(await lines('asynq_tasks_retried_total')).toEqual([
      'asynq_tasks_retried_total{queue="mail",type="mail:send"} 1',
    ]);
  });

  it('are counted by the reason of an archived task, and by queue when leases are lost', async () => {
    const other = { ...base, type: 'other' };
    const events: TaskEvent[] = [
      { ...base, kind: 'archived', durationMs: 1, error: 1, reason: 'skipRetry' },
      { ...base, kind: 'archived', durationMs: 1, error: 1, reason: 'exhausted' },
      { ...base, kind: 'recovered', crashes: 6, outcome: 'archived' },
      { ...base, kind: 'leaseLost', durationMs: 1 },
      { ...other, kind: 'leaseLost', durationMs: 1 },
    ];
    for (const event of events) metrics.listener(event);

    expect(await lines('asynq_tasks_archived_total{queue="mail",type="mail:send"')).toEqual([
      'asynq_tasks_archived_total{queue="mail",type="mail:send",reason="retries_exhausted"} 1',
      'asynq_tasks_archived_total{queue="mail",type="mail:send",reason="skip_retry"} 1',
      'asynq_tasks_archived_total{queue="mail",type="mail:send",reason="crashes"} 1',
    ]);
    expect(await lines('asynq_leases_lost_total')).toEqual(['asynq_leases_lost_total{queue="mail"} 2']);
    expect(await lines('asynq_tasks_recovered_total')).toEqual([
      'asynq_tasks_recovered_total{queue="mail",outcome="requeued"} 0',
      'asynq_tasks_recovered_total{queue="mail",outcome="archived"} 1',
    ]);
  });

  it('keep the names of the first queues and types only', async () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      metrics.listener({ ...base, queue: name, type: name, kind: 'succeeded', durationMs: 1 });
    }

    expect(await lines('asynq_task_run_seconds_count')).toEqual([
      'asynq_task_run_seconds_count{queue="a",type="a",outcome="success"} 1',
      'asynq_task_run_seconds_count{queue="b",type="b",outcome="success"} 1',
      'asynq_task_run_seconds_count{queue="other",type="other",outcome="success"} 2',
    ]);
  });

  it('of several connections have a label', async () => {
    metrics.listenerFor('billing')({ ...base, kind: 'succeeded', durationMs: 1 });
    metrics.listener({ ...base, kind: 'succeeded', durationMs: 1 });

    expect(await lines('asynq_task_run_seconds_count')).toEqual([
      'asynq_task_run_seconds_count{queue="mail",type="mail:send",outcome="success"} 1',
      'asynq_task_run_seconds_count{connection="billing",queue="mail",type="mail:send",outcome="success"} 1',
    ]);
  });

  it('that say nothing about attempts leave no series', async () => {
    metrics.listener({ ...base, kind: 'dropped' });
    metrics.listener({ ...base, kind: 'enqueued', state: 'pending', nextProcessAt: new Date(0) });

    expect(await lines('asynq_tasks_retried_total')).toEqual([]);
  });

  it('are forgotten when the registry is reset, and the metrics leave it at the end', async () => {
    metrics.listener({ ...base, kind: 'succeeded', durationMs: 1 });
    registry.resetMetrics();
    const afterReset = await lines('asynq_task_run_seconds');
    metrics.close();

    expect([afterReset, registry.getMetricsAsArray()]).toEqual([[], []]);
  });
});

it('measures the tasks of a server: how long they waited and ran, how many at once, and how they ended', async () => {
  const clock = new FakeClock();
  const broker = openBroker({ memory: randomUUID() }, { clock });
  const client = new Client({ connection: broker, logger: silentLogger });
  const seen: Promise<string[]>[] = [];
  const server = new Server({ connection: broker, concurrency: 3, onEvent: metrics.listener, logger: silentLogger });
  const stopWatching = metrics.watch(server);
  await client.enqueue('task', 'ok');
  await client.enqueue('task', 'bad');
  await clock.advance(3_000);

  await server.start(async (payload) => {
    seen.push(lines('asynq_workers_'));
    await clock.advance(200);
    if (payload === 'bad') throw new SkipRetry('never');
  });
  await expect.poll(() => lines('asynq_task_run_seconds_count')).toHaveLength(2);
  await server.shutdown();
  stopWatching();

  expect((await Promise.all(seen)).at(-1)).toEqual(['asynq_workers_busy 2', 'asynq_workers_limit 3']);
  expect(await lines('asynq_workers_limit')).toEqual(['asynq_workers_limit 0']);
  expect(await lines('asynq_task_wait_seconds_bucket{le="2.5"')).toEqual([
    'asynq_task_wait_seconds_bucket{le="2.5",queue="default",type="task"} 0',
  ]);
  expect(await lines('asynq_task_wait_seconds_count')).toEqual([
    'asynq_task_wait_seconds_count{queue="default",type="task"} 2',
  ]);
  expect(await lines('asynq_task_run_seconds_count')).toEqual(
    expect.arrayContaining([
      'asynq_task_run_seconds_count{queue="default",type="task",outcome="success"} 1',
      'asynq_task_run_seconds_count{queue="default",type="task",outcome="archived"} 1',
    ]),
  );
  expect(await lines('asynq_tasks_archived_total')).toContain(
    'asynq_tasks_archived_total{queue="default",type="task",reason="skip_retry"} 1',
  );
  const [batches] = await lines('asynq_fetch_batch_size_sum');
  expect(batches).toBe('asynq_fetch_batch_size_sum{queue="default"} 2');
  await client.close();
  await broker.close();
});

it.each([
  [{ maxTypes: 0 }, 'maxTypes'],
  [{ maxQueue: 5 }, 'maxQueue'],
])('refuses %j', (options, name) => {
  expect(() => new TaskMetrics(options as object)).toThrow(`"${name}"`);
});
