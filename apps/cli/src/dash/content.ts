import {
  type Inspector,
  type QueueInfo,
  QueueNotFoundError,
  RedisCommandError,
  type TaskInfo,
  TaskNotFoundError,
} from '@nestjs-asynq/core';
import { unanswered } from '../output/error-line.js';
import { serversInOrder } from '../output/server-table.js';
import { isQueueName } from '../commands/command.js';
import { type Frame, selectedAgain } from './state.js';
import {
  type Content,
  listsGroups,
  pageSizeOf,
  pageStart,
  FIGURES,
  queuesLayout,
  type QueueContent,
  type QueuesContent,
  queuesIn,
  type QueueView,
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

/** Reads the queues in sight, whose memory takes many commands; of the others no more than the order needs. */
async function loadQueues(inspector: DashReads, frame: Frame, lines: number): Promise<Content> {
  const { view } = frame;
  if (view.kind !== 'queues') throw new TypeError(`no queues: ${view.kind}`);
  let missing: Error | undefined;
  const read = (name: string, memory: boolean): Promise<QueueInfo | undefined | 'unanswered'> =>
    unlessGone(inspector.queueInfo(name, { memory })).catch((error: unknown) => {
      if (!(error instanceof RedisCommandError)) throw error;
      missing ??= unanswered(JSON.stringify(name), error);
      return 'unanswered';
    });
  // An invalid name, written by another program, must not hide the other queues.
  const names = (await inspector.queues()).filter(isQueueName);
  const figures = new Map<string, number>();
  if (view.sort !== 'name') {
    const figureOf = FIGURES[view.sort];
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const some = await Promise.all(names.slice(at, at + AT_ONCE).map((name) => read(name, false)));
      for (const info of some) if (typeof info === 'object') figures.set(info.queue, figureOf(info));
    }
  }
  const unread: QueuesContent = { kind: 'queues', names, figures, queues: [] };
  const rows = queuesIn(view, unread);
  const { fits } = queuesLayout(lines, rows.length);
  const from = pageStart(selectedAgain(frame, unread, lines), fits);
  const inSight = rows.slice(from, from + fits);
  const infos = await Promise.all(inSight.map((name) => read(name, true)));
  const gone = new Set(inSight.filter((_, nth) => infos[nth] === undefined));
  return {
    ...unread,
    names: gone.size === 0 ? names : names.filter((name) => !gone.has(name)),
    queues: infos.filter((info) => typeof info === 'object'),
    missing,
  };
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

async function unlessGone<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof TaskNotFoundError || error instanceof QueueNotFoundError) return undefined;
    throw error;
  }
}
