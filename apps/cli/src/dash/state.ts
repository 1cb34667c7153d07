import type { QueueInfo, TaskInfo } from '@nestjs-asynq/core';
import type { DashAction } from './action.js';
import type { DashCommand } from './keys.js';
import {
  type Content,
  groupsOnPage,
  HOME_TABS,
  listsGroups,
  pageSizeOf,
  pageStart,
  queuesLayout,
  type QueueView,
  serversLayout,
  STATE_TABS,
  totalOf,
  type View,
} from './view.js';

/** An opened view, and its last content. */
export interface Frame {
  readonly view: View;
  /** `undefined` until it is loaded. */
  readonly content: Content | undefined;
  /** Row under the cursor, from 0. */
  readonly selected: number;
}

/** The state that determines the screen. */
export interface DashState {
  /** From the first view to the one that is shown. */
  readonly frames: readonly [Frame, ...Frame[]];
  /** Size of the terminal. */
  readonly lines: number;
  readonly columns: number;
  /** The change that awaits confirmation. */
  readonly asked: DashAction | undefined;
  /** The result of the last action; until the next key. */
  readonly notice: string | undefined;
  /** Why the last refresh failed; until one succeeds. */
  readonly loadError: string | undefined;
  /** When the shown content was read. */
  readonly loadedAtMs: number | undefined;
}

export function firstState(lines: number, columns: number): DashState {
  const nothing = { asked: undefined, notice: undefined, loadError: undefined, loadedAtMs: undefined };
  return { frames: [frameOf({ kind: 'queues' })], lines, columns, ...nothing };
}

/** The visible view. */
export function shown({ frames }: DashState): Frame {
  return frames.at(-1)!;
}

/** The state after a navigation key; the same one after all other keys. */
export function navigate(state: DashState, command: DashCommand): DashState {
  switch (command) {
    case 'up':
      return moved(state, -1);
    case 'down':
      return moved(state, 1);
    case 'left':
      return tabbed(state, -1);
    case 'right':
      return tabbed(state, 1);
    case 'nextPage':
      return paged(state, 1);
    case 'previousPage':
      return paged(state, -1);
    case 'open':
      return opened(state);
    case 'help':
      return shown(state).view.kind === 'help' ? state : pushed(state, { kind: 'help' });
    case 'back':
      return { ...state, frames: [state.frames[0], ...state.frames.slice(1, -1)] };
    default:
      return state;
  }
}

/** The state with the content of a view; the content of a view that was left is dropped. */
export function received(state: DashState, view: View, content: Content, nowMs: number): DashState {
  const frame = shown(state);
  if (frame.view !== view) return state;
  const fresh = { ...state, loadError: undefined, loadedAtMs: nowMs };
  if (view.kind === 'queue' && content.kind === 'queue') {
    const lastPage = Math.max(1, Math.ceil(totalOf(view, content) / pageSizeOf(state.lines)));
    if (view.page > lastPage) return replaced(fresh, { ...frameOf({ ...view, page: lastPage }), content });
  }
  return replaced(fresh, { view, content, selected: selectedAgain(frame, content, state.lines) });
}

/** The state on a terminal of another size. Pages are as long as it has room for; the cursor stays where it is. */
export function resized(state: DashState, lines: number, columns: number): DashState {
  const [size, newSize] = [pageSizeOf(state.lines), pageSizeOf(lines)];
  const resize = (frame: Frame): Frame => {
    if (frame.view.kind !== 'queue' || size === newSize) return frame;
    const row = (frame.view.page - 1) * size + frame.selected;
    const content = frame.content?.kind === 'queue' ? { ...frame.content, tasks: undefined } : undefined;
    return { view: { ...frame.view, page: 1 + Math.floor(row / newSize) }, content, selected: row % newSize };
  };
  const [first, ...rest] = state.frames;
  return { ...state, frames: [resize(first), ...rest.map(resize)], lines, columns };
}

/** Whether the content must be read after a change of state: another view, or other rows of the same. */
export function showsOther(before: DashState, now: DashState): boolean {
  return shown(before).view !== shown(now).view || firstRow(before) !== firstRow(now);
}

/** The first visible row. */
function firstRow(state: DashState): number {
  const { content, selected } = shown(state);
  return content ? pageStart(selected, rowsInSight(content, state.lines)) : 0;
}

/** The cursor follows its row; if the row no longer exists, it keeps its position. */
function selectedAgain({ view, content: before, selected }: Frame, content: Content, lines: number): number {
  const id = before && rowIds(view, before, lines)[selected];
  const ids = rowIds(view, content, lines);
  const found = id === undefined ? -1 : ids.indexOf(id);
  return found === -1 ? Math.min(selected, Math.max(0, ids.length - 1)) : found;
}

