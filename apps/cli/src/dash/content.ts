import { type Inspector, TaskNotFoundError } from '@nestjs-asynq/core';
import { serversInOrder } from '../commands/server.js';
import { type Content, listsGroups, pageSizeOf, type QueueContent, type QueueView, type View } from './view.js';

/** What the dashboard reads with. */
export type DashReads = Pick<Inspector, 'queues' | 'queueInfo' | 'groups' | 'listTasks' | 'taskInfo' | 'servers'>;

/** Reads what a view shows, on a terminal of so many lines. */
export async function loadContent(inspector: DashReads, view: View, lines: number): Promise<Content> {
  switch (view.kind) {
    case 'queues': {
      const names = await inspector.queues();
      const queues = await Promise.all(names.map((name) => inspector.queueInfo(name, { memory: true })));
      return { kind: 'queues', queues };
    }
    case 'servers':
      return { kind: 'servers', servers: serversInOrder(await inspector.servers()) };
    case 'queue':
      return loadQueue(inspector, view, lines);
    case 'task':
      return { kind: 'task', task: await findTask(inspector, view.queue, view.id) };
    case 'help':
      return { kind: 'help' };
  }
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

async function findTask(inspector: DashReads, queue: string, id: string) {
  try {
    return await inspector.taskInfo(queue, id);
  } catch (error) {
    if (error instanceof TaskNotFoundError) return undefined;
    throw error;
  }
}
