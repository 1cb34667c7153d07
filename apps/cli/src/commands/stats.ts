import type { QueueInfo } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { Fleet } from '../doctor/queue-flow.js';
import { agoCell, errorRateCell, utcDay } from '../output/cells.js';
import { goDuration } from '../output/go-duration.js';
import { lengthOf, table } from '../output/table.js';
import type { Cli, Run } from './command.js';

/** Queues that are read at a time: the replies of thousands would fill the memory. */
const AT_ONCE = 250;
/** A wider line of queues becomes a list. */
const WIDEST_LINE = 400;

export function statsCommand(cli: Cli, run: Run): Cli {
  return cli.command('stats', 'View the current state of tasks, queues and Redis', {}, run(stats));
}

async function stats(context: Context): Promise<void> {
  const names = await context.inspector.queues();
  const queues: QueueInfo[] = [];
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const read = (name: string) => context.inspector.queueInfo(name, { memory: context.isJson });
    queues.push(...(await context.readEach(names.slice(at, at + AT_ONCE), read)));
  }
  const redis = await context.inspector.redisInfo();
  const now = new Date(context.io.nowMs());
  const aggregate = { ...sumOf(queues), timestamp: now };
  const fleet = context.isJson ? undefined : new Fleet(await context.inspector.servers(context.partly));
  context.show({ aggregate, queues: queues.map((info) => asGoPrints(info, now)), redis }, () =>
    statsText(context, { queues, redis, now, aggregate, fleet: fleet! }),
  );
}

interface Stats {
  readonly queues: readonly QueueInfo[];
  readonly redis: Readonly<Record<string, string>>;
  readonly now: Date;
  readonly aggregate: ReturnType<typeof sumOf> & { readonly timestamp: Date };
  readonly fleet: Fleet;
}

function statsText(context: Context, { queues, redis, now, aggregate, fleet }: Stats): string {
  const { processed, failed, timestamp: _, ...byState } = aggregate;
  const counts = Object.values(byState);
  const sections = [
    ['Task Count by State', table(Object.keys(byState), [counts], { dashes: stateDashes(counts) })],
    ['Task Count by Queue', sizesOf(queues, context.columns ?? WIDEST_LINE)],
    ...(queues.length === 0 ? [] : [['Flow by Queue', flowTable(queues, fleet, now.getTime())] as const]),
    [
      `Daily Stats ${utcDay(now)} UTC`,
      table(['processed', 'failed', 'error rate'], [[processed, failed, errorRateCell(processed, failed)]]),
    ],
    context.isCluster ? ['Redis Cluster Info', clusterTable(redis)] : ['Redis Info', serverTable(redis)],
  ] as const;
  return sections.map(([title, shown]) => `${context.title(title)}\n${shown}\n`).join('\n');
}

/** A column for each queue, as in asynq; a line for each where that would be too wide. */
function sizesOf(queues: readonly QueueInfo[], width: number): string {
  const titles = queues.map(queueTitle);
  const dashes = Math.max(0, ...titles.map(lengthOf));
  if (queues.length * (dashes + 2) <= width) return table(titles, [queues.map(({ size }) => size)], { dashes });
  return table(
    ['queue', 'size'],
    queues.map((info, nth) => [titles[nth]!, info.size]),
  );
}

/** How work flows: how long the next task waits, and who works. */
function flowTable(queues: readonly QueueInfo[], fleet: Fleet, nowMs: number): string {
  const rows = queues.map(({ queue, latencyMs, pausedAt, isPaused }) => {
    const { servers, slots, busySlots } = fleet.flowOf(queue);
    const paused = pausedAt ? agoCell(pausedAt, nowMs) : isPaused ? 'yes' : '-';
    return [queue, goDuration(latencyMs), servers, `${busySlots}/${slots}`, paused];
  });
  return table(['queue', 'latency', 'servers', 'busy slots', 'paused'], rows);
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
