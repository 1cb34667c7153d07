import type {
  GroupInfo,
  Inspector,
  QueueInfo,
  ScheduleInfo,
  ServerInfo,
  TaskInfo,
  TaskState,
} from '@nestjs-asynq/core';

/** A view of the dashboard. */
export type View =
  | QueuesView
  | { readonly kind: 'servers' }
  | { readonly kind: 'schedules' }
  | QueueView
  | TaskView
  | { readonly kind: 'help' };

export const QUEUE_SORTS = ['name', 'size', 'latency', 'failed'] as const;

/** All queues, or those whose names contain a text. */
export interface QueuesView {
  readonly kind: 'queues';
  /** Empty: all. */
  readonly filter: string;
  readonly sort: (typeof QUEUE_SORTS)[number];
}

export interface TaskView {
  readonly kind: 'task';
  readonly queue: string;
  readonly id: string;
  /** Lines above the visible ones. */
  readonly scroll: number;
}

/** The tasks of a queue in one state; its groups first, in the state `aggregating`. */
export interface QueueView {
  readonly kind: 'queue';
  readonly queue: string;
  readonly state: TaskState;
  readonly group: string | undefined;
  /** From 1. */
  readonly page: number;
  /** A text in the id, type, payload or error of the tasks; empty: all. */
  readonly filter: string;
}

/** An entry of a running scheduler. */
export type Entry = Awaited<ReturnType<Inspector['schedulerEntries']>>[number];

/** The content of a view. `missing`: what a node of a cluster did not answer, so that it is not shown. */
export type Content =
  | QueuesContent
  | { readonly kind: 'servers'; readonly servers: readonly ServerInfo[]; readonly missing?: Error | undefined }
  | SchedulesContent
  | QueueContent
  /** `undefined`: it no longer exists. */
  | { readonly kind: 'task'; readonly task: TaskInfo | undefined }
  | { readonly kind: 'help' };

export interface QueuesContent {
  readonly kind: 'queues';
  /** Of all queues, by name. */
  readonly names: readonly string[];
  /** What they are sorted by; empty: the names. */
  readonly figures: ReadonlyMap<string, number>;
  /** Those in sight. Of thousands no more is read, kept and laid out. */
  readonly queues: readonly QueueInfo[];
  readonly missing?: Error | undefined;
}

export interface SchedulesContent {
  readonly kind: 'schedules';
  readonly schedules: readonly ScheduleInfo[];
  /** Those of Go's schedulers, which store no schedules. */
  readonly entries: readonly Entry[];
  readonly missing?: Error | undefined;
}

export interface QueueContent {
  readonly kind: 'queue';
  readonly info: QueueInfo;
  /** All groups; only read in the state `aggregating`. */
  readonly groups: readonly GroupInfo[];
  /** The tasks of the page; `undefined` until they, or the groups, are read. */
  readonly tasks: readonly TaskInfo[] | undefined;
  /** With a filter: tasks that were found up to this page, and whether there may be more. */
  readonly found?: { readonly count: number; readonly isAll: boolean } | undefined;
}

/** The tabs of the first view. */
export const HOME_TABS = ['queues', 'servers', 'schedules'] as const;

/** The tabs of a queue, in asynq's order. */
export const STATE_TABS: readonly TaskState[] = [
  'active',
  'pending',
  'aggregating',
  'scheduled',
  'retry',
  'archived',
  'completed',
];

/** Lines of the first views around one table: heading, blank, titles, count, footer, and the last, which stays free. */
const TABLE_CHROME = 8;
/** Titles, count and the blank above a second table. */
const SECOND_TABLE_CHROME = 4;
/** Legend and blank. */
const BARS_CHROME = 2;
/** With fewer bars than this, a longer table is more useful. */
const LEAST_BARS = 6;

/** Divides the lines of the view among the queues. */
export function queuesLayout(lines: number, count: number): { readonly hasBars: boolean; readonly fits: number } {
  const fits = lines - TABLE_CHROME;
  const fitsWithBars = Math.floor((fits - BARS_CHROME) / 2);
  const hasBars = fitsWithBars >= Math.min(count, LEAST_BARS);
  return { hasBars, fits: Math.max(1, hasBars ? fitsWithBars : fits) };
}

/** Divides the lines of the view between the servers and the workers of one of them. */
export function serversLayout(lines: number, count: number): { readonly fits: number; readonly workersFit: number } {
  const both = Math.max(2, lines - TABLE_CHROME - SECOND_TABLE_CHROME);
  const fits = Math.max(1, Math.min(count, Math.floor(both / 2)));
  return { fits, workersFit: both - fits };
}

/** Rows of the schedules on a terminal of that height. */
export const schedulesFit = (lines: number): number => Math.max(1, lines - TABLE_CHROME);

/** The first row of the page that a row is on, from 0. */
export function pageStart(row: number, fits: number): number {
  return row - (row % fits);
}

/** Lines of a queue's view around its rows, where the tabs take two. */
const QUEUE_CHROME = 13;

/** Rows of a queue's table on a terminal of that height. */
export function pageSizeOf(lines: number): number {
  return Math.max(1, lines - QUEUE_CHROME);
}

/** Whether groups are listed, and no tasks. */
export function listsGroups({ state, group }: QueueView): boolean {
  return state === 'aggregating' && group === undefined;
}

/** Entries on all pages. */
export function totalOf(view: QueueView, { info, groups, found }: QueueContent): number {
  if (found) return found.count;
  if (listsGroups(view)) return groups.length;
  if (view.group !== undefined) return groups.find(({ group }) => group === view.group)?.size ?? 0;
  return info[view.state];
}

/** The groups on the page. */
export function groupsOnPage({ page }: QueueView, { groups }: QueueContent, lines: number): readonly GroupInfo[] {
  const size = pageSizeOf(lines);
  return groups.slice((page - 1) * size, page * size);
}

/** What each order compares, from much to little. */
export const FIGURES: Readonly<Record<Exclude<QueuesView['sort'], 'name'>, (info: QueueInfo) => number>> = {
  size: ({ size }) => size,
  latency: ({ latencyMs }) => latencyMs,
  failed: ({ failedToday }) => failedToday,
};

/** The names of the queues that a view shows, in its order; those that are equal by name. */
export function queuesIn(
  { filter }: QueuesView,
  { names, figures }: Pick<QueuesContent, 'names' | 'figures'>,
): readonly string[] {
  const text = filter.toLowerCase();
  const matching = text === '' ? names : names.filter((name) => name.toLowerCase().includes(text));
  if (figures.size === 0) return matching;
  return matching.toSorted((one, other) => (figures.get(other) ?? 0) - (figures.get(one) ?? 0));
}
