import {
  type Inspector,
  InvalidOptionsError,
  type QueueInfo,
  QueueNotFoundError,
  RedisCommandError,
  type TaskInfo,
  TaskNotFoundError,
} from '@nestjs-asynq/core';
import { unanswered } from '../output/error-line.js';
import { serversInOrder } from '../output/server-table.js';
import type { Frame } from './state.js';
import {
  type Content,
  listsGroups,
  pageSizeOf,
  pageStart,
  queuesLayout,
  type QueueContent,
  queuesIn,
  type QueueView,
  type View,
} from './view.js';

/** The operations of the dashboard that read. */
export type DashReads = Pick<
  Inspector,
  | 'queues'
  | 'queueInfo'
  | 'groups'
  | 'listTasks'
  | 'findTasks'
  | 'taskInfo'
  | 'servers'
  | 'schedules'
  | 'schedulerEntries'
>;

/** Tasks that a filter of a queue's tasks searches for a page. */
const SEARCHED = 20_000;
/** Queues that are read at a time: the replies of thousands would fill the memory. */
const AT_ONCE = 100;

/** Reads the content of a place, for a terminal of that height. */
export async function loadContent(inspector: DashReads, frame: Frame, lines: number): Promise<Content> {
  const { view } = frame;
  switch (view.kind) {
    case 'queues':
      return loadQueues(inspector, frame, lines);
    case 'servers':
      return loadServers(inspector);
    case 'schedules':
      return loadSchedules(inspector);
    case 'queue':
      return loadQueue(inspector, view, lines);
    case 'task':
      return { kind: 'task', task: await unlessGone(inspector.taskInfo(view.queue, view.id)) };
    case 'help':
      return { kind: 'help' };
  }
}

/** Memory takes many commands, so it is read for the visible queues only; the others keep their last value. */
async function loadQueues(inspector: DashReads, { view, content, selected }: Frame, lines: number): Promise<Content> {
  let missing: Error | undefined;
  const last = content?.kind === 'queues' ? content.queues : [];
  const known = new Map(last.map((info) => [info.queue, info]));
  const names = await inspector.queues();
  const visible = visibleNames(view, last, names, selected, lines);
  const read = async (name: string): Promise<QueueInfo | undefined> => {
    const info = await unlessNoQueue(inspector.queueInfo(name, { memory: visible.has(name) })).catch(
      (error: unknown) => {
        if (!(error instanceof RedisCommandError)) throw error;
        missing ??= unanswered(JSON.stringify(name), error);
        return undefined;
      },
    );
    if (!info || info.memoryBytes !== undefined) return info;
    const { memoryBytes, memoryErrorBytes } = known.get(name) ?? info;
    return { ...info, memoryBytes, memoryErrorBytes };
  };
  const queues: QueueInfo[] = [];
  for (let at = 0; at < names.length; at += AT_ONCE) {
    const some = await Promise.all(names.slice(at, at + AT_ONCE).map(read));
    queues.push(...some.filter((info) => info !== undefined));
  }
  return { kind: 'queues', queues, missing };
}

/** The queues on the page, as far as is known before they are read. */
function visibleNames(
  view: View,
  last: readonly QueueInfo[],
  names: readonly string[],
  selected: number,
  lines: number,
): ReadonlySet<string> {
  if (view.kind !== 'queues') return new Set();
  // Figures may be unknown; a filter and the order by name need only the names.
  const asRead = new Map(last.map((info) => [info.queue, info]));
  const infos = names.map(
    (queue) => asRead.get(queue) ?? ({ queue, size: 0, latencyMs: 0, failedToday: 0 } as QueueInfo),
  );
  const rows = queuesIn(view, infos);
  const { fits } = queuesLayout(lines, rows.length);
  const from = pageStart(Math.min(selected, Math.max(0, rows.length - 1)), fits);
  return new Set(rows.slice(from, from + fits).map(({ queue }) => queue));
}

async function loadServers(inspector: DashReads): Promise<Content> {
  let missing: Error | undefined;
  const onUnanswered = (part: string, error: unknown): void => void (missing ??= unanswered(part, error));
  const servers = serversInOrder(await inspector.servers({ onUnanswered }));
  return { kind: 'servers', servers, missing };
}

async function loadSchedules(inspector: DashReads): Promise<Content> {
  let missing: Error | undefined;
  const onUnanswered = (part: string, error: unknown): void => void (missing ??= unanswered(part, error));
  const [schedules, all] = await Promise.all([
    inspector.schedules(undefined, { onUnanswered }),
    inspector.schedulerEntries({ onUnanswered }),
  ]);
  const stored = new Set(schedules.flatMap(({ entryIds }) => entryIds));
  return { kind: 'schedules', schedules, entries: all.filter(({ id }) => !stored.has(id)), missing };
}

async function loadQueue(inspector: DashReads, view: QueueView, lines: number): Promise<QueueContent> {
  const { queue, state, group, page } = view;
  const size = pageSizeOf(lines);
  const [info, groups, tasks] = await Promise.all([
    inspector.queueInfo(queue, { memory: true }),
    state === 'aggregating' ? inspector.groups(queue) : [],
    listsGroups(view) || view.filter !== '' ? [] : inspector.listTasks(queue, state, { page, size, group }),
  ]);
  if (view.filter === '' || listsGroups(view)) return { kind: 'queue', info, groups, tasks };
  const text = view.filter.toLowerCase();
  const found = await inspector.findTasks({
    ...{ queue, state, group },
    matches: (task) => textsOf(task).some((own) => own.toLowerCase().includes(text)),
    limit: Math.min(page * size + 1, 10_000), // one further tells whether there is another page
    scanBudget: SEARCHED,
  });
  const count = { count: Math.min(found.tasks.length, page * size), isAll: found.cursor === undefined };
  return { kind: 'queue', info, groups, tasks: found.tasks.slice((page - 1) * size, page * size), found: count };
}

const textsOf = ({ id, type, lastError, payload }: TaskInfo): string[] => [
  id,
  type,
  lastError,
  Buffer.from(payload).toString(),
];

/** An invalid queue name, written by another program, must not hide the other queues. */
async function unlessNoQueue<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await unlessGone(reading);
  } catch (error) {
    if (error instanceof InvalidOptionsError) return undefined;
    throw error;
  }
}

async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof TaskNotFoundError || error instanceof QueueNotFoundError) return undefined;
    throw error;
  }
}
