import type { QueueInfo } from '../inspector/queue-info.js';
import type { FamilyHead, Labels, Sample } from './metric-family.js';
import type { QueueReading } from './queue-reader.js';

/** A metric of what is stored, and how it is taken from a reading. */
interface QueueFamily extends FamilyHead {
  readonly samples: (reading: QueueReading) => Sample[];
}

/** Redis has the same figures for every process: workers of prom-client's cluster mode report them as one. */
const AGGREGATOR = 'max';

/** As in asynq's exporter, which leaves `aggregating` out. */
const STATES = ['active', 'pending', 'scheduled', 'retry', 'archived', 'completed'] as const;

function perQueue(
  name: string,
  type: FamilyHead['type'],
  help: string,
  samples: (info: QueueInfo) => { readonly labels?: Labels; readonly value: number | undefined }[],
): QueueFamily {
  return {
    name,
    type,
    help,
    aggregator: AGGREGATOR,
    samples: ({ connection, queues }) =>
      queues.flatMap((info) =>
        samples(info).flatMap(({ labels, value }) =>
          value === undefined ? [] : [{ labels: { ...labelsOf(connection), queue: info.queue, ...labels }, value }],
        ),
      ),
  };
}

const one = (value: number | undefined) => [{ value }];

/** Names, labels and help texts of asynq's `x/metrics`, so that dashboards and alerts fit both. */
export const FAMILIES_OF_ASYNQ: readonly QueueFamily[] = [
  perQueue('asynq_tasks_enqueued_total', 'gauge', 'Number of tasks enqueued; broken down by queue and state.', (info) =>
    STATES.map((state) => ({ labels: { state }, value: info[state] })),
  ),
  perQueue('asynq_queue_size', 'gauge', 'Number of tasks in a queue', ({ size }) => one(size)),
  perQueue(
    'asynq_queue_latency_seconds',
    'gauge',
    'Number of seconds the oldest pending task is waiting in pending state to be processed.',
    ({ latencyMs }) => one(latencyMs / 1_000),
  ),
  perQueue(
    'asynq_queue_memory_usage_approx_bytes',
    'gauge',
    'Number of memory used by a given queue (approximated number by sampling).',
    ({ memoryBytes }) => one(memoryBytes),
  ),
  perQueue(
    'asynq_tasks_processed_total',
    'counter',
    'Number of tasks processed (both succeeded and failed); broken down by queue',
    ({ processedTotal }) => one(processedTotal),
  ),
  perQueue('asynq_tasks_failed_total', 'counter', 'Number of tasks failed; broken down by queue', ({ failedTotal }) =>
    one(failedTotal),
  ),
  perQueue('asynq_queue_paused_total', 'gauge', 'Number of queues paused', ({ isPaused }) => one(isPaused ? 1 : 0)),
];

function perReading(name: string, help: string, samples: (reading: QueueReading) => Sample[]): QueueFamily {
  return { name, type: 'gauge', help, aggregator: AGGREGATOR, samples };
}

/** What asynq's exporter lacks. */
export const OWN_FAMILIES: readonly QueueFamily[] = [
  perQueue('asynq_queue_aggregating', 'gauge', 'Tasks that wait in groups.', ({ aggregating }) => one(aggregating)),
  perReading('asynq_servers', 'Servers that fetch from the queue, of all processes.', serversByQueue),
  perReading(
    'asynq_queue_longest_run_seconds',
    'How long the task of the queue has been running that runs longest; 0 when none runs.',
    longestRuns,
  ),
  perReading(
    'asynq_scheduler_last_tick_timestamp_seconds',
    'When a stored schedule fired last, unix time.',
    ({ connection, schedules = [] }) =>
      schedules.flatMap(({ queue, name, lastFiredAt }) =>
        lastFiredAt ? [{ labels: { ...labelsOf(connection), queue, name }, value: lastFiredAt.getTime() / 1_000 }] : [],
      ),
  ),
  perReading(
    'asynq_scheduler_next_tick_timestamp_seconds',
    'When a stored schedule that is not paused is to fire after its last tick, unix time; in the past when the tick was missed.',
    ({ connection, schedules = [] }) =>
      schedules.flatMap(({ queue, name, isPaused, dueAt }) =>
        dueAt && !isPaused
          ? [{ labels: { ...labelsOf(connection), queue, name }, value: dueAt.getTime() / 1_000 }]
          : [],
      ),
  ),
  perReading('asynq_queues_omitted', 'Queues without metrics, because there are more than the limit.', (reading) => [
    { labels: labelsOf(reading.connection), value: reading.omitted },
  ]),
  perReading(
    'asynq_scrape_success',
    '1 when everything that was asked for has been read, 0 when a part is missing.',
    (reading) => [{ labels: labelsOf(reading.connection), value: reading.isComplete ? 1 : 0 }],
  ),
  perReading('asynq_scrape_duration_seconds', 'How long the last reading took.', (reading) => [
    { labels: labelsOf(reading.connection), value: reading.tookMs / 1_000 },
  ]),
];

function labelsOf(connection: string | undefined): Labels {
  return connection === undefined ? {} : { connection };
}

/** Also 0, for an alert: of each queue that was read. */
function serversByQueue({ connection, queues, servers }: QueueReading): Sample[] {
  if (!servers) return [];
  const active = servers.filter(({ status }) => status === 'active');
  return queues.map(({ queue }) => ({
    labels: { ...labelsOf(connection), queue },
    value: active.filter((server) => queue in server.queues).length,
  }));
}

function longestRuns({ connection, queues, servers, nowMs }: QueueReading): Sample[] {
  if (!servers) return [];
  const longest = new Map(queues.map(({ queue }) => [queue, 0]));
  for (const { queue, startedAt } of servers.flatMap(({ workers }) => workers)) {
    const known = longest.get(queue);
    if (known !== undefined) longest.set(queue, Math.max(known, (nowMs - startedAt.getTime()) / 1_000));
  }
  return [...longest].map(([queue, value]) => ({ labels: { ...labelsOf(connection), queue }, value }));
}
