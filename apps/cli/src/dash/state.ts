import type { QueueInfo, ScheduleInfo, TaskInfo } from '@nestjs-asynq/core';
import type { DashAction } from './action.js';
import type { DashCommand, Edit } from './keys.js';
import { taskLines, taskRoom } from './task-lines.js';
import {
  type Content,
  groupsOnPage,
  HOME_TABS,
  listsGroups,
  pageSizeOf,
  pageStart,
  QUEUE_SORTS,
  queuesIn,
  queuesLayout,
  type QueueView,
  schedulesFit,
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
  /** Ids of tasks that an action is for. */
  readonly marked: ReadonlySet<string>;
}

/** A text that is being typed: a filter of the view, or the name of a queue. */
interface Input {
  readonly kind: 'filter' | 'jump';
  readonly text: string;
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
  readonly input: Input | undefined;
  /** The result of the last action; until the next key. */
  readonly notice: string | undefined;
  /** Why the last refresh failed; until one succeeds. */
  readonly loadError: string | undefined;
  /** When the shown content was read. */
  readonly loadedAtMs: number | undefined;
}

export function firstState(lines: number, columns: number): DashState {
  const nothing = {
    asked: undefined,
    input: undefined,
    notice: undefined,
    loadError: undefined,
    loadedAtMs: undefined,
  };
  return { frames: [frameOf(homeView('queues'))], lines, columns, ...nothing };
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
    case 'sort':
      return sorted(state);
    case 'mark':
      return marked(state);
    case 'filter':
      return filterable(state) === undefined
        ? state
        : { ...state, input: { kind: 'filter', text: filterable(state)! } };
    case 'jump':
      return { ...state, input: { kind: 'jump', text: '' } };
    case 'help':
      return shown(state).view.kind === 'help' ? state : pushed(state, { kind: 'help' });
    case 'back':
      return { ...state, frames: [state.frames[0], ...state.frames.slice(1, -1)] };
    default:
      return state;
  }
}

/** The state after a key while a text is typed. A filter of the queues takes effect at once, others when accepted. */
export function edited(state: DashState, edit: Edit): DashState {
  const { input } = state;
  if (!input) return state;
  if (edit.kind === 'abandon')
    return filtered({ ...state, input: undefined }, input.kind === 'filter' ? '' : undefined);
  if (edit.kind === 'accept')
    return filtered({ ...state, input: undefined }, input.kind === 'filter' ? input.text : undefined);
  const text = edit.kind === 'add' ? input.text + edit.text : Array.from(input.text).slice(0, -1).join('');
  const typed = { ...state, input: { ...input, text } };
  return input.kind === 'filter' && shown(state).view.kind === 'queues' ? filtered(typed, text) : typed;
}

/** The filter of the view; `undefined`: it has none. */
function filterable(state: DashState): string | undefined {
  const { view } = shown(state);
  if (view.kind === 'queues') return view.filter;
  return view.kind === 'queue' && !listsGroups(view) ? view.filter : undefined;
}

function filtered(state: DashState, filter: string | undefined): DashState {
  const { view, content } = shown(state);
  if (filter === undefined || filterable(state) === filter) return state;
  if (view.kind === 'queues') return replaced(state, { ...frameOf({ ...view, filter }), content });
  if (view.kind !== 'queue') return state;
  const kept = content?.kind === 'queue' ? { ...content, tasks: undefined, found: undefined } : undefined;
  return replaced(state, { ...frameOf({ ...view, filter, page: 1 }), content: kept });
}

function sorted(state: DashState): DashState {
  const { view, content } = shown(state);
  if (view.kind !== 'queues') return state;
  const next: View = { ...view, sort: neighbour(QUEUE_SORTS, view.sort, 1) };
  // Another order by figures needs those of all queues.
  const kept =
    content?.kind === 'queues' && next.sort === 'name' ? { ...content, figures: new Map<string, number>() } : undefined;
  return replaced(state, { ...frameOf(next), content: kept });
}

