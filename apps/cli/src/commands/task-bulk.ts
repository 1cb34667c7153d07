import type { Context } from '../context.js';
import { type BulkWatch, watched } from '../output/progress.js';
import { checkGroup, type Cli, type Run, stateFlags } from './command.js';

const RUN_STATES = ['scheduled', 'retry', 'archived', 'aggregating'] as const;
const ARCHIVE_STATES = ['pending', 'aggregating', 'scheduled', 'retry'] as const;
const DELETE_STATES = ['pending', 'aggregating', 'scheduled', 'retry', 'archived', 'completed'] as const;

interface BulkFlags<State extends string> {
  readonly queue: string;
  readonly state: State;
  readonly group: string | undefined;
}

/** The action on a task, and the message with their count. */
export const BULK_WORDS = { run: 'tasks are now pending', archive: 'tasks archived', delete: 'tasks deleted' } as const;

export type BulkAction = keyof typeof BULK_WORDS;

export function bulkCommands(cli: Cli, run: Run): Cli {
  return cli
    .command(
      'runall',
      'Run all tasks in a state',
      (command) => stateFlags(command, RUN_STATES),
      run((context, { queue, state, group }: BulkFlags<(typeof RUN_STATES)[number]>) => {
        checkGroup(state, group);
        return bulk(context, 'run', (watch) => context.inspector.runAll(queue, state, { group, ...watch }));
      }),
    )
    .command(
      'archiveall',
      'Archive all tasks in a state',
      (command) => stateFlags(command, ARCHIVE_STATES),
      run((context, { queue, state, group }: BulkFlags<(typeof ARCHIVE_STATES)[number]>) => {
        checkGroup(state, group);
        return bulk(context, 'archive', (watch) => context.inspector.archiveAll(queue, state, { group, ...watch }));
      }),
    )
    .command(
      'deleteall',
      'Delete all tasks in a state',
      (command) => stateFlags(command, DELETE_STATES),
      run((context, { queue, state, group }: BulkFlags<(typeof DELETE_STATES)[number]>) => {
        checkGroup(state, group);
        return bulk(context, 'delete', (watch) => context.inspector.deleteAll(queue, state, { group, ...watch }));
      }),
    );
}

async function bulk(context: Context, action: BulkAction, work: (watch: BulkWatch) => Promise<number>): Promise<void> {
  const count = await watched(context, work);
  context.show({ count }, `${count} ${BULK_WORDS[action]}`);
}
