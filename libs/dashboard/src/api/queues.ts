import type { Right } from './access.js';
import type { Refusal } from './errors.js';

/** The states of a task, as on the wire. */
export type TaskState = 'active' | 'pending' | 'scheduled' | 'retry' | 'archived' | 'completed' | 'aggregating';

/** Tasks by state. */
export type StateCounts = Readonly<Record<TaskState, number>>;

/** What is wrong with a queue, worst first; the page puts it in words. */
export type Trouble = { readonly severity: 'high' | 'medium' | 'low' } & (
  | /** Tasks wait, and no running server serves the queue. */ { readonly code: 'unserved'; readonly count: number }
    /** The oldest pending task has waited for this long. */
  | { readonly code: 'waiting'; readonly forMs: number }
  /** A scheduled task or a retry has been due for this long, and no server has moved it to `pending`. */
  | { readonly code: 'overdue'; readonly forMs: number }
  /** `forMs` is `undefined` when the time is not known. */
  | { readonly code: 'paused'; readonly forMs: number | undefined }
  /** Attempts that failed, of those in the last minutes, or of today before the dashboard knows the last minutes. */
  | { readonly code: 'failing'; readonly share: number; readonly failed: number }
  /** Tasks were archived since the last hour, as far as this process has looked. */
  | { readonly code: 'archived'; readonly count: number }
  /** Another program overwrote these keys with another type. */
  | { readonly code: 'wrongType'; readonly keys: readonly string[] }
  /** The figures could not be read; the last ones are shown. */
  | { readonly code: 'unread'; readonly message: string }
);

/** A queue in a list. */
export interface QueueRow {
  readonly queue: string;
  readonly size: number;
  readonly counts: StateCounts;
  readonly groups: number;
  readonly processedToday: number;
  readonly failedToday: number;
  readonly processedTotal: number;
  readonly failedTotal: number;
  readonly isPaused: boolean;
  readonly pausedAtMs: number | undefined;
  /** Age of the oldest pending task, in ms; 0 when none waits. */
  readonly latencyMs: number;
  /** Attempts ended per second, lately; `undefined` before two readings. */
  readonly processedPerS: number | undefined;
  readonly failedPerS: number | undefined;
  /** Running servers that serve it. */
  readonly servers: number;
  /** Sorted, worst first; empty: all is well. */
  readonly troubles: readonly Trouble[];
  /** Names of its parts, if partitioned. */
  readonly partitions: readonly string[] | undefined;
  /** Sparkline of attempts per second over the last hour, oldest first; `null`: not read then. Empty: not kept. */
  readonly spark: readonly (number | null)[];
  /** What this person may do with it. */
  readonly right: Right;
  /** When these figures were read. */
  readonly readAtMs: number;
}

export type QueueSort = 'trouble' | 'queue' | 'size' | TaskState | 'latencyMs' | 'processedToday' | 'failedToday';

/** `GET api/queues`, and the list of `GET api/overview`. */
export interface QueuesQuery {
  readonly page?: number | undefined;
  readonly size?: number | undefined;
  /** Default `trouble`: worst first, then by size, then by name. */
  readonly sort?: QueueSort | undefined;
  /** Default: `asc` for `queue`, `desc` for others. */
  readonly order?: 'asc' | 'desc' | undefined;
  /** Part of the name, without regard to case. */
  readonly name?: string | undefined;
  /** Only queues with a trouble. */
  readonly troubled?: boolean | undefined;
}

/** `GET api/queues` */
export interface QueuePage {
  readonly queues: readonly QueueRow[];
  /** Queues that match, on all pages. */
  readonly total: number;
  readonly page: number;
  readonly size: number;
}

/** Sums over all queues that the person may see. */
export interface Totals {
  readonly queues: number;
  readonly paused: number;
  readonly troubled: number;
  readonly size: number;
  readonly counts: StateCounts;
  readonly processedToday: number;
  readonly failedToday: number;
  readonly processedPerS: number | undefined;
  readonly failedPerS: number | undefined;
  readonly oldestWaitMs: number;
  readonly servers: number;
  readonly busyWorkers: number;
  readonly workerLimit: number;
  /** Queues whose figures have not been read yet: the sums are growing. */
  readonly unreadQueues: number;
}

/** `GET api/overview?{QueuesQuery}` */
export interface Overview extends QueuePage {
  readonly nowMs: number;
  readonly totals: Totals;
  readonly warnings: readonly Warning[];
}

/** About the whole, beside the troubles of single queues. */
export type Warning =
  | { readonly code: 'noServers' }
  | { readonly code: 'redisUnreachable'; readonly message: string }
  /** A part of the answer is missing: a node of the cluster did not answer. */
  | { readonly code: 'partMissing'; readonly part: string; readonly message: string }
  /** Redis may drop tasks: see the screen of Redis. */
  | { readonly code: 'redisEvicts'; readonly policy: string };

/** `GET api/queue?queue=` */
export interface QueueDetails {
  readonly nowMs: number;
  readonly queue: QueueRow;
  /** The parts of a partitioned queue, with figures of their own. */
  readonly partitions: readonly QueueRow[] | undefined;
  /** Keys slot, in a cluster. */
  readonly clusterSlot: number | undefined;
  /** Attempts by UTC day, newest first: 10 days; more with `api/queue/history`. */
  readonly history: readonly DayCounts[];
  readonly servedBy: readonly {
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    readonly weight: number;
  }[];
}

/** A UTC day. */
export interface DayCounts {
  /** `yyyy-mm-dd` */
  readonly day: string;
  readonly processed: number;
  readonly failed: number;
}

/** `GET api/queue/history?queue=&days=`: without `queue` the sum over the (at most 200 largest) queues. */
export interface History {
  readonly days: readonly DayCounts[];
  /** The sum leaves out this many smaller queues. */
  readonly leftOut: number;
}

/** `GET api/queue/memory?queue=` */
export interface QueueMemory {
  /** An estimate from samples; `undefined`: the server does not tell. */
  readonly bytes: number | undefined;
}

/** `GET api/groups?queue=&page=&size=&name=` */
export interface GroupPage {
  readonly groups: readonly { readonly group: string; readonly size: number }[];
  readonly total: number;
  readonly page: number;
  readonly size: number;
}

/** `POST` of `pauseQueue`, `resumeQueue`, `deleteQueue`, `purgeQueue` */
export interface QueueAction {
  readonly connection?: string | undefined;
  readonly queue: string;
  /** Of `deleteQueue`: with its tasks; of `purgeQueue`: although tasks run. */
  readonly force?: boolean | undefined;
}

export interface QueueActionAnswer {
  /** `false`: it was so before. */
  readonly changed: boolean;
  /** Of `pauseQueue`: no such queue exists; it is paused if it ever comes to exist. */
  readonly unknown?: true;
}

/** `POST` of `pauseQueues`, `resumeQueues` */
export interface QueuesAction {
  readonly connection?: string | undefined;
  readonly queues: readonly string[];
}

/** Each queue has its own result. */
export interface QueuesActionAnswer {
  readonly changed: readonly string[];
  /** They were so before. */
  readonly unchanged: readonly string[];
  readonly failed: readonly QueueFailure[];
  /** Of `pauseQueues`, if there are any: those of which no queue exists; they are paused if they ever come to exist. */
  readonly unknown?: readonly string[];
}

export interface QueueFailure extends Refusal {
  readonly queue: string;
}
