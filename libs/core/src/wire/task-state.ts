/** The states of a task, spelled as in the hash field `state`. */
export const TASK_STATES = ['active', 'pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'] as const;

/** The state of a task: waiting (`pending`, `scheduled`, `retry`, `aggregating`), running (`active`) or ended. */
export type TaskState = (typeof TASK_STATES)[number];
