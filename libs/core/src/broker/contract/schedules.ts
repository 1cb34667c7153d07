import type { TaskMessage } from '../../wire/task-message.js';
import type { NewTask } from './enqueue.js';

/**
 * What to do about ticks that were missed because no scheduler ran, or none could reach Redis: `skip` skips them, `one`
 * fires once for all of them, `all` fires each. A tick that is up to 10 s late does not count as missed; of several
 * late ticks, `skip` fires the newest, too.
 */
export type CatchUp = 'skip' | 'one' | 'all';

/** A schedule is stored in the queue of its tasks, under a name that is unique there. */
export interface ScheduleId {
  readonly queue: string;
  readonly name: string;
}

/** The template from which each task is created when it is enqueued. */
export interface TaskTemplate {
  /** Without an id each task gets one of its own. */
  readonly message: TaskMessage;
  /** Each task starts at this time, unix ms. */
  readonly processAtMs?: number | undefined;
  /** Delay between enqueueing and start of each task. */
  readonly processInMs?: number | undefined;
  /** Lifetime of the unique lock, from the start of the task on; absent: no lock. */
  readonly uniqueTtlMs?: number | undefined;
  /** Of each task; see `NewTask`. */
  readonly backoff?: string | undefined;
}

export interface ScheduleDefinition extends ScheduleId {
  /** The cron spec, time zone included. */
  readonly spec: string;
  /** Default `skip`. */
  readonly catchUp?: CatchUp | undefined;
  readonly template: TaskTemplate;
}

/** The progress of a schedule. Times in unix ms. */
export interface ScheduleProgress {
  /** Start of the intervals: when the schedule was first stored with its spec. */
  readonly sinceMs: number;
  /** Every tick up to this one is claimed or skipped. */
  readonly claimedMs: number;
  /** The last claimed tick; `undefined`: none. */
  readonly firedMs: number | undefined;
  readonly isPaused: boolean;
}

export interface StoredSchedule extends ScheduleId, ScheduleProgress {
  readonly spec: string;
  readonly catchUp: CatchUp;
  readonly taskType: string;
  /** `undefined`: its bytes cannot be read. */
  readonly template: TaskTemplate | undefined;
}

interface SavedSchedule {
  readonly progress: ScheduleProgress;
  /** The definition that was stored under the name until then, with its progress; `undefined`: none, or the same. */
  readonly replaced: StoredSchedule | undefined;
}

/** One tick of a definition, to claim and enqueue. Refused when another definition is stored by now. */
export interface ScheduleTick extends ScheduleDefinition {
  /** As read before: refused when another scheduler has claimed ticks since. */
  readonly claimedMs: number;
  /** The tick; every earlier one counts as claimed, too. */
  readonly tickMs: number;
  /** A task in the queue of the schedule; its group is ignored. */
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

/** The outcome, and the progress that other schedulers have made. */
export interface TickReply {
  readonly outcome: TickOutcome;
  /** `undefined` when the schedule is missing. */
  readonly progress: ScheduleProgress | undefined;
}

/** Stored schedules. */
export interface ScheduleOps {
  /**
   * Stores a schedule, and returns its progress and the one of this name that it replaces, in one step. A change of
   * the spec resets the progress.
   */
  saveSchedule(definition: ScheduleDefinition): Promise<SavedSchedule>;
  /**
   * Claims a tick and enqueues its task in one step: of any number of schedulers that try, one succeeds. If the reply
   * is lost, the task may have been enqueued; a second call then answers `claimed`.
   */
  fireTick(tick: ScheduleTick): Promise<TickReply>;
  /** Ticks during a pause are skipped. `false`: nothing to change; `undefined`: no such schedule. */
  setSchedulePaused(schedule: ScheduleId, isPaused: boolean): Promise<boolean | undefined>;
  /** With a definition: only if that is the one stored. `false` when there was no such schedule. */
  removeSchedule(schedule: ScheduleId | ScheduleDefinition): Promise<boolean>;
  findSchedule(schedule: ScheduleId): Promise<StoredSchedule | undefined>;
  /** All schedules of a queue, by name. */
  schedules(queue: string): Promise<StoredSchedule[]>;
  /** The queues in which a schedule was ever stored and that have not been purged since. */
  scheduleQueues(): Promise<string[]>;
  /**
   * Calls back with the name of a schedule of the queue that was redefined, paused, resumed or removed, alone or with
   * its queue. A hint only: it may be lost. Resolves to a function that ends the subscription.
   */
  onScheduleChanged(queue: string, listener: (name: string) => void): Promise<() => Promise<void>>;
}
