import type { GroupInfo, QueueInfo, ServerInfo, TaskInfo, TaskState } from '@nestjs-asynq/core';

/** A view of the dashboard. */
export type View =
  | { readonly kind: 'queues' }
  | { readonly kind: 'servers' }
  | QueueView
  | { readonly kind: 'task'; readonly queue: string; readonly id: string }
  | { readonly kind: 'help' };

/** The tasks of a queue in one state; its groups first, in the state `aggregating`. */
export interface QueueView {
  readonly kind: 'queue';
  readonly queue: string;
  readonly state: TaskState;
  readonly group: string | undefined;
  /** From 1. */
  readonly page: number;
}

/** The content of a view. `missing`: what a node of a cluster did not answer, so that it is not shown. */
export type Content =
  | { readonly kind: 'queues'; readonly queues: readonly QueueInfo[]; readonly missing?: Error | undefined }
  | { readonly kind: 'servers'; readonly servers: readonly ServerInfo[]; readonly missing?: Error | undefined }
  | QueueContent
  /** `undefined`: it no longer exists. */
  | { readonly kind: 'task'; readonly task: TaskInfo | undefined }
  | { readonly kind: 'help' };

export interface QueueContent {
  readonly kind: 'queue';
  readonly info: QueueInfo;
  /** All groups; only read in the state `aggregating`. */
  readonly groups: readonly GroupInfo[];
  /** The tasks of the page; `undefined` until they, or the groups, are read. */
  readonly tasks: readonly TaskInfo[] | undefined;
}

/** The tabs of the first view. */
export const HOME_TABS = ['queues', 'servers'] as const;

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
export function totalOf(view: QueueView, { info, groups }: QueueContent): number {
  if (listsGroups(view)) return groups.length;
  if (view.group !== undefined) return groups.find(({ group }) => group === view.group)?.size ?? 0;
  return info[view.state];
}

/** The groups on the page. */
export function groupsOnPage({ page }: QueueView, { groups }: QueueContent, lines: number): readonly GroupInfo[] {
  const size = pageSizeOf(lines);
  return groups.slice((page - 1) * size, page * size);
}
