import type { Warning } from './queues.js';
import type { Content, TaskRef } from './tasks.js';

/** `GET api/servers` */
export interface ServersAnswer {
  readonly nowMs: number;
  readonly servers: readonly ServerRow[];
  readonly warnings: readonly Warning[];
}

/** A server with a recent heartbeat. Queues that the person may not see are left out, with the tasks of them. */
export interface ServerRow {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly status: 'new' | 'active' | 'stopped' | 'closed';
  readonly startedAtMs: number;
  readonly concurrency: number;
  readonly strictPriority: boolean;
  /** At most 200 of those that it serves, the highest weights first. */
  readonly queues: readonly { readonly queue: string; readonly weight: number }[];
  /** How many it serves, and the sum of their weights. */
  readonly queueCount: number;
  readonly weights: number;
  /** Running tasks; those of hidden queues are not counted. */
  readonly busy: number;
  /** At most 200 of them, longest running first. */
  readonly workers: readonly WorkerRow[];
}

export interface WorkerRow extends TaskRef {
  readonly type: string;
  readonly payload: Content;
  readonly startedAtMs: number;
  readonly deadlineAtMs: number;
}

/** `GET api/schedules?queue=` */
export interface SchedulesAnswer {
  readonly nowMs: number;
  readonly schedules: readonly ScheduleRow[];
  readonly warnings: readonly Warning[];
}

/** A stored schedule, or an entry of a scheduler that stores none, as Go's. */
export interface ScheduleRow {
  /** `queue` and `name` of a stored schedule; an entry of Go has no name, and cannot be run or paused. */
  readonly name: string | undefined;
  readonly queue: string;
  readonly spec: string;
  readonly type: string;
  readonly payload: Content | undefined;
  /** Options of its tasks in the text form of asynq. */
  readonly options: readonly string[];
  readonly isPaused: boolean;
  readonly nextAtMs: number | undefined;
  readonly lastAtMs: number | undefined;
  /** Running schedulers that fire it. 0: nobody does. */
  readonly schedulers: number;
  /** For `api/schedule/history`. */
  readonly entryIds: readonly string[];
  /** Whether the person may run, pause and resume it, and delete it. */
  readonly canOperate: boolean;
  readonly canDelete: boolean;
}

/** `GET api/schedule/history?queue=&entry=&page=&size=` */
export interface ScheduleHistory {
  readonly events: readonly { readonly taskId: string; readonly enqueuedAtMs: number }[];
  readonly page: number;
  readonly size: number;
  readonly hasMore: boolean;
}

/** `POST` of `runSchedule`, `pauseSchedule`, `resumeSchedule`, `deleteSchedule` */
export interface ScheduleAction {
  readonly connection?: string | undefined;
  readonly queue: string;
  readonly name: string;
}

export interface ScheduleActionAnswer {
  readonly changed: boolean;
  /** Of `runSchedule`. */
  readonly task?: TaskRef | undefined;
}

/** `GET api/redis`: needs to see all queues. */
export interface RedisAnswer {
  readonly nowMs: number;
  readonly kind: 'redis' | 'cluster' | 'memory';
  readonly nodes: readonly RedisNode[];
  /** `CLUSTER INFO`, outside of a cluster empty. */
  readonly cluster: Readonly<Record<string, string>>;
  /** In a cluster: the key slot of the (at most 200 largest) queues, and the nodes that hold it, the master first. */
  readonly queues: readonly { readonly queue: string; readonly slot: number; readonly nodes: readonly string[] }[];
}

export interface RedisNode {
  /** `host:port`, empty for queues in memory. */
  readonly address: string;
  readonly role: 'master' | 'replica' | 'unknown';
  /** Why it has no figures. */
  readonly problem: string | undefined;
  readonly version: string | undefined;
  readonly uptimeS: number | undefined;
  readonly usedBytes: number | undefined;
  readonly peakBytes: number | undefined;
  /** 0: no limit. */
  readonly maxBytes: number | undefined;
  readonly fragmentation: number | undefined;
  readonly clients: number | undefined;
  readonly replicas: number | undefined;
  readonly opsPerS: number | undefined;
  readonly evictedKeys: number | undefined;
  readonly evictionPolicy: string | undefined;
  readonly lastSaveAtMs: number | undefined;
  readonly changesSinceSave: number | undefined;
  readonly appendOnly: boolean | undefined;
  readonly warnings: readonly RedisWarning[];
  /** All of `INFO`, under Redis' own names. */
  readonly info: Readonly<Record<string, string>>;
}

/** What may lose tasks. */
export type RedisWarning =
  /** Keys, and so tasks, are dropped when memory is short. */
  | 'evicts'
  | 'hasEvicted'
  /** Memory is used by more than 90 %. */
  | 'nearlyFull'
  /** Neither snapshots nor an append-only file: a restart loses everything. */
  | 'notPersistent'
  | 'saveFailed'
  | 'appendFailed'
  | 'loading'
  | 'replicaLinkDown';
