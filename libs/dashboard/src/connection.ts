import type { Inspector, TaskEvent, TaskOptions } from '@nestjs-asynq/core';
import type { KnownType, TaskRef } from './api/tasks.js';
import type { TaskState } from './api/queues.js';

/** What the dashboard needs of one connection of the app. */
export interface DashboardConnection {
  readonly name: string;
  readonly inspector: Inspector;
  /** Enqueues bytes as they are. */
  enqueue(type: string, payload: Uint8Array, options: TaskOptions): Promise<TaskRef & { readonly state: TaskState }>;
  /** What the class of the app's handler forbids in a payload that a person gives, one text per rule; none: it fits. */
  problemsOf?(type: string, payload: Uint8Array): Promise<readonly string[]>;
  /** The task types that this app handles. */
  types(): readonly KnownType[];
  /** Calls back with the events of tasks in this process; returns the end of it. */
  watchEvents(listener: (event: TaskEvent) => void): () => void;
}
