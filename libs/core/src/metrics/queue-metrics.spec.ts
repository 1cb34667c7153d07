import { randomUUID } from 'node:crypto';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openBroker } from '../broker/open-broker.js';
import { Client } from '../client/client.js';
import { RedisCommandError } from '../errors/redis-command.error.js';
import { Inspector } from '../inspector/inspector.js';
import { silentLogger } from '../runtime/logger.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { Server } from '../server/server.js';
import { SteppingClock } from '../test-support/stepping-clock.js';
import { QueueMetrics, type QueueMetricsSetup } from './queue-metrics.js';

let clock: SteppingClock;
let broker: ReturnType<typeof openBroker>;
let client: Client;
let inspector: Inspector;
let registry: Registry;

beforeEach(() => {
  clock = new SteppingClock();
  broker = openBroker({ memory: randomUUID() }, { clock });
  client = new Client({ connection: broker, logger: silentLogger });
  inspector = new Inspector({ connection: broker, logger: silentLogger });
  registry = new Registry();
});

afterEach(async () => {
  await inspector.close();
  await client.close();
  await broker.close();
});

function register(setup: Partial<QueueMetricsSetup> = {}): QueueMetrics {
  const metrics = new QueueMetrics({ connections: [{ inspector }], logger: silentLogger, clock, ...setup });
  metrics.register(registry);
  return metrics;
}

/** The lines of metrics whose names begin with this. */
async function lines(start: string): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line.startsWith(start));
}

describe('the metrics of queues', () => {
  it("have asynq's names, types, labels and help texts", async () => {
    await client.enqueue('t', 1, { queue: 'mail' });
    await client.enqueue('t', 1, { queue: 'mail', processIn: '1h' });
    await inspector.pauseQueue('mail');
    await clock.advance(2_500);
    register();

    expect(await lines('asynq_tasks_enqueued_total')).toEqual(
      ['active} 0', 'pending} 1', 'scheduled} 1', 'retry} 0', 'archived} 0', 'completed} 0'].map((state) =>
        `asynq_tasks_enqueued_total{queue="mail",state="${state}`.replace('} ', '"} '),
      ),
    );
    expect(await lines('asynq_queue_latency_seconds')).toEqual(['asynq_queue_latency_seconds{queue="mail"} 2.5']);
    expect(await lines('asynq_queue_paused_total')).toEqual(['asynq_queue_paused_total{queue="mail"} 1']);
    expect(await lines('# TYPE asynq_tasks_enqueued_total')).toEqual(['# TYPE asynq_tasks_enqueued_total gauge']);
    expect(await lines('# TYPE asynq_tasks_processed_total')).toEqual(['# TYPE asynq_tasks_processed_total counter']);
    expect(await lines('# HELP asynq_tasks_failed_total')).toEqual([
      '# HELP asynq_tasks_failed_total Number of tasks failed; broken down by queue',
    ]);
  });

  it('count completed tasks in the size, and the attempts of all days, as asynq does', async () => {
    await client.enqueue('t', 1, { retention: '1h' });
    const server = new Server({ connection: broker, logger: silentLogger });
    await server.start(() => undefined);
    await expect.poll(async () => (await inspector.queueInfo('default')).completed).toBe(1);
    await server.shutdown();
    await client.enqueue('t', 1);
    register();

    expect(await lines('asynq_queue_size')).toEqual(['asynq_queue_size{queue="default"} 2']);
    expect(await lines('asynq_tasks_processed_total')).toEqual(['asynq_tasks_processed_total{queue="default"} 1']);
  });

  it('of a partitioned queue are one series', async () => {
    const spread = new Client({ connection: broker, partitions: { wide: 4 }, logger: silentLogger });
    for (let i = 0; i < 10; i++) await spread.enqueue('t', i, { queue: 'wide' });
    register();

    expect(await lines('asynq_queue_size')).toEqual(['asynq_queue_size{queue="wide"} 10']);
    await spread.close();
  });

  it('name servers, the longest run and the ticks of schedules', async () => {
    let end: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (end = resolve));
    const server = new Server({ connection: broker, queues: { mail: 1 }, logger: silentLogger });
    await client.enqueue('t', 1, { queue: 'mail' });
    await client.enqueue('t', 1, { queue: 'unserved' });
    await server.start(() => held);
    const scheduler = new Scheduler({ connection: broker, logger: silentLogger });
    scheduler.register('@every 1h', 't', undefined, { name: 'hourly', queue: 'mail' });
    await scheduler.start();
    await clock.advance('61m');
    register();

    await expect
      .poll(() => lines('asynq_servers'))
      .toEqual(['asynq_servers{queue="mail"} 1', 'asynq_servers{queue="unserved"} 0']);
    const [run] = await lines('asynq_queue_longest_run_seconds{queue="mail"}');
    expect(Number(run!.split(' ')[1])).toBeGreaterThan(3_600);
    const [[last], [next]] = await Promise.all([
      lines('asynq_scheduler_last_tick_timestamp_seconds{queue="mail",name="hourly"}'),
      lines('asynq_scheduler_next_tick_timestamp_seconds{queue="mail",name="hourly"}'),
    ]);
    expect(Number(next!.split(' ')[1]) - Number(last!.split(' ')[1])).toBe(3_600);
    end();
    await scheduler.shutdown();
    await server.shutdown();
  });
});

