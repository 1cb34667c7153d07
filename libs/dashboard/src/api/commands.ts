import type { TaskState } from './queues.js';
import type { SearchFilter } from './search.js';

/** The `asynq` commands that do what the screens and their buttons do. Flags of the connection are left out. */
export const commands = {
  overview: () => 'asynq stats',
  queues: () => 'asynq queue ls',
  queue: (queue: string) => line('queue', 'inspect', queue),
  history: (queue: string, days: number) => line('queue', 'history', queue, '--days', String(days)),
  pauseQueue: (queue: string) => line('queue', 'pause', queue),
  resumeQueue: (queue: string) => line('queue', 'resume', queue),
  deleteQueue: (queue: string, force = false) => line('queue', 'rm', queue, ...(force ? ['--force'] : [])),
  purgeQueue: (queue: string) => line('queue', 'rm', queue, '--purge'),
  /** Tasks in groups are listed group by group: without one, the groups are. */
  tasks: (queue: string, state: TaskState, group?: string): string =>
    state === 'aggregating' && group === undefined
      ? commands.groups(queue)
      : line('task', 'ls', ...flag('--queue', queue), ...flag('--state', state), ...flag('--group', group)),
  task: (queue: string, id: string) => line('task', 'inspect', ...flag('--queue', queue), ...flag('--id', id)),
  runTask: (queue: string, id: string) => line('task', 'run', ...flag('--queue', queue), ...flag('--id', id)),
  archiveTask: (queue: string, id: string) => line('task', 'archive', ...flag('--queue', queue), ...flag('--id', id)),
  deleteTask: (queue: string, id: string) => line('task', 'delete', ...flag('--queue', queue), ...flag('--id', id)),
  groups: (queue: string): string => line('group', 'ls', ...flag('--queue', queue)),
  servers: () => 'asynq server ls',
  schedules: () => 'asynq cron ls',
  scheduleHistory: (entry: string) => line('cron', 'history', entry),
  /**
   * The command searches one queue or all, and one state or all: `undefined` when the filter names several, and for an
   * action on everything.
   */
  search: (filter: SearchFilter, action?: 'run' | 'archive' | 'delete'): string | undefined => {
    const [queue, ...queues] = filter.queue ?? [];
    const [state, ...states] = filter.state ?? [];
    if (queues.length > 0 || states.length > 0) return undefined;
    const conditions = Object.values(filter).flat();
    if (action !== undefined && conditions.every((condition) => condition === undefined)) return undefined;
    return line(
      ...['task', 'find', ...flag('--queue', queue), ...flag('--state', state), ...flag('--group', filter.group)],
      ...flag('--text', filter.text),
      ...flag('--type_name', filter.type),
      ...flag('--id_prefix', filter.id),
      ...flag('--payload_contains', filter.payload),
      ...flag('--error_contains', filter.error),
      ...(filter.header ?? []).flatMap((header) => flag('--header', header)),
      ...flag('--from', timeOf(filter.fromMs)),
      ...flag('--to', timeOf(filter.toMs)),
      ...(action === undefined ? [] : [`--${action}`]),
    );
  },
} as const;

const line = (...words: readonly string[]): string => ['asynq', ...words.map(quote)].join(' ');

/** One word, so that a value may begin with a dash. */
const flag = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [`${name}=${value}`]);

const timeOf = (atMs: number | undefined): string | undefined =>
  atMs === undefined ? undefined : new Date(atMs).toISOString();

/** As a POSIX shell reads it back. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
