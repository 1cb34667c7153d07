import type { SchedulerEnqueueEvent, SchedulerEntry } from '../../wire/scheduler-entry.js';
import type { ServerInfo, WorkerInfo } from '../../wire/server-info.js';

export interface ShownServer {
  readonly server: ServerInfo;
  readonly workers: readonly WorkerInfo[];
}

/** Events that the history of an entry keeps, as in asynq. */
export const HISTORY_SIZE = 1_000;

/** What servers and schedulers show of themselves, and what others see of it. */
export interface PresenceOps {
  /** Shows the server and its running tasks to inspectors for `ttlS` seconds. */
  writePresence(server: ServerInfo, workers: readonly WorkerInfo[], ttlS: number): Promise<void>;
  clearPresence(server: Pick<ServerInfo, 'host' | 'pid' | 'serverId'>): Promise<void>;
  /** Shows the plan of a scheduler for `ttlS` seconds: its entries, the next to fire first. */
  writePlan(schedulerId: string, entries: readonly SchedulerEntry[], ttlS: number): Promise<void>;
  clearPlan(schedulerId: string): Promise<void>;
  /** Adds to the history of an entry, which keeps the newest {@link HISTORY_SIZE}. */
  recordEnqueueEvent(entryId: string, event: SchedulerEnqueueEvent): Promise<void>;
  clearHistory(entryId: string): Promise<void>;
  /** Servers that gave a sign of life within their TTL, those of Go programs too. */
  shownServers(): Promise<ShownServer[]>;
  /** The plans of all schedulers that are alive. */
  schedulerEntries(): Promise<SchedulerEntry[]>;
  /** The firings of an entry, newest first. */
  schedulerEvents(entryId: string, skip: number, limit: number): Promise<SchedulerEnqueueEvent[]>;
}
