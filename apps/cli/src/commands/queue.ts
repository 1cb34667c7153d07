import type { QueueInfo, QueueNotEmptyError, TaskInfo } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { Fleet, type QueueFlow } from '../doctor/queue-flow.js';
import { memoryCell } from '../output/bytes.js';
import { dateCell, errorRateCell, oneLine, utcDay } from '../output/cells.js';
import { goDuration } from '../output/go-duration.js';
import { StoppedError } from '../output/interrupt.js';
import { watched } from '../output/progress.js';
import { table } from '../output/table.js';
import { type Cli, commandGroup, countOf, queueName, type Run, SEPARATOR, toggle, YES } from './command.js';

interface QueueFlags {
  readonly queues: string[];
}

interface RemoveFlags extends QueueFlags {
  readonly force: boolean;
  readonly purge: boolean;
  readonly yes: boolean;
}

export function queueCommands(cli: Cli, run: Run): Cli {
  const some = (command: Cli) =>
    command.positional('queues', { ...queueName('Names of queues'), array: true, demandOption: true });
  return commandGroup(cli, 'queue', 'Manage queues', (group) =>
    group
      .command(['list', 'ls'], 'List queues', {}, run(list))
      .command(
        'inspect <queues..>',
        'Display detailed information on queues',
        (command) => some(command).option('exact', toggle('Measure the memory of every task, instead of a sample')),
        run(inspect),
      )
      .command(
        'history <queues..>',
        'Display processed and failed tasks by day',
        (command) =>
          some(command).option('days', { alias: 'x', type: 'number', default: 10, describe: 'Show the last x days' }),
        run(history),
      )
      .command('pause <queues..>', 'Pause queues', some, run(pause))
      .command(['resume <queues..>', 'unpause <queues..>'], 'Resume (unpause) queues', some, run(resume))
      .command(
        ['remove <queues..>', 'rm <queues..>', 'delete <queues..>'],
        'Remove queues',
        (command) =>
          some(command)
            .option('force', {
              alias: 'f',
              type: 'boolean',
              default: false,
              describe: 'Remove the queue with its tasks',
            })
            .option('purge', { type: 'boolean', default: false, describe: 'Delete every key of the queue' })
            .option('yes', YES),
        run(remove),
      ),
  );
}

async function list(context: Context): Promise<void> {
  const names = await context.inspector.queues();
  if (!context.isCluster) {
    if (names.length > 0 || context.isJson) context.show(names, () => names.map(oneLine).join('\n'));
    return;
  }
  const placed = await context.readEach(names, async (queue) => {
    const partitions = await context.inspector.partitions(queue);
    const place = await placeInCluster(context, queue);
    if (partitions.length === 0) return place;
    return { ...place, partitions: await Promise.all(partitions.map((name) => placeInCluster(context, name))) };
  });
  context.show(placed, () => {
    const rows = placed.flatMap((place) => [
      rowOf(place),
      ...('partitions' in place ? place.partitions.map((partition) => rowOf(partition, '  ')) : []),
    ]);
    return table(['Queue', 'Cluster KeySlot', 'Cluster Nodes'], rows);
  });
}

type Place = Awaited<ReturnType<typeof placeInCluster>>;

async function placeInCluster({ inspector }: Context, queue: string) {
  return { queue, slot: await inspector.clusterSlot(queue), nodes: await inspector.clusterNodes(queue) };
}

const rowOf = ({ queue, slot, nodes }: Place, indent = ''): (string | number)[] => [
  indent + queue,
  slot,
  nodes.map(({ address }) => address).join(' '),
];

interface InspectFlags extends QueueFlags {
  readonly exact: boolean;
}

/** A queue, and who works on it. */
interface InspectedQueue {
  readonly info: QueueInfo;
  readonly flow: QueueFlow;
  /** The task that runs next, and has probably waited for longest. */
  readonly next: TaskInfo | undefined;
}

async function inspect(context: Context, { queues: names, exact }: InspectFlags): Promise<void> {
  const { inspector } = context;
  const infos = await context.readEach(names, (name) => inspector.queueInfo(name, { memory: exact ? 'exact' : true }));
  if (infos.length === 0) return;
  const fleet = new Fleet(await inspector.servers(context.partly));
  const inspected = await context.readEach(
    infos.map(({ queue }) => queue),
    async (queue): Promise<InspectedQueue> => {
      const info = infos.find((one) => one.queue === queue)!;
      const [next] = info.pending > 0 ? await inspector.listTasks(queue, 'pending', { size: 1 }) : [];
      return { info, flow: fleet.flowOf(queue), next };
    },
  );
  const data = inspected.map(({ info, flow: { running, ...flow }, next }) => ({
    ...info,
    flow: { ...flow, running: running.length },
    next: next && { id: next.id, type: next.type },
  }));
  context.show(data, () => inspected.map((one) => queueReport(context, one)).join(SEPARATOR));
}

