import type { TaskFilter, TaskState } from '@nestjs-asynq/core';
import type { Context } from '../context.js';
import { type BulkWatch, watched } from '../output/progress.js';
import { checkGroup, type Cli, countOf, type Run, stateFlags, YES } from './command.js';
import { type Place, tryPlace } from './find-places.js';
import { sizeOf } from './task-list.js';

const RUN_STATES = ['scheduled', 'retry', 'archived', 'aggregating'] as const;
const ARCHIVE_STATES = ['pending', 'aggregating', 'scheduled', 'retry'] as const;
const DELETE_STATES = ['pending', 'aggregating', 'scheduled', 'retry', 'archived', 'completed'] as const;

interface BulkFlags<State extends string> {
  readonly queue: string;
  readonly state: State;
  readonly group: string | undefined;
  readonly yes: boolean;
}

/** The message with the number of tasks. */
const BULK_WORDS = { run: 'tasks are now pending', archive: 'tasks archived', delete: 'tasks deleted' } as const;
const BULK_VERBS = { run: 'Run', archive: 'Archive', delete: 'Delete' } as const;

export type BulkAction = keyof typeof BULK_WORDS;

export const BULK_ACTIONS = Object.keys(BULK_WORDS) as BulkAction[];

/** States whose tasks an action can be done on. */
export const STATES_OF: Readonly<Record<BulkAction, readonly TaskState[]>> = {
  run: RUN_STATES,
  archive: ARCHIVE_STATES,
  delete: DELETE_STATES,
};

export function bulkCommands(cli: Cli, run: Run): Cli {
  return cli
    .command(
      'runall',
      'Run all tasks in a state',
      (command) => stateFlags(command, RUN_STATES).option('yes', YES),
      run((context, flags: BulkFlags<(typeof RUN_STATES)[number]>) => {
        const { queue, state, group } = flags;
        return bulk(context, 'run', flags, (watch) => context.inspector.runAll(queue, state, { group, ...watch }));
      }),
    )
    .command(
      'archiveall',
      'Archive all tasks in a state',
      (command) => stateFlags(command, ARCHIVE_STATES).option('yes', YES),
      run((context, flags: BulkFlags<(typeof ARCHIVE_STATES)[number]>) => {
        const { queue, state, group } = flags;
        return bulk(context, 'archive', flags, (watch) =>
          context.inspector.archiveAll(queue, state, { group, ...watch }),
        );
      }),
    )
    .command(
      'deleteall',
      'Delete all tasks in a state',
      (command) => stateFlags(command, DELETE_STATES).option('yes', YES),
      run((context, flags: BulkFlags<(typeof DELETE_STATES)[number]>) => {
        const { queue, state, group } = flags;
        return bulk(context, 'delete', flags, (watch) =>
          context.inspector.deleteAll(queue, state, { group, ...watch }),
        );
      }),
    );
}

async function bulk(
  context: Context,
  action: BulkAction,
  { queue, state, group, yes }: BulkFlags<TaskState>,
  work: (watch: BulkWatch) => Promise<number>,
): Promise<void> {
  checkGroup(state, group);
  await context.confirm(async () => {
    const count = await sizeOf(context, queue, state, group);
    const place = group === undefined ? `queue ${JSON.stringify(queue)}` : `group ${JSON.stringify(group)}`;
    return `${BULK_VERBS[action]} ${countOf(count, `${state} task`)} of ${place}?`;
  }, yes);
  const count = await watched(context, work);
  context.show({ count }, `${count} ${BULK_WORDS[action]}`);
}

interface MatchesRequest {
  readonly filter: Omit<TaskFilter, 'queue' | 'state'>;
  readonly places: readonly Place[];
  /** Only counts them. */
  readonly isDryRun: boolean;
  /** A person is not asked. */
  readonly isSure: boolean;
}

/**
 * Acts on all tasks that match in these lists. A person is asked first, with their number. A list on which that fails is
 * reported, and left out from then on.
 */
export async function actOnMatches(
  context: Context,
  action: BulkAction,
  { filter, places, isDryRun, isSure }: MatchesRequest,
): Promise<void> {
  const able = new Set(places);
  const work = (dryRun: boolean) =>
    watched(context, async ({ signal, onProgress }) => {
      let count = 0;
      const sum = { done: 0, total: 0 };
      for (const place of able) {
        signal.throwIfAborted();
        let own = { done: 0, total: 0 };
        const options = {
          dryRun,
          signal,
          onProgress(progress: typeof own) {
            own = progress;
            onProgress({ done: sum.done + own.done, total: sum.total + own.total });
          },
        };
        const act = () => actIn(context, action, { ...filter, ...place }, options);
        const howFar = () => (own.done > 0 ? `, after ${own.done} of ${own.total} tasks` : '');
        const acted = await tryPlace(context, place, act, howFar);
        if (acted === undefined) able.delete(place);
        count += acted ?? 0;
        sum.done += own.done;
        sum.total += own.total;
      }
      return count;
    });
  if (!isDryRun) {
    await context.confirm(async () => `${BULK_VERBS[action]} ${countOf(await work(true), 'matching task')}?`, isSure);
  }
  const count = await work(isDryRun);
  context.show({ count, dryRun: isDryRun }, isDryRun ? `${count} tasks match` : `${count} ${BULK_WORDS[action]}`);
}

function actIn(
  { inspector }: Context,
  action: BulkAction,
  filter: TaskFilter,
  options: BulkWatch & { readonly dryRun: boolean },
): Promise<number> {
  switch (action) {
    case 'run':
      return inspector.runMatching(filter, options);
    case 'archive':
      return inspector.archiveMatching(filter, options);
    case 'delete':
      return inspector.deleteMatching(filter, options);
  }
}
