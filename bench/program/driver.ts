import type { AppPlace, AppTimes, Service, TaskPayload } from './protocol.js';

export interface NewTask {
  readonly queue: string;
  readonly payload: TaskPayload;
  readonly dueAtMs?: number | undefined;
  readonly keptForS?: number | undefined;
  readonly uniqueForS?: number | undefined;
}

export interface Producer {
  /** Enqueues with one call. Resolves to the number of tasks that were not refused as duplicates. */
  enqueue(tasks: readonly NewTask[]): Promise<number>;
  close(): Promise<void>;
}

export interface Worker {
  /** Resolves after a clean shutdown. */
  close(): Promise<void>;
}

export type Handle = (payload: TaskPayload, queue: string) => unknown;

/** A task queue as used by the programs of the benchmark. */
export interface Driver {
  connect(url: string): Promise<Producer>;
  /** Resolves when it is ready for tasks. */
  serve(url: string, service: Service, handle: Handle): Promise<Worker>;
  /** An app from its creation to its end, for programs that are one. */
  live?(url: string, place: AppPlace): Promise<AppTimes>;
}
