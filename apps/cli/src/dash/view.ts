import type { GroupInfo, QueueInfo, ServerInfo, TaskInfo, TaskState } from '@nestjs-asynq/core';

/** A place in the dashboard. */
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

/** What there is to see at a place. */
export type Content =
  | { readonly kind: 'queues'; readonly queues: readonly QueueInfo[] }
  | { readonly kind: 'servers'; readonly servers: readonly ServerInfo[] }
  | QueueContent
  /** `undefined`: it no longer exists. */
  | { readonly kind: 'task'; readonly task: TaskInfo | undefined }
  | { readonly kind: 'help' };

export interface QueueContent {
  readonly kind: 'queue';
  readonly info: QueueInfo;
  /** All groups; only read in the state `aggregating`. */
  readonly groups: readonly GroupInfo[];
  /** The tasks of the page. */
  readonly tasks: readonly TaskInfo[];
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

/** Lines of a queue's view around its rows, where the tabs take two. */
const QUEUE_CHROME = 13;

/** Rows that the table of a queue has room for on a terminal of so many lines. */
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
