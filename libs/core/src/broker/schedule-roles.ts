import type { SchedulerEnqueueEvent, SchedulerEntry } from '../wire/scheduler-entry.js';
import type { TaskMessage } from '../wire/task-message.js';

/** What a broker promises to schedulers: schedules that are stored, and the plans that a scheduler shows. */

// ---- schedules ----------------------------------------------------------------------------------------------------

/** A schedule lives in the queue that it feeds, under a name that is its own there. */
export interface ScheduleId {
  readonly queue: string;
  readonly name: string;
}

export interface ScheduleDefinition extends ScheduleId {
  /** Says when it fires, zone included. */
  readonly spec: string;
  readonly taskType: string;
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

export interface StoredSchedule extends ScheduleDefinition, ScheduleProgress {}

/** What a tick enqueues, as `NewTask` of a task without a group. */
export interface TickTask {
  readonly message: TaskMessage;
  readonly processAtMs?: number | undefined;
  readonly uniqueTtlS?: number | undefined;
}

/** One tick, to be claimed and enqueued. */
export interface ScheduleTick extends ScheduleId {
  /** As it was stored: when somebody stored another one since, nothing happens. */
  readonly spec: string;
  /** As it was read: when somebody has claimed ticks since, nothing happens. */
  readonly claimedMs: number;
  /** The tick; every one up to it counts as claimed from then on. */
  readonly tickMs: number;
  /** Of the queue of the schedule. */
  readonly task: TickTask;
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
  /** The schedule has another spec by now. */
  | { readonly status: 'replaced' }
  /** There is no such schedule. */
  | { readonly status: 'missing' };

/** After every call that does not enqueue it is worth knowing how far the others are. */
export interface TickReply {
  readonly outcome: TickOutcome;
  /** `undefined` when the schedule is missing. */
  readonly progress: ScheduleProgress | undefined;
}

export interface ScheduleOps {
  /** Stores a schedule and answers how far it has come. With another spec than before it begins anew. */
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
  /** All schedules of a queue, by name. */
  schedules(queue: string): Promise<StoredSchedule[]>;
}

// ---- plans --------------------------------------------------------------------------------------------------------

export interface PlanOps {
  /** Shows the plan of a scheduler for `ttlS` seconds: its entries, the next to fire first. */
  writePlan(schedulerId: string, entries: readonly SchedulerEntry[], ttlS: number): Promise<void>;
  clearPlan(schedulerId: string): Promise<void>;
  /** Adds to the history of an entry, which keeps the newest 1,000 events. */
  recordEnqueueEvent(entryId: string, event: SchedulerEnqueueEvent): Promise<void>;
  clearHistory(entryId: string): Promise<void>;
}
