import type { SchedulerEnqueueEvent, SchedulerEntry } from '../../wire/scheduler-entry.js';
import type { ServerInfo, WorkerInfo } from '../../wire/server-info.js';

export interface ShownServer {
  readonly server: ServerInfo;
  readonly workers: readonly WorkerInfo[];
}

/**
 * Called with each part of a result that a node of a cluster did not return; the other parts are returned. Without it
 * the whole call fails.
 */
export type OnUnanswered = (part: string, error: unknown) => void;

/** Events that the history of an entry keeps, as in asynq. */
export const HISTORY_SIZE = 1_000;

/** Publishes and reads the presence of servers and schedulers. */
export interface PresenceOps {
  /** Publishes the server and its running tasks for `ttlS` seconds. */
  writePresence(server: ServerInfo, workers: readonly WorkerInfo[], ttlS: number): Promise<void>;
  clearPresence(server: Pick<ServerInfo, 'host' | 'pid' | 'serverId'>): Promise<void>;
  /** Publishes the plan of a scheduler for `ttlS` seconds: its entries, the next to fire first. */
  writePlan(schedulerId: string, entries: readonly SchedulerEntry[], ttlS: number): Promise<void>;
  clearPlan(schedulerId: string): Promise<void>;
  /** Adds to the history of an entry, which keeps the newest {@link HISTORY_SIZE}. */
  recordEnqueueEvent(entryId: string, event: SchedulerEnqueueEvent): Promise<void>;
  clearHistory(entryId: string): Promise<void>;
  /** Servers whose last heartbeat is within their TTL, Go servers included. */
  shownServers(onUnanswered?: OnUnanswered): Promise<ShownServer[]>;
  /** The entries of all running schedulers. */
  schedulerEntries(onUnanswered?: OnUnanswered): Promise<SchedulerEntry[]>;
  /** The enqueue events of an entry, newest first. */
  schedulerEvents(entryId: string, skip: number, limit: number): Promise<SchedulerEnqueueEvent[]>;
}
