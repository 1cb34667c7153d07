import { type QueueInfo, QueueNotEmptyError } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { errorRateCell, oneLine, utcDay } from '../output/cells.js';
import { watched } from '../output/progress.js';
import { table } from '../output/table.js';
import { type Cli, commandGroup, type Run, SEPARATOR } from './command.js';

interface QueueFlags {
  readonly queues: string[];
}

interface RemoveFlags extends QueueFlags {
  readonly force: boolean;
  readonly purge: boolean;
}

export function queueCommands(cli: Cli, run: Run): Cli {
  const some = (command: Cli) =>
    command.positional('queues', { type: 'string', array: true, demandOption: true, describe: 'Names of queues' });
  return commandGroup(cli, 'queue', 'Manage queues', (group) =>
    group
      .command(['list', 'ls'], 'List queues', {}, run(list))
      .command('inspect <queues..>', 'Display detailed information on queues', some, run(inspect))
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
            .option('purge', { type: 'boolean', default: false, describe: 'Delete every key of the queue' }),
        run(remove),
      ),
  );
}

async function list(context: Context): Promise<void> {
  const names = await context.inspector.queues();
  if (!context.isCluster) {
    if (names.length > 0 || context.isJson) context.show(names, names.map((name) => oneLine(name)).join('\n'));
    return;
  }
  const placed = await context.readEach(names, async (queue) => {
    const partitions = await context.inspector.partitions(queue);
    const place = await placeInCluster(context, queue);
    if (partitions.length === 0) return place;
    return { ...place, partitions: await Promise.all(partitions.map((name) => placeInCluster(context, name))) };
  });
  const rows = placed.flatMap((place) => [
    rowOf(place),
    ...('partitions' in place ? place.partitions.map((partition) => rowOf(partition, '  ')) : []),
  ]);
  context.show(placed, table(['Queue', 'Cluster KeySlot', 'Cluster Nodes'], rows));
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

async function inspect(context: Context, { queues: names }: QueueFlags): Promise<void> {
  const infos = await context.readEach(names, (name) => context.inspector.queueInfo(name));
  if (infos.length > 0) context.show(infos, infos.map((info) => queueReport(context, info)).join(SEPARATOR));
}

function queueReport(context: Context, info: QueueInfo): string {
  const { active, pending, aggregating, scheduled, retry, archived, completed } = info;
  const counts = { active, pending, aggregating, scheduled, retry, archived, completed };
  const today = [info.processedToday, info.failedToday, errorRateCell(info.processedToday, info.failedToday)];
  return [
    context.title('Queue Info'),
    `Name:   ${oneLine(info.queue)}`,
    `Size:   ${info.size}`,
    `Groups: ${info.groups}`,
    `Paused: ${info.isPaused}`,
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
  const reports = histories.map(({ queue, days }) => {
    const rows = days.map(({ day, processed, failed }) => [day, processed, failed, errorRateCell(processed, failed)]);
    return `Queue: ${oneLine(queue)}\n\n${table(['date (UTC)', 'processed', 'failed', 'error rate'], rows)}`;
  });
  context.show(histories, reports.join(SEPARATOR));
}

async function pause(context: Context, { queues: names }: QueueFlags): Promise<void> {
  await change(context, names, 'paused', async (queue) => {
    const isChanged = await context.inspector.pauseQueue(queue);
    if (!isChanged) throw new Error(`queue ${JSON.stringify(queue)} is already paused`);
  });
}

async function resume(context: Context, { queues: names }: QueueFlags): Promise<void> {
  await change(context, names, 'unpaused', async (queue) => {
    const isChanged = await context.inspector.unpauseQueue(queue);
    if (!isChanged) throw new Error(`queue ${JSON.stringify(queue)} is not paused`);
  });
}

/** Without `--purge` completed tasks, groups, counters and a pause are kept, as in asynq. */
async function remove(context: Context, { queues: names, force, purge }: RemoveFlags): Promise<void> {
  await change(context, names, 'removed', async (queue) => {
    try {
      // Refuses a queue with tasks unless forced; a purge alone would only refuse active ones.
      await watched(context, (watch) => context.inspector.deleteQueue(queue, { force, ...watch }));
    } catch (error) {
      if (!(error instanceof QueueNotEmptyError) || force) throw error;
      throw new Error(`${error.message}; --force removes it with its tasks`, { cause: error });
    }
    if (purge) await context.inspector.purgeQueue(queue);
  });
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
