import type { TaskState } from './queues.js';
import type { TaskActionName } from './tasks.js';

const ALL: readonly TaskState[] = ['active', 'pending', 'scheduled', 'retry', 'archived', 'completed', 'aggregating'];
const ALL_BUT_ACTIVE = ALL.filter((state) => state !== 'active');

/** The states that allow each action on single tasks, as the inspector of the core has them. */
export const ALLOWED_STATES: Readonly<Record<TaskActionName, readonly TaskState[]>> = {
  run: ['scheduled', 'retry', 'archived', 'completed', 'aggregating'],
  runNext: ALL_BUT_ACTIVE,
  archive: ['pending', 'scheduled', 'retry', 'completed', 'aggregating'],
  delete: ALL_BUT_ACTIVE,
  cancel: ['active'],
  reschedule: ALL_BUT_ACTIVE,
  move: ['pending', 'scheduled', 'retry', 'aggregating'],
  editPayload: ['scheduled'],
  again: ALL,
};

/** The same for each action on all tasks that match. */
export const MATCHING_STATES: Readonly<Record<'run' | 'archive' | 'delete' | 'cancel', readonly TaskState[]>> = {
  run: ['scheduled', 'retry', 'archived', 'aggregating'],
  archive: ['pending', 'scheduled', 'retry', 'aggregating'],
  delete: ALL_BUT_ACTIVE,
  cancel: ['active'],
};