/** Marks the task under the cursor, or no longer, and moves on. */
function marked(state: DashState): DashState {
  const frame = shown(state);
  if (frame.content?.kind !== 'queue') return state;
  const id = frame.content.tasks?.[frame.selected]?.id;
  if (id === undefined) return state;
  const ids = new Set(frame.marked);
  if (!ids.delete(id)) ids.add(id);
  return moved(replaced(state, { ...frame, marked: ids }), 1);
}

/** The state with a queue opened by its name. */
export function jumpedTo(state: DashState, queue: string): DashState {
  return pushed({ ...state, frames: [state.frames[0]] }, queueView(queue));
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
  const ids = new Set(content.kind === 'queue' ? content.tasks?.map(({ id }) => id) : []);
  const marks = new Set([...frame.marked].filter((id) => ids.has(id)));
  return replaced(fresh, { view, content, selected: selectedAgain(frame, content, state.lines), marked: marks });
}

/** The state on a terminal of another size. Pages are as long as it has room for; the cursor stays where it is. */
export function resized(state: DashState, lines: number, columns: number): DashState {
  const [size, newSize] = [pageSizeOf(state.lines), pageSizeOf(lines)];
  const resize = (frame: Frame): Frame => {
    if (frame.view.kind !== 'queue' || size === newSize) return frame;
    const row = (frame.view.page - 1) * size + frame.selected;
    const content = frame.content?.kind === 'queue' ? { ...frame.content, tasks: undefined } : undefined;
    const view = { ...frame.view, page: 1 + Math.floor(row / newSize) };
    return { ...frame, view, content, selected: row % newSize };
  };
  const [first, ...rest] = state.frames;
  return { ...state, frames: [resize(first), ...rest.map(resize)], lines, columns };
}

/** Whether the content must be read after a change of state: another view, or other rows of the same. */
export function showsOther(before: DashState, now: DashState): boolean {
  const view = shown(now).view;
  if (view.kind === 'task' && shown(before).view.kind === 'task') return false; // it was scrolled
  return shown(before).view !== view || firstRow(before) !== firstRow(now);
}

/** The first visible row. */
function firstRow(state: DashState): number {
  const { view, content, selected } = shown(state);
  return content ? pageStart(selected, rowsInSight(view, content, state.lines)) : 0;
}

/** The cursor follows its row; if the row no longer exists, it keeps its position. */
export function selectedAgain({ view, content: before, selected }: Frame, content: Content, lines: number): number {
  const id = before && rowIds(view, before, lines)[selected];
  const ids = rowIds(view, content, lines);
  const found = id === undefined ? -1 : ids.indexOf(id);
  return found === -1 ? Math.min(selected, Math.max(0, ids.length - 1)) : found;
}

/** The queue under the cursor, or the one that is open; `undefined`: there is none, or it has not been read yet. */
export function selectedQueue(state: DashState): QueueInfo | undefined {
  const { content } = shown(state);
  if (content?.kind === 'queues') {
    const name = selectedName(state);
    return content.queues.find(({ queue }) => queue === name);
  }
  return content?.kind === 'queue' ? content.info : undefined;
}

function selectedName(state: DashState): string | undefined {
  const { view, content, selected } = shown(state);
  return content?.kind === 'queues' && view.kind === 'queues' ? queuesIn(view, content)[selected] : undefined;
}

/** The stored schedule under the cursor. */
export function selectedSchedule(state: DashState): ScheduleInfo | undefined {
  const { content, selected } = shown(state);
  return content?.kind === 'schedules' ? content.schedules[selected] : undefined;
}

