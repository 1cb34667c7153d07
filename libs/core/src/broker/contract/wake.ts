import type { FetchReply } from './lease.js';

/** `leader` forwards, recovers, trims and watches for work; `standby` watches as well, with a short delay. */
export type Duty = 'leader' | 'standby';

/** How the next task is fetched; see `LeaseOps.fetch`. */
export interface NextFetch {
  readonly leaseMs: number;
  readonly withSince: boolean;
}

/** Waits for work in one queue on a connection of its own. One wait at a time. */
export interface QueueWatch {
  /** Blocks until the queue has a pending task, and changes nothing; `false` after `timeoutMs`. */
  peek(timeoutMs: number): Promise<boolean>;
  /**
   * Blocks as {@link peek} does, and fetches the first task in the same round trip, by the promises of `LeaseOps.fetch`.
   * `true`: there may be tasks, but none was fetched, as always while another server stands by; `false`: none came within
   * `timeoutMs`. Absent where a task can only be fetched by another call.
   */
  readonly fetchNext?: ((timeoutMs: number, next: NextFetch) => Promise<FetchReply | boolean>) | undefined;
  /** Blocks until there is a wake token and takes it; `false` after `timeoutMs`. */
  awaitToken(timeoutMs: number): Promise<boolean>;
  /** Ends a pending wait (it returns `false`) and closes the connection. */
  close(): Promise<void>;
}

/** Watches many queues without a connection for each. */
export interface QueuesWatch {
  /**
   * The queues that have pending tasks and are not paused. The first change of each of the others is reported, once:
   * a task was pushed, by any program, or the queue was unpaused. Reports without a cause happen.
   * @throws {RedisCommandError} Redis failed; nothing is reported
   */
  waiting(queues: readonly string[]): Promise<string[]>;
  /**
   * The next change of each of the queues is reported, once, whatever they hold now: a task was pushed, or the queue was unpaused.
   * Reports of other changes happen. Where Redis reports no changes it does nothing.
   * @throws {RedisCommandError} Redis failed; nothing is reported
   */
  awaitChanges(queues: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface QueuesWatchListener {
  readonly onChange: (queue: string) => void;
  /** Changes that were to be reported may be lost: ask again. */
  readonly onLost: () => void;
}

/** Maximum number of wake tokens: a woken server that still leaves tasks behind wakes more. */
export const MOST_WAKE_TOKENS = 64;

/** Lifetime of unused tokens: no server was idle, and later they would wake servers needlessly. */
export const WAKE_TOKENS_LIFE_MS = 2_000;

/** Duties of a queue's servers, and waiting for work. */
export interface WakeOps {
  /**
   * Takes the duty if no server holds it; `true` when this call took it. Correctness never depends on the answer. A
   * leader registers its queue, now and every 5 s while it holds the duty: a queue may be removed while it is served.
   */
  takeDuty(queue: string, duty: Duty, serverId: string, leaseMs: number): Promise<boolean>;
  /** Extends the duty; `false` when it was lost. */
  keepDuty(queue: string, duty: Duty, serverId: string, leaseMs: number): Promise<boolean>;
  /** Releases the duty if `serverId` holds it. */
  dropDuty(queue: string, duty: Duty, serverId: string): Promise<void>;
  /** `undefined` when this broker cannot block (Redis before 6.2): poll instead. */
  openWatch(queue: string): Promise<QueueWatch | undefined>;
  /** Adds wake tokens for idle servers until there are `count`, at most {@link MOST_WAKE_TOKENS}. */
  wakeIdle(queue: string, count: number): Promise<void>;
  /** Opens a watch of many queues. Where Redis reports no changes, as behind most proxies, only its answers are right. */
  watchQueues(listener: QueuesWatchListener): Promise<QueuesWatch>;
  /** Those of the queues that have pending tasks and are not paused, in any order. */
  waitingQueues(queues: readonly string[]): Promise<string[]>;
}