/** The queue under the cursor, or the one that is open. */
export function selectedQueue(state: DashState): QueueInfo | undefined {
  const { content, selected } = shown(state);
  if (content?.kind === 'queues') return content.queues[selected];
  return content?.kind === 'queue' ? content.info : undefined;
}

/** The task under the cursor, or the one that is open. */
export function selectedTask(state: DashState): TaskInfo | undefined {
  const { content, selected } = shown(state);
  if (content?.kind === 'task') return content.task;
  return content?.kind === 'queue' ? content.tasks?.[selected] : undefined;
}

/** The identity of a row that the cursor can be on. */
function rowIds(view: View, content: Content, lines: number): string[] {
  switch (content.kind) {
    case 'queues':
      return content.queues.map(({ queue }) => queue);
    case 'servers':
      return content.servers.map(({ id }) => id);
    case 'queue':
      if (view.kind !== 'queue') return [];
      if (!listsGroups(view)) return content.tasks?.map(({ id }) => id) ?? [];
      return groupsOnPage(view, content, lines).map(({ group }) => group);
    default:
      return [];
  }
}

/** Rows of the table that the cursor is in. */
function rowsInSight(content: Content, lines: number): number {
  if (content.kind === 'queues') return queuesLayout(lines, content.queues.length).fits;
  if (content.kind === 'servers') return serversLayout(lines, content.servers.length).fits;
  return pageSizeOf(lines);
}

function moved(state: DashState, by: number): DashState {
  const { view, content, selected } = shown(state);
  const count = content ? rowIds(view, content, state.lines).length : 0;
  return count === 0 ? state : movedTo(state, (selected + by + count) % count);
}

function movedTo(state: DashState, selected: number): DashState {
  return replaced(state, { ...shown(state), selected });
}

function tabbed(state: DashState, by: number): DashState {
  const { view, content } = shown(state);
  if (view.kind === 'queues' || view.kind === 'servers') {
    return replaced(state, frameOf({ kind: neighbour(HOME_TABS, view.kind, by) }));
  }
  if (view.kind !== 'queue') return state;
  const next: QueueView = { ...view, state: neighbour(STATE_TABS, view.state, by), group: undefined, page: 1 };
  // The counts of the queue stay visible while the tasks of the other state are read.
  const kept = content?.kind === 'queue' ? { ...content, tasks: undefined } : undefined;
  return replaced(state, { ...frameOf(next), content: kept });
}

function paged(state: DashState, by: number): DashState {
  const { view, content, selected } = shown(state);
  if (content?.kind === 'queues' || content?.kind === 'servers') {
    const fits = rowsInSight(content, state.lines);
    const first = pageStart(selected, fits) + by * fits;
    return first in rowIds(view, content, state.lines) ? movedTo(state, first) : state;
  }
  if (view.kind !== 'queue' || content?.kind !== 'queue') return state;
  const page = view.page + by;
  if (page < 1 || (page - 1) * pageSizeOf(state.lines) >= totalOf(view, content)) return state;
  return replaced(state, { ...frameOf({ ...view, page }), content: { ...content, tasks: undefined } });
}

function opened(state: DashState): DashState {
  const { view, content, selected } = shown(state);
  if (content?.kind === 'queues') {
    const queue = content.queues[selected]?.queue;
    return queue === undefined
      ? state
      : pushed(state, { kind: 'queue', queue, state: STATE_TABS[0]!, group: undefined, page: 1 });
  }
  if (view.kind !== 'queue' || content?.kind !== 'queue') return state;
  if (listsGroups(view)) {
    const group = groupsOnPage(view, content, state.lines)[selected]?.group;
    return group === undefined ? state : pushed(state, { ...view, group, page: 1 });
  }
  const id = content.tasks?.[selected]?.id;
  return id === undefined ? state : pushed(state, { kind: 'task', queue: view.queue, id });
}

function frameOf(view: View): Frame {
  return { view, content: view.kind === 'help' ? { kind: 'help' } : undefined, selected: 0 };
}

function pushed(state: DashState, view: View): DashState {
  return { ...state, frames: [...state.frames, frameOf(view)] };
}

function replaced(state: DashState, frame: Frame): DashState {
  const [first, ...rest] = state.frames;
  return { ...state, frames: rest.length === 0 ? [frame] : [first, ...rest.slice(0, -1), frame] };
}

/** The entry before or after, around the ends. */
function neighbour<T>(list: readonly T[], current: T, by: number): T {
  return list[(list.indexOf(current) + by + list.length) % list.length]!;
}
