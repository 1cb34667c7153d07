import type { TaskMessage } from '../wire/task-message.js';

/** What a line of the log says of a task. */
export function taskFields({ queue, id, type }: Pick<TaskMessage, 'queue' | 'id' | 'type'>) {
  return { queue, taskId: id, type };
}
