import type { TaskState } from '../../../src/api/queues.js';
import type { TaskActionName } from '../../../src/api/tasks.js';

/** The states that allow each action. The server decides; this says which buttons are worth showing. */
export const ALLOWED: Readonly<Record<TaskActionName, readonly TaskState[]>> = {
  run: ['scheduled', 'retry', 'archived', 'completed', 'aggregating'],
  runNext: ['pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'],
  archive: ['pending', 'scheduled', 'retry', 'completed', 'aggregating'],
  delete: ['pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'],
  cancel: ['active'],
  reschedule: ['pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'],
  move: ['pending', 'scheduled', 'retry', 'aggregating'],
  editPayload: ['scheduled'],
  again: ['active', 'pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'],
};
