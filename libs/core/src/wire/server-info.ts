/** What a server tells about itself at each heartbeat (key `asynq:servers:{…}`). */
export interface ServerInfo {
  readonly host: string;
  readonly pid: number;
  /** UUID v4, new for each server object. */
  readonly serverId: string;
  readonly concurrency: number;
  /** Queue name to priority as configured. */
  readonly queues: Readonly<Record<string, number>>;
  readonly strictPriority: boolean;
  readonly status: ServerStatus;
  readonly startedAtMs: number;
  readonly activeWorkerCount: number;
}

export type ServerStatus = 'new' | 'active' | 'stopped' | 'closed';

/** One running task of a server (field of the hash `asynq:workers:{…}`). */
export interface WorkerInfo {
  readonly host: string;
  readonly pid: number;
  readonly serverId: string;
  readonly taskId: string;
  readonly taskType: string;
  readonly taskPayload: Uint8Array;
  readonly queue: string;
  readonly startedAtMs: number;
  readonly deadlineMs: number;
}
