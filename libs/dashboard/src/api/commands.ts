import type { TaskState } from './queues.js';
import { MATCHING_STATES } from './allowed-states.js';
import type { SearchFilter } from './search.js';

type Command = string | undefined;

/**
 * The `asynq` commands that do what the screens and their buttons do. Flags of the connection are left out. `undefined`: no
 * command does it.
 */
export const commands = {
  overview: () => 'asynq stats',
  queues: () => 'asynq queue ls',
  queue: (queue: string) => line('queue', 'inspect', ...names(queue)),
  history: (queue: string, days: number) => line('queue', 'history', ...flag('--days', String(days)), ...names(queue)),
  pauseQueue: (queue: string) => commands.pauseQueues([queue]),
  resumeQueue: (queue: string) => commands.resumeQueues([queue]),
  pauseQueues: (queues: readonly string[]): Command => line('queue', 'pause', ...names(...queues)),
  resumeQueues: (queues: readonly string[]): Command => line('queue', 'resume', ...names(...queues)),
  deleteQueue: (queue: string, force = false) => line('queue', 'rm', ...(force ? ['--force'] : []), ...names(queue)),
  purgeQueue: (queue: string) => line('queue', 'rm', '--purge', ...names(queue)),
  /** Tasks in groups are listed group by group: without one, the groups are. */
  tasks: (queue: string, state: TaskState, group?: string): Command =>
    state === 'aggregating' && group === undefined
      ? commands.groups(queue)
      : line('task', 'ls', ...flag('--queue', queue), ...flag('--state', state), ...flag('--group', group)),
  task: (queue: string, id: string) => line('task', 'inspect', ...flag('--queue', queue), ...flag('--id', id)),
  runTask: (queue: string, id: string) => line('task', 'run', ...flag('--queue', queue), ...flag('--id', id)),
  archiveTask: (queue: string, id: string) => line('task', 'archive', ...flag('--queue', queue), ...flag('--id', id)),
  deleteTask: (queue: string, id: string) => line('task', 'delete', ...flag('--queue', queue), ...flag('--id', id)),
  groups: (queue: string): Command => line('group', 'ls', ...flag('--queue', queue)),
  servers: () => 'asynq server ls',
  schedules: () => 'asynq cron ls',
  scheduleHistory: (entry: string) => line('cron', 'history', ...names(entry)),
  /** The command refuses an action on everything, and there is none for a filter that no task can match. */
  search: (filter: SearchFilter, action?: 'run' | 'archive' | 'delete'): Command => {
    const states = statesOf(filter, action);
    const conditions = Object.values(filter).flat();
    if (states?.length === 0) return undefined;
    if (action !== undefined && conditions.every((condition) => condition === undefined)) return undefined;
    return line(
      ...['task', 'find', ...flags('--queue', filter.queue), ...flags('--state', states)],
      ...flag('--group', filter.group),
      ...flag('--text', filter.text),
      ...flag('--type_name', filter.type),
      ...flag('--id_prefix', filter.id),
      ...flag('--payload_contains', filter.payload),
      ...flag('--error_contains', filter.error),
      ...flags('--header', filter.header),
      ...flag('--from', timeOf(filter.fromMs)),
      ...flag('--to', timeOf(filter.toMs)),
      ...(action === undefined ? [] : [`--${action}`]),
    );
  },
} as const;

/** The states that can match, where the filter names some: the command refuses others. */
function statesOf(
  { state, group, fromMs, toMs }: SearchFilter,
  action: keyof typeof MATCHING_STATES | undefined,
): readonly TaskState[] | undefined {
  const isTimed = fromMs !== undefined || toMs !== undefined;
  return state?.filter(
    (one) =>
      !(one === 'active' && isTimed) &&
      (group === undefined || one === 'aggregating') &&
      (action === undefined || MATCHING_STATES[action].includes(one)),
  );
}

/** No program can be given a word with a zero byte. */
function line(...words: readonly string[]): Command {
  return words.some((word) => word.includes('\0')) ? undefined : ['asynq', ...words.map(quote)].join(' ');
}

/** Words that are no flags, also when they begin with a dash. */
const names = (...words: readonly string[]): readonly string[] =>
  words.some((word) => word.startsWith('-')) ? ['--', ...words] : words;

/** One word, so that a value may begin with a dash. */
const flag = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [`${name}=${value}`]);

const flags = (name: string, values: readonly string[] = []): string[] => values.flatMap((value) => flag(name, value));

const timeOf = (atMs: number | undefined): string | undefined =>
  atMs === undefined ? undefined : new Date(atMs).toISOString();

/**
 * As a POSIX shell reads it back. A terminal acts on control characters as soon as they are pasted: they are written as
 * escapes.
 */
function quote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (!/[\p{C}\p{Zl}\p{Zp}]/u.test(word)) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  return `$'${word.replaceAll(/[\p{C}\p{Zl}\p{Zp}\\']/gu, escaped)}'`;
}

const escaped = (character: string): string =>
  Array.from(new TextEncoder().encode(character), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
