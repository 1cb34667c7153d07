import type { Context } from '../context.js';
import { agoCell, bytesCell } from '../output/cells.js';
import { goDuration } from '../output/go-duration.js';
import { compareText, table } from '../output/table.js';
import { type Cli, commandGroup, type Run, SEPARATOR } from './command.js';
import { scheduleCommands } from './cron-schedules.js';

interface HistoryFlags {
  readonly ids: string[];
  readonly page: number;
  readonly size: number;
}

export function cronCommands(cli: Cli, run: Run): Cli {
  return commandGroup(cli, 'cron', 'Manage periodic tasks', (group) =>
    scheduleCommands(group, run)
      .command(['list', 'ls'], 'List the entries of all schedulers', {}, run(list))
      .command(
        'history <ids..>',
        'Display the enqueue events of entries',
        (command) =>
          command
            .positional('ids', { type: 'string', array: true, demandOption: true, describe: 'Ids of entries' })
            .option('page', { type: 'number', default: 1, describe: 'Number of the page' })
            .option('size', { type: 'number', default: 30, describe: 'Events on a page' }),
        run(history),
      ),
  );
}

async function list(context: Context): Promise<void> {
  const entries = await context.inspector.schedulerEntries(context.partly);
  const sorted = entries.toSorted((one, other) => compareText(one.spec, other.spec));
  const nowMs = context.io.nowMs();
  context.show(sorted, () => {
    if (sorted.length === 0) return 'No scheduler entries';
    const rows = sorted.map((entry) => [
      entry.id,
      entry.spec,
      entry.taskType,
      bytesCell(entry.taskPayload),
      `[${entry.options.join(' ')}]`,
      nextCell(entry.nextEnqueueAt, nowMs),
      entry.prevEnqueueAt ? agoCell(entry.prevEnqueueAt, nowMs) : 'N/A',
    ]);
    return table(['EntryID', 'Spec', 'Type', 'Payload', 'Options', 'Next', 'Prev'], rows);
  });
}

function nextCell(nextAt: Date | undefined, nowMs: number): string {
  if (!nextAt) return 'N/A';
  const aheadMs = nextAt.getTime() - nowMs;
  return aheadMs < -500 ? 'Now' : `In ${goDuration(Math.max(0, aheadMs))}`;
}

async function history(context: Context, { ids, page, size }: HistoryFlags): Promise<void> {
  const histories = await context.readEach(ids, async (entryId) => ({
    entryId,
    events: await context.inspector.schedulerEvents(entryId, { page, size }),
  }));
  context.show(histories, () => histories.map(reportOf).join(SEPARATOR));
}

/** What an entry enqueued, and when. */
interface EnqueueEvent {
  readonly taskId: string;
  readonly enqueuedAt: Date;
}

function reportOf({ entryId, events }: { readonly entryId: string; readonly events: readonly EnqueueEvent[] }): string {
  if (events.length === 0) return `Entry: ${entryId}\n\nNo scheduler enqueue events found for entry: ${entryId}`;
  const rows = events.map(({ taskId, enqueuedAt }) => [taskId, utcCell(enqueuedAt)]);
  return `Entry: ${entryId}\n\n${table(['TaskID', 'EnqueuedAt'], rows)}`;
}

/** As Go prints a time: `2026-03-05 07:08:09.5 +0000 UTC`. */
function utcCell(date: Date): string {
  const [day, time = ''] = date.toISOString().split('T');
  return `${day} ${time.replace(/\.?0*Z$/, '')} +0000 UTC`;
}
