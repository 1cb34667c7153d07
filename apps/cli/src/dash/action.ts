import type { Inspector, QueueInfo, TaskInfo } from '@nestjs-asynq/core';
import { oneLine } from '../output/cells.js';
import type { DashCommand } from './keys.js';

/** A change that awaits confirmation. */
export interface DashAction {
  readonly question: string;
  /** Shown when it is done. */
  readonly done: string;
  readonly perform: (inspector: DashActions) => Promise<unknown>;
}

/** The operations of the dashboard that change something. */
export type DashActions = Pick<Inspector, 'pauseQueue' | 'unpauseQueue' | 'runTask' | 'archiveTask' | 'deleteTask'>;

/** The change that a key makes to the item under the cursor; `undefined` if it has none. */
export function actionOf(
  command: DashCommand,
  queue: QueueInfo | undefined,
  task: TaskInfo | undefined,
): DashAction | undefined {
  if (command === 'pause') return queue && pauseAction(queue);
  return task && taskAction(command, task);
}

function pauseAction({ queue, isPaused }: QueueInfo): DashAction {
  const name = oneLine(queue);
  return isPaused
    ? {
        question: `Resume queue "${name}"?`,
        done: `queue "${name}" resumed`,
        perform: (inspector) => inspector.unpauseQueue(queue),
      }
    : {
        question: `Pause queue "${name}"?`,
        done: `queue "${name}" paused`,
        perform: (inspector) => inspector.pauseQueue(queue),
      };
}

/** The task must still be in the state that was on the screen when the question was asked. */
function taskAction(command: DashCommand, { queue, id, state }: TaskInfo): DashAction | undefined {
  const expected = { expectedState: state };
  const name = oneLine(id);
  switch (command) {
    case 'run':
      return {
        question: `Run task ${name} now?`,
        done: `task ${name} is now pending`,
        perform: (inspector) => inspector.runTask(queue, id, expected),
      };
    case 'archive':
      return {
        question: `Archive task ${name}?`,
        done: `task ${name} archived`,
        perform: (inspector) => inspector.archiveTask(queue, id, expected),
      };
    case 'delete':
      return {
        question: `Delete task ${name}?`,
        done: `task ${name} deleted`,
        perform: (inspector) => inspector.deleteTask(queue, id, expected),
      };
    default:
      return undefined;
  }
}
