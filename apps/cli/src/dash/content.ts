import {
  type Inspector,
  InvalidOptionsError,
  type QueueInfo,
  QueueNotFoundError,
  TaskNotFoundError,
} from '@nestjs-asynq/core';
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
      return { kind: 'queues', queues: await loadQueues(inspector, frame, lines) };
    case 'servers':
      return { kind: 'servers', servers: serversInOrder(await inspector.servers()) };
    case 'queue':
      return loadQueue(inspector, view, lines);
    case 'task':
      return { kind: 'task', task: await unlessGone(inspector.taskInfo(view.queue, view.id)) };
    case 'help':
      return { kind: 'help' };
  }
}

/** The memory costs many commands, so it is read for the queues in sight; the others keep what was read last. */
async function loadQueues(inspector: DashReads, { content, selected }: Frame, lines: number): Promise<QueueInfo[]> {
  const last = content?.kind === 'queues' ? content.queues : [];
  const known = new Map(last.map(({ queue, memoryBytes }) => [queue, memoryBytes]));
  const names = await inspector.queues();
  const { fits } = queuesLayout(lines, names.length);
  const from = pageStart(Math.min(selected, Math.max(0, names.length - 1)), fits);
  const queues = await Promise.all(
    names.map(async (name, row) => {
      const info = await unlessNoQueue(inspector.queueInfo(name, { memory: row >= from && row < from + fits }));
      return info && { ...info, memoryBytes: info.memoryBytes ?? known.get(name) };
    }),
  );
  return queues.filter((info) => info !== undefined);
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

/** A name that no queue may have, written by others, must not hide the queues. */
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