/** The tasks that an action is for: the marked ones, otherwise the one under the cursor or the open one. */
export function selectedTasks(state: DashState): readonly TaskInfo[] {
  const { content, marked } = shown(state);
  if (content?.kind === 'queue' && marked.size > 0) return content.tasks?.filter(({ id }) => marked.has(id)) ?? [];
  const task = selectedTask(state);
  return task ? [task] : [];
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
      return view.kind === 'queues' ? [...queuesIn(view, content)] : [];
    case 'schedules':
      return [
        ...content.schedules.map(({ queue, name }) => JSON.stringify([queue, name])),
        ...content.entries.map(({ id }) => id),
      ];
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
function rowsInSight(view: View, content: Content, lines: number): number {
  if (content.kind === 'queues') return queuesLayout(lines, rowIds(view, content, lines).length).fits;
  if (content.kind === 'schedules') return schedulesFit(lines);
  if (content.kind === 'servers') return serversLayout(lines, content.servers.length).fits;
  return pageSizeOf(lines);
}

function moved(state: DashState, by: number): DashState {
  const { view, content, selected } = shown(state);
  if (view.kind === 'task') return scrolled(state, by);
  const count = content ? rowIds(view, content, state.lines).length : 0;
  return count === 0 ? state : movedTo(state, (selected + by + count) % count);
}

/** Scrolls the lines of a task; the view keeps its content. */
function scrolled(state: DashState, by: number): DashState {
  const frame = shown(state);
  const { view, content } = frame;
  if (view.kind !== 'task' || content?.kind !== 'task' || !content.task) return state;
  const all = taskLines(content.task, state.loadedAtMs ?? 0, state.columns).length;
  const scroll = Math.max(0, Math.min(view.scroll + by, all - taskRoom(state.lines)));
  return replaced(state, { ...frame, view: { ...view, scroll } });
}

function movedTo(state: DashState, selected: number): DashState {
  return replaced(state, { ...shown(state), selected });
}

function tabbed(state: DashState, by: number): DashState {
  const { view, content } = shown(state);
  if (view.kind === 'queues' || view.kind === 'servers' || view.kind === 'schedules') {
    return replaced(state, frameOf(homeView(neighbour(HOME_TABS, view.kind, by))));
  }
  if (view.kind !== 'queue') return state;
  const next: QueueView = {
    ...view,
    state: neighbour(STATE_TABS, view.state, by),
    group: undefined,
    page: 1,
    filter: '',
  };
  // The counts of the queue stay visible while the tasks of the other state are read.
  const kept = content?.kind === 'queue' ? { ...content, tasks: undefined, found: undefined } : undefined;
  return replaced(state, { ...frameOf(next), content: kept });
}

function paged(state: DashState, by: number): DashState {
  const { view, content, selected } = shown(state);
  if (view.kind === 'task') return scrolled(state, by * pageSizeOf(state.lines));
  if (content?.kind === 'queues' || content?.kind === 'servers' || content?.kind === 'schedules') {
    const fits = rowsInSight(view, content, state.lines);
    const first = pageStart(selected, fits) + by * fits;
    return first in rowIds(view, content, state.lines) ? movedTo(state, first) : state;
  }
  if (view.kind !== 'queue' || content?.kind !== 'queue') return state;
  const page = view.page + by;
  const isBehindEnd = (page - 1) * pageSizeOf(state.lines) >= totalOf(view, content);
  if (page < 1 || (isBehindEnd && content.found?.isAll !== false)) return state;
  return replaced(state, { ...frameOf({ ...view, page }), content: { ...content, tasks: undefined } });
}

function opened(state: DashState): DashState {
  const { view, content, selected } = shown(state);
  if (content?.kind === 'queues') {
    const queue = selectedName(state);
    return queue === undefined ? state : pushed(state, queueView(queue));
  }
  if (view.kind !== 'queue' || content?.kind !== 'queue') return state;
  if (listsGroups(view)) {
    const group = groupsOnPage(view, content, state.lines)[selected]?.group;
    return group === undefined ? state : pushed(state, { ...view, group, page: 1 });
  }
  const id = content.tasks?.[selected]?.id;
  return id === undefined ? state : pushed(state, { kind: 'task', queue: view.queue, id, scroll: 0 });
}

const homeView = (kind: (typeof HOME_TABS)[number]): View =>
  kind === 'queues' ? { kind, filter: '', sort: 'name' } : { kind };

const queueView = (queue: string): QueueView => ({
  kind: 'queue',
  queue,
  state: STATE_TABS[0]!,
  group: undefined,
  page: 1,
  filter: '',
});

function frameOf(view: View): Frame {
  return { view, content: view.kind === 'help' ? { kind: 'help' } : undefined, selected: 0, marked: new Set() };
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
