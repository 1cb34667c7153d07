import { TaskNotFoundError, QueueNotFoundError } from '@nestjs-asynq/core';
import { BOUNDS } from '../api/bounds.js';
import type { LiveMessage, LiveTask } from '../api/live.js';
import type { TaskRef } from '../api/tasks.js';
import type { Board } from '../board.js';
import type { Fields } from '../http/fields.js';
import { QueueRows } from '../readings/queue-rows.js';
import { visibleWarnings } from '../reads/queues.js';
import { runningTasks } from '../reads/task-presenter.js';
import type { Viewer } from '../access/viewer.js';

/** What one page watches. */
export interface Watched {
  readonly queues: readonly string[];
  readonly task: TaskRef | undefined;
}

/** @throws {RequestError} too much, or only half of a task */
export function readWatched(query: Fields, viewer: Viewer): Watched {
  const queues = query.texts('queue', BOUNDS.watchedQueues) ?? [];
  const [queue, id] = [query.text('taskQueue'), query.text('taskId')];
  if ((queue === undefined) !== (id === undefined)) query.refuse('taskId', 'given together with taskQueue');
  query.done();
  const task = queue === undefined || id === undefined ? undefined : { queue, id };
  if (task) viewer.checkSees(task.queue);
  return { queues: queues.filter((name) => viewer.sees(name)), task };
}

/** What a page is told; read from the last reading, except for the task. */
export async function liveMessage(
  board: Board,
  viewer: Viewer,
  watched: Watched,
  readTask: (task: TaskRef) => Promise<LiveTask | undefined> = (task) => liveTask(board, task),
): Promise<LiveMessage> {
  const task = watched.task && (await readTask(watched.task));
  const nowMs = board.nowMs();
  const rows = new QueueRows(board.readings, viewer, nowMs);
  return {
    nowMs,
    totals: await rows.totals(),
    queues: await rows.rows(watched.queues),
    task,
    warnings: visibleWarnings(board, viewer),
  };
}

/** State and progress of a task. @throws {RedisCommandError} */
export async function liveTask(board: Board, { queue, id }: TaskRef): Promise<LiveTask> {
  try {
    const info = await board.inspector.taskInfo(queue, id);
    const { row } = await board.tasks.show(info, 0, 0, runningTasks(board.readings.servers ?? []));
    return { queue, id, state: row.state, progress: row.progress, retried: row.retried, worker: row.worker };
  } catch (error) {
    if (error instanceof TaskNotFoundError || error instanceof QueueNotFoundError) {
      return { queue, id, state: undefined, progress: undefined, retried: 0, worker: undefined };
    }
    throw error;
  }
}
