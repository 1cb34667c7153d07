import {
  type Inspector,
  InvalidOptionsError,
  QueueNotFoundError,
  RedisCommandError,
  TaskNotFoundError,
} from '@nestjs-asynq/core';
import { unanswered } from '../context.js';
import { serversInOrder } from '../output/server-table.js';
import type { Frame } from './state.js';
import {
  type Content,
  listsGroups,
  pageSizeOf,
  pageStart,
  queuesLayout,
  type QueueContent,
  type QueueView,
} from './view.js';

/** The operations of the dashboard that read. */
export type DashReads = Pick<Inspector, 'queues' | 'queueInfo' | 'groups' | 'listTasks' | 'taskInfo' | 'servers'>;

/** Reads the content of a place, for a terminal of that height. */
export async function loadContent(inspector: DashReads, frame: Frame, lines: number): Promise<Content> {
  const { view } = frame;
  switch (view.kind) {
    case 'queues':
      return loadQueues(inspector, frame, lines);
    case 'servers':
      return loadServers(inspector);
    case 'queue':
      return loadQueue(inspector, view, lines);
    case 'task':
      return { kind: 'task', task: await unlessGone(inspector.taskInfo(view.queue, view.id)) };
    case 'help':
      return { kind: 'help' };
  }
}

/** Memory takes many commands, so it is read for the visible queues only; the others keep their last value. */
async function loadQueues(inspector: DashReads, { content, selected }: Frame, lines: number): Promise<Content> {
  let missing: Error | undefined;
  const last = content?.kind === 'queues' ? content.queues : [];
  const known = new Map(last.map(({ queue, memoryBytes }) => [queue, memoryBytes]));
  const names = await inspector.queues();
  const { fits } = queuesLayout(lines, names.length);
  const from = pageStart(Math.min(selected, Math.max(0, names.length - 1)), fits);
  const queues = await Promise.all(
    names.map(async (name, row) => {
      const reading = inspector.queueInfo(name, { memory: row >= from && row < from + fits });
      const info = await unlessNoQueue(reading).catch((error: unknown) => {
        if (!(error instanceof RedisCommandError)) throw error;
        missing ??= unanswered(JSON.stringify(name), error);
        return undefined;
      });
      return info && { ...info, memoryBytes: info.memoryBytes ?? known.get(name) };
    }),
  );
  return { kind: 'queues', queues: queues.filter((info) => info !== undefined), missing };
}

async function loadServers(inspector: DashReads): Promise<Content> {
  let missing: Error | undefined;
  const onUnanswered = (part: string, error: unknown): void => void (missing ??= unanswered(part, error));
  const servers = serversInOrder(await inspector.servers({ onUnanswered }));
  return { kind: 'servers', servers, missing };
}

async function loadQueue(inspector: DashReads, view: QueueView, lines: number): Promise<QueueContent> {
  const { queue, state, group, page } = view;
  const paging = { page, size: pageSizeOf(lines) };
  const [info, groups, tasks] = await Promise.all([
    inspector.queueInfo(queue, { memory: true }),
    state === 'aggregating' ? inspector.groups(queue) : [],
    listsGroups(view) ? [] : inspector.listTasks(queue, state, { ...paging, group }),
  ]);
  return { kind: 'queue', info, groups, tasks };
}

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
