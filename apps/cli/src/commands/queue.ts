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
            .option('purge', { type: 'boolean', default: false, describe: 'Leave no key of the queue behind' }),
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
  const placed = await context.each(names, async (queue) => ({
    queue,
    slot: await context.inspector.clusterSlot(queue),
    nodes: await context.inspector.clusterNodes(queue),
  }));
  const rows = placed.map(({ queue, slot, nodes }) => [queue, slot, nodes.map(({ address }) => address).join(' ')]);
  context.show(placed, table(['Queue', 'Cluster KeySlot', 'Cluster Nodes'], rows));
}

async function inspect(context: Context, { queues: names }: QueueFlags): Promise<void> {
  const infos = await context.each(names, (name) => context.inspector.queueInfo(name));
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
    '',
    context.title('Task Count by State'),
    table(Object.keys(counts), [Object.values(counts)]),
    '',
    context.title(`Daily Stats ${utcDay(new Date(context.io.nowMs()))} UTC`),
    table(['processed', 'failed', 'error rate'], [today]),
  ].join('\n');
}

async function history(context: Context, { queues: names, days }: QueueFlags & { days: number }): Promise<void> {
  const histories = await context.each(names, async (queue) => ({
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

/** Without `--purge` completed tasks, groups, counters and a pause stay behind, as in asynq. */
async function remove(context: Context, { queues: names, force, purge }: RemoveFlags): Promise<void> {
  await change(context, names, 'removed', async (queue) => {
    try {
      // Refuses a queue with tasks unless forced; a purge alone would only mind those that run.
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
