/** `leader` forwards, recovers, trims and watches for work; `standby` watches beside it, a moment slower. */
export type Duty = 'leader' | 'standby';

/** Waits for work of one queue on a connection of its own. One wait at a time. */
export interface QueueWatch {
  /** Blocks until the queue has a pending task, changing nothing; `false` after `timeoutMs`. */
  peek(timeoutMs: number): Promise<boolean>;
  /** Blocks until a wake token is there and takes it; `false` after `timeoutMs`. */
  awaitToken(timeoutMs: number): Promise<boolean>;
  /** Ends a wait under way (it answers `false`) and the connection. */
  close(): Promise<void>;
}

/** Most wake tokens that lie ready at one time: a woken server that still sees tasks left wakes more. */
export const MOST_WAKE_TOKENS = 64;

/** Tokens that nobody took: there is no idle server. Soon they would only wake servers for nothing. */
export const WAKE_TOKENS_LIFE_MS = 2_000;

/** Duties of the servers of a queue, and waiting for its work. */
export interface WakeOps {
  /**
   * Takes the duty if no server holds it; `true` when this call took it. Correctness never rests on the answer. A leader
   * announces its queue, now and every 5 s that it keeps the duty: a queue may be removed while it is served.
   */
  takeDuty(queue: string, duty: Duty, serverId: string, leaseMs: number): Promise<boolean>;
  /** Prolongs the duty; `false` when it was lost. */
  keepDuty(queue: string, duty: Duty, serverId: string, leaseMs: number): Promise<boolean>;
  /** Gives the duty up if `serverId` holds it. */
  dropDuty(queue: string, duty: Duty, serverId: string): Promise<void>;
  /** `undefined` when this broker cannot block (Redis before 6.2): poll instead. */
  openWatch(queue: string): Promise<QueueWatch | undefined>;
  /** Sees to it that `count` wake tokens lie ready for idle servers, {@link MOST_WAKE_TOKENS} at most. */
  wakeIdle(queue: string, count: number): Promise<void>;
  /** Pending tasks right now, 0 while the queue is paused: what a poll asks. */
  waitingCount(queue: string): Promise<number>;
}
