/** Where a task is, spelled as in the hash field `state` (wire: task hash). */
export const TASK_STATES = ['active', 'pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'] as const;

/** Where a task is: it waits (`pending`, `scheduled`, `retry`, `aggregating`), runs (`active`) or has ended. */
export type TaskState = (typeof TASK_STATES)[number];
