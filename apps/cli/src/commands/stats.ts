import type { QueueInfo } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { errorRateCell, utcDay } from '../output/cells.js';
import { lengthOf, table } from '../output/table.js';
import type { Cli, Run } from './command.js';

export function statsCommand(cli: Cli, run: Run): Cli {
  return cli.command('stats', 'View the current state of tasks, queues and Redis', {}, run(stats));
}

async function stats(context: Context): Promise<void> {
  const names = await context.inspector.queues();
  const queues = await context.readEach(names, (name) => context.inspector.queueInfo(name, { memory: context.isJson }));
  const redis = await context.inspector.redisInfo();
  const now = new Date(context.io.nowMs());
  const aggregate = { ...sumOf(queues), timestamp: now };
  const { processed, failed, timestamp: _, ...byState } = aggregate;
  const titles = queues.map(queueTitle);
  const sections = [
    ['Task Count by State', table(Object.keys(byState), [Object.values(byState)], stateDashes(Object.values(byState)))],
    ['Task Count by Queue', table(titles, [queues.map(({ size }) => size)], Math.max(0, ...titles.map(lengthOf)))],
    [
      `Daily Stats ${utcDay(now)} UTC`,
      table(['processed', 'failed', 'error rate'], [[processed, failed, errorRateCell(processed, failed)]]),
    ],
    context.isCluster ? ['Redis Cluster Info', clusterTable(redis)] : ['Redis Info', serverTable(redis)],
  ] as const;
  const text = sections.map(([title, shown]) => `${context.title(title)}\n${shown}\n`).join('\n');
  context.show({ aggregate, queues: queues.map((info) => asGoPrints(info, now)), redis }, text);
}

function sumOf(queues: readonly QueueInfo[]) {
  const sum = (count: (info: QueueInfo) => number): number => queues.reduce((total, info) => total + count(info), 0);
  return {
    active: sum(({ active }) => active),
    pending: sum(({ pending }) => pending),
    aggregating: sum(({ aggregating }) => aggregating),
    scheduled: sum(({ scheduled }) => scheduled),
    retry: sum(({ retry }) => retry),
    archived: sum(({ archived }) => archived),
    completed: sum(({ completed }) => completed),
    processed: sum(({ processedToday }) => processedToday),
    failed: sum(({ failedToday }) => failedToday),
  };
}

/** Nine dashes under each state, more under large numbers. */
function stateDashes(counts: readonly number[]): number {
  return Math.max(9, ...counts.map(lengthOf));
}

function queueTitle({ queue, isPaused }: QueueInfo): string {
  return isPaused ? `${queue} (paused)` : queue;
}

function serverTable(redis: Readonly<Record<string, string>>): string {
  const titles = ['version', 'uptime', 'connections', 'memory usage', 'peak memory usage'];
  const uptime = `${redis['uptime_in_days'] ?? '?'} days`;
  const [memory, peak] = ['used_memory_human', 'used_memory_peak_human'].map((name) => `${redis[name] ?? '? '}B`);
  return table(titles, [[redis['redis_version'] ?? '?', uptime, redis['connected_clients'] ?? '?', memory!, peak!]]);
}

function clusterTable(cluster: Readonly<Record<string, string>>): string {
  const { cluster_state: state = '?', cluster_known_nodes: nodes = '?', cluster_size: size = '?' } = cluster;
  return table(['State', 'Known Nodes', 'Cluster Size'], [[state.toUpperCase(), nodes, size]]);
}

/** A queue under the names and in the units that `asynq stats --json` has, so that scripts work with both commands. */
function asGoPrints(info: QueueInfo, now: Date) {
  return {
    Queue: info.queue,
    MemoryUsage: info.memoryBytes ?? 0,
    Paused: info.isPaused,
    Size: info.size,
    Groups: info.groups,
    Pending: info.pending,
    Active: info.active,
    Scheduled: info.scheduled,
    Retry: info.retry,
    Archived: info.archived,
    Completed: info.completed,
    Aggregating: info.aggregating,
    Processed: info.processedToday,
    Failed: info.failedToday,
    ProcessedTotal: info.processedTotal,
    FailedTotal: info.failedTotal,
    Latency: Math.round(info.latencyMs * 1e6), // nanoseconds
    Timestamp: now,
  };
}