describe('a scrape', () => {
  it('shares one reading with others at the same time and within the interval', async () => {
    await client.enqueue('t', 1);
    const read = vi.spyOn(inspector, 'queueInfo');
    register();

    await Promise.all([registry.metrics(), registry.metrics()]);
    await clock.advance(4_900);
    await registry.metrics();
    const before = read.mock.calls.length;
    await clock.advance(200);
    await registry.metrics();

    expect([before, read.mock.calls.length]).toEqual([1, 2]);
  });

  it('lacks the queue that cannot be read, and nothing else, and says so', async () => {
    for (const queue of ['good', 'sick', 'fine']) await client.enqueue('t', 1, { queue });
    const broken = new RedisCommandError('queue-stats', true, { cause: new Error('the node is away') });
    const info = inspector.queueInfo.bind(inspector);
    vi.spyOn(inspector, 'queueInfo').mockImplementation((queue, options) =>
      queue === 'sick' ? Promise.reject(broken) : info(queue, options),
    );
    const warn = vi.fn<(message: string) => void>();
    register({ logger: { ...silentLogger, warn } });

    expect(await lines('asynq_queue_size')).toEqual([
      'asynq_queue_size{queue="fine"} 1',
      'asynq_queue_size{queue="good"} 1',
    ]);
    expect(await lines('asynq_scrape_success')).toEqual(['asynq_scrape_success 0']);
    expect(warn).toHaveBeenCalledExactlyOnceWith('the metrics lack queue "sick"', { error: broken });
  });

  it('does not wait for Redis forever', async () => {
    vi.spyOn(inspector, 'servers').mockReturnValue(new Promise(() => undefined));
    await client.enqueue('t', 1);
    register({ timeout: '20ms' });

    expect(await lines('asynq_queue_size')).toHaveLength(1);
    expect(await lines('asynq_scrape_success')).toEqual(['asynq_scrape_success 0']);
  });

  it('is complete although a queue was removed meanwhile', async () => {
    vi.spyOn(inspector, 'queues').mockResolvedValue(['gone']);
    register();

    expect(await lines('asynq_scrape_success')).toEqual(['asynq_scrape_success 1']);
  });

  it('shows the first queues by name, and counts the others', async () => {
    for (const queue of ['c', 'a', 'b']) await client.enqueue('t', 1, { queue });
    register({ maxQueues: 2 });

    expect(await lines('asynq_queue_size')).toEqual(['asynq_queue_size{queue="a"} 1', 'asynq_queue_size{queue="b"} 1']);
    expect(await lines('asynq_queues_omitted')).toEqual(['asynq_queues_omitted 1']);
  });

  it('asks for no memory, servers or schedules unless they are wanted', async () => {
    const [servers, schedules] = [vi.spyOn(inspector, 'servers'), vi.spyOn(inspector, 'schedules')];
    const info = vi.spyOn(inspector, 'queueInfo');
    await client.enqueue('t', 1);
    register({ servers: false, schedules: false });

    expect(await lines('asynq_servers')).toEqual([]);
    expect([servers, schedules].map(({ mock }) => mock.calls)).toEqual([[], []]);
    expect(info).toHaveBeenCalledWith('default', { memory: false });
  });
});

describe('several connections', () => {
  it('are told apart by a label', async () => {
    await client.enqueue('t', 1);
    register({
      connections: [
        { inspector, name: 'main' },
        { inspector, name: 'billing' },
      ],
    });

    expect(await lines('asynq_queue_size')).toEqual([
      'asynq_queue_size{connection="main",queue="default"} 1',
      'asynq_queue_size{connection="billing",queue="default"} 1',
    ]);
  });

  it.each([[[]], [[{ name: 'no inspector' }]], ['inspector']])('must be told apart: %j', (connections) => {
    expect(() => register({ connections: connections as never })).toThrow('"connections"');
  });

  it('need names', () => {
    expect(() => register({ connections: [{ inspector }, { inspector }] })).toThrow('"connections"');
  });
});

it('leaves the registry at the end', () => {
  register().close();

  expect(registry.getMetricsAsArray()).toEqual([]);
});

it.each([
  [{ cacheFor: '-1s' }, 'cacheFor'],
  [{ memory: 1 }, 'memory'],
  [{ maxQueue: 5 }, 'maxQueue'],
])('refuses %j', (options, name) => {
  expect(() => register(options as object)).toThrow(`"${name}"`);
});