function queueReport(context: Context, { info, flow, next }: InspectedQueue): string {
  const { active, pending, aggregating, scheduled, retry, archived, completed } = info;
  const counts = { active, pending, aggregating, scheduled, retry, archived, completed };
  const today = [info.processedToday, info.failedToday, errorRateCell(info.processedToday, info.failedToday)];
  const { servers, slots, busySlots, running } = flow;
  return [
    context.title('Queue Info'),
    `Name:   ${oneLine(info.queue)}`,
    `Size:   ${info.size}`,
    `Groups: ${info.groups}`,
    `Paused: ${info.isPaused}`,
    ...(info.pausedAt ? [`Paused since: ${dateCell(info.pausedAt)}`] : []),
    ...(next ? [`Latency: ${goDuration(info.latencyMs)} (next: ${oneLine(next.id)}, ${oneLine(next.type)})`] : []),
    `Servers: ${servers} (${busySlots} of ${slots} slots busy, ${running.length} with this queue)`,
    ...(info.memoryBytes === undefined ? [] : [`Memory: ${memoryCell(info)}`]),
    ...info.wrongTypeKeys.map((key) => `Wrong type: ${oneLine(key)} (counts as empty; rename or delete it)`),
    '',
    context.title('Task Count by State'),
    table(Object.keys(counts), [Object.values(counts)]),
    ...(info.partitions ? ['', context.title('Partitions'), partitionTable(info.partitions)] : []),
    '',
    context.title(`Daily Stats ${utcDay(new Date(context.io.nowMs()))} UTC`),
    table(['processed', 'failed', 'error rate'], [today]),
  ].join('\n');
}

function partitionTable(partitions: readonly QueueInfo[]): string {
  const titles = ['partition', 'size', 'active', 'pending', 'scheduled', 'retry', 'archived', 'paused'];
  const rows = partitions.map((info) => [
    oneLine(info.queue),
    info.size,
    info.active,
    info.pending,
    info.scheduled,
    info.retry,
    info.archived,
    String(info.isPaused),
  ]);
  return table(titles, rows);
}

async function history(context: Context, { queues: names, days }: QueueFlags & { days: number }): Promise<void> {
  const histories = await context.readEach(names, async (queue) => ({
    queue,
    days: await context.inspector.dailyStats(queue, days),
  }));
  if (histories.length === 0) return;
  context.show(histories, () => {
    const reports = histories.map(({ queue, days }) => {
      const rows = days.map(({ day, processed, failed }) => [day, processed, failed, errorRateCell(processed, failed)]);
      return `Queue: ${oneLine(queue)}\n\n${table(['date (UTC)', 'processed', 'failed', 'error rate'], rows)}`;
    });
    return reports.join(SEPARATOR);
  });
}

async function pause(context: Context, { queues: names }: QueueFlags): Promise<void> {
  const known = await context.inspector.queues();
  await change(context, names, 'paused', async (queue) => {
    const isChanged = await context.inspector.pauseQueue(queue);
    if (!isChanged) throw new Error(`queue ${JSON.stringify(queue)} is already paused`);
    if (!known.some((name) => queue === name || queue.startsWith(`${name}:p`))) {
      context.warn(`no queue ${JSON.stringify(queue)} exists; it is paused if it ever comes to exist`);
    }
  });
}

async function resume(context: Context, { queues: names }: QueueFlags): Promise<void> {
  await change(context, names, 'unpaused', async (queue) => {
    const isChanged = await context.inspector.unpauseQueue(queue);
    if (!isChanged) throw new Error(`queue ${JSON.stringify(queue)} is not paused`);
  });
}

/** Without `--purge` completed tasks, groups, counters and a pause are kept, as in asynq. */
async function remove(context: Context, { queues: names, force, purge, yes }: RemoveFlags): Promise<void> {
  if (force || purge) await context.confirm(() => removalQuestion(context, names, purge), yes);
  await change(context, names, 'removed', async (queue) => {
    try {
      // Refuses a queue with tasks unless forced; a purge alone would only refuse active ones.
      await watched(context, (watch) => context.inspector.deleteQueue(queue, { force, ...watch }));
    } catch (error) {
      const { code, message } = error as QueueNotEmptyError;
      if (code !== 'QUEUE_NOT_EMPTY' || force) throw error;
      throw new Error(`${message}; --force removes it with its tasks`, { cause: error });
    }
    if (!purge) return;
    if (context.interrupt.isStopped) throw new StoppedError('stopped before the purge');
    await context.inspector.purgeQueue(queue);
  });
}

async function removalQuestion(context: Context, names: readonly string[], purge: boolean): Promise<string> {
  const infos = await context.readEach(names, (name) => context.inspector.queueInfo(name));
  const kept = purge ? 0 : infos.reduce((sum, { completed, aggregating }) => sum + completed + aggregating, 0);
  const count = infos.reduce((sum, { size }) => sum + size, 0) - kept;
  const queues = names.map((name) => JSON.stringify(name)).join(', ');
  return `Remove ${names.length === 1 ? 'queue' : 'queues'} ${queues} with ${countOf(count)}?`;
}

async function change(
  context: Context,
  names: readonly string[],
  done: string,
  action: (queue: string) => Promise<unknown>,
): Promise<void> {
  const changed = await context.each(names, async (queue) => {
    await action(queue);
    return queue;
  });
  const lines = changed.map((queue) => `Successfully ${done} queue ${JSON.stringify(queue)}`);
  if (changed.length > 0) context.show({ [done]: changed }, lines.join('\n'));
}
