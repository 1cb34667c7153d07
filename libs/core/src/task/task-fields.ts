import type { TaskMessage } from '../wire/task-message.js';

/** The fields of a log line about a task. */
export function taskFields({ queue, id, type }: Pick<TaskMessage, 'queue' | 'id' | 'type'>) {
  return { queue, taskId: id, type };
}
