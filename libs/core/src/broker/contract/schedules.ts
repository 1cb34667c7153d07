import type { TaskMessage } from '../../wire/task-message.js';
import type { NewTask } from './enqueue.js';

/** A schedule lives in the queue that it feeds, under a name that is its own there. */
export interface ScheduleId {
  readonly queue: string;
  readonly name: string;
}

/** What a task is made from at the moment at which it is enqueued. */
export interface TaskTemplate {
  /** Without an id each task gets one of its own. */
  readonly message: TaskMessage;
  /** Each task starts at this time, unix ms. */
  readonly processAtMs?: number | undefined;
  /** Each task starts so long after it was enqueued. */
  readonly processInMs?: number | undefined;
  /** How long the unique lock is held from the start of the task on; absent: it takes none. */
  readonly uniqueTtlMs?: number | undefined;
}

export interface ScheduleDefinition extends ScheduleId {
  /** Says when it fires, zone included. */
  readonly spec: string;
  readonly template: TaskTemplate;
}

/** How far a schedule has come. Times unix ms. */
export interface ScheduleProgress {
  /** From when intervals are counted: when the schedule was first stored with its spec. */
  readonly sinceMs: number;
  /** Every tick up to this one is claimed or given up. */
  readonly claimedMs: number;
  /** The tick that was claimed last; `undefined`: none was. */
  readonly firedMs: number | undefined;
  readonly isPaused: boolean;
}

export interface StoredSchedule extends ScheduleId, ScheduleProgress {
  readonly spec: string;
  readonly taskType: string;
  /** `undefined`: its bytes cannot be read. */
  readonly template: TaskTemplate | undefined;
}

/** One tick of a definition, to be claimed and enqueued. Nothing happens when another definition is stored by now. */
export interface ScheduleTick extends ScheduleDefinition {
  /** As it was read: when somebody has claimed ticks since, nothing happens. */
  readonly claimedMs: number;
  /** The tick; every one up to it counts as claimed from then on. */
  readonly tickMs: number;
  /** Of the queue of the schedule; its group does not count. */
  readonly task: NewTask;
}

export type TickOutcome =
  | { readonly status: 'enqueued'; readonly state: 'pending' | 'scheduled' }
  /** The tick is used up, but the queue holds a task of this id. */
  | { readonly status: 'idConflict' }
  /** The tick is used up, but another task holds the lock. */
  | { readonly status: 'duplicate' }
  /** Another scheduler came first. */
  | { readonly status: 'claimed' }
  | { readonly status: 'paused' }
  /** The schedule has another definition by now. */
  | { readonly status: 'replaced' }
  /** There is no such schedule. */
  | { readonly status: 'missing' };

/** After every call that does not enqueue it is worth knowing how far the others are. */
export interface TickReply {
  readonly outcome: TickOutcome;
  /** `undefined` when the schedule is missing. */
  readonly progress: ScheduleProgress | undefined;
}

/** Schedules that are stored in their queue. */
export interface ScheduleOps {
  /**
   * Stores a schedule, in place of the one of this name, and answers how far it has come. With another spec than before
   * it begins anew.
   */
  saveSchedule(definition: ScheduleDefinition): Promise<ScheduleProgress>;
  /**
   * Claims a tick and enqueues its task in one step: of any number of schedulers that try, one does. If the reply is
   * lost, the task may have been enqueued; a second call then answers `claimed`.
   */
  fireTick(tick: ScheduleTick): Promise<TickReply>;
  /** Ticks that pass during a pause are given up. `false`: it was so already; `undefined`: no such schedule. */
  setSchedulePaused(schedule: ScheduleId, isPaused: boolean): Promise<boolean | undefined>;
  /** `false` when there was no such schedule. */
  removeSchedule(schedule: ScheduleId): Promise<boolean>;
  findSchedule(schedule: ScheduleId): Promise<StoredSchedule | undefined>;
  /** All schedules of a queue, by name. */
  schedules(queue: string): Promise<StoredSchedule[]>;
  /** The queues that a schedule was ever stored in and that were not purged since. */
  scheduleQueues(): Promise<string[]>;
  /**
   * Calls back with the name of a schedule of the queue that was redefined, paused, resumed or removed, also with its
   * queue. A hint only: it may be lost. Resolves to a function that ends the subscription.
   */
  onScheduleChanged(queue: string, listener: (name: string) => void): Promise<() => Promise<void>>;
}
