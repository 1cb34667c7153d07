import type { TaskMessage } from '../../wire/task-message.js';
import type { NewTask } from './enqueue.js';

/** Maximum number of tasks in an aggregation set: Redis serves no other client while a script runs. */
export const LARGEST_SET = 1_000;

/**
 * Approximate limit for the messages of an aggregation set beyond its first task: a server holds them all in memory.
 */
export const LARGEST_SET_BYTES = 16 * 1_048_576;

/** Limits of a small set: a server may hold many of these at a time. */
export const SMALL_SET = 100;
export const SMALL_SET_BYTES = 256 * 1_024;

/** How long a server may work on an aggregation set before others may return it; the same in asynq. */
export const SET_LIFE_S = 120;

/** How long a request to watch for a size is valid; see `GroupOps.awaitSizes`. */
export const AWAITED_SIZES_LIFE_MS = 60_000;

/** How long `groupsByTime` works after the last `orderGroups`. */
export const GROUP_ORDER_LIFE_MS = 3_600_000;

/**
 * How long a group is remembered after the time at which tasks were to join it, while no server of ours checks. Go
 * servers may have added the tasks without naming the group.
 */
export const EXPECTED_GROUPS_LIFE_MS = 24 * 3_600_000;

/** When a group is ripe for aggregation. */
export interface GroupLimits {
  /** No task joined for this long. */
  readonly gracePeriodS: number;
  /** The oldest task has waited for this long; 0: no limit. */
  readonly maxDelayS: number;
  /** This many tasks wait; also the maximum taken at a time. 0: no limit. */
  readonly maxSize: number;
}

/** A group with waiting tasks. */
export interface WaitingGroup {
  readonly name: string;
  readonly size: number;
  /** When the oldest task joined, unix s. */
  readonly oldestS: number;
  /**
   * When the newest task joined, unix s; tasks with a time in the future, by a wrong clock, count only if there are no
   * others.
   */
  readonly newestS: number;
}

/** Some of the groups of a queue. */
export interface GroupPage {
  readonly groups: readonly WaitingGroup[];
  /** The position of the next page; `undefined` for the last one. */
  readonly next: string | undefined;
}

/** Groups in the order in which their newest, or their oldest, tasks joined. */
export type GroupOrder = 'newest' | 'oldest';

/** A group, and when that task joined. */
export interface GroupTime {
  readonly name: string;
  /** Unix s. */
  readonly atS: number;
}

/** Tasks taken from a group for aggregation. Until its deadline the set belongs to the server that took it. */
export interface AggregationSet {
  readonly group: string;
  /** A UUID v4. */
  readonly setId: string;
  /** Unix s. Proof of ownership. */
  readonly deadlineS: number;
  /** Oldest first. */
  readonly tasks: readonly TaskMessage[];
}

export interface TakenSet extends AggregationSet {
  /** Number of tasks that it has left in its group, which may still be ripe. */
  readonly left: number;
}

export type FinishReply =
  | { readonly status: 'finished' }
  /** The set was returned, or another server finished it. Nothing was written. */
  | { readonly status: 'setLost' }
  /** A task outside of the set has the id of the new one. Nothing was written. */
  | { readonly status: 'idConflict' }
  /** A task outside of the set holds the lock of the new one. Nothing was written. */
  | { readonly status: 'duplicate'; readonly holderId: string };

/** `full`: the group has reached a requested size. `taken`: a server took such a group. */
export type GroupChange = 'full' | 'taken';

/** Groups: tasks that wait together until they are aggregated into one. */
export interface GroupOps {
  /**
   * Some of the groups with waiting tasks, about 200 at most. All pages together contain each group that is there from
   * the first to the last, perhaps more than once. Corrects `groupsByTime`.
   */
  waitingGroups(queue: string, position?: string): Promise<GroupPage>;
  /**
   * Begins, or continues, to keep the groups in these orders, for an hour. Returns whether one of them is new and so
   * still empty: reading all `waitingGroups` fills it.
   */
  orderGroups(queue: string, orders: readonly GroupOrder[]): Promise<boolean>;
  /**
   * The next groups in an order, behind the given one; those of equal times in the order of their names. A hint: a
   * group to which Go has added tasks is missing until `waitingGroups` reads it, and a group may have no tasks left.
   */
  groupsByTime(queue: string, order: GroupOrder, after: GroupTime | undefined, limit: number): Promise<GroupTime[]>;
  /**
   * Takes the tasks of a group, at most {@link LARGEST_SET} and {@link LARGEST_SET_BYTES}, if it is ripe; `undefined`
   * when it is not. Ids without a message are dropped; messages that do not decode, or carry another id or queue, are
   * quarantined in `archived`; when none is left, the next tasks are taken. If the reply is lost, `reclaimSets` returns
   * the tasks.
   */
  takeRipe(queue: string, group: string, limits: GroupLimits): Promise<TakenSet | undefined>;
  /**
   * Does the same for a group that fits {@link SMALL_SET} and {@link SMALL_SET_BYTES}; from a larger one it takes
   * nothing. Concurrent calls share a round trip.
   */
  takeSmall(queue: string, group: string, limits: GroupLimits): Promise<TakenSet | 'tooLarge' | undefined>;
  /**
   * Requests `onGroupChanged` signals for a minute, for groups that reach one of the sizes or a multiple. `enqueue` and
   * `forwardDue` send them, and `takeRipe` when it takes such a group; Go servers do not.
   */
  awaitSizes(queue: string, sizes: readonly number[]): Promise<void>;
  /**
   * Calls back with a change of a group. A hint only: it may be lost. Resolves to a function that ends the
   * subscription.
   */
  onGroupChanged(queue: string, listener: (group: string, change: GroupChange) => void): Promise<() => Promise<void>>;
  /** Archives unusable tasks of a set with the messages given; returns how many were in the set. */
  archiveMembers(queue: string, set: AggregationSet, messages: readonly TaskMessage[]): Promise<number>;
  /**
   * Writes the combined task of a set and deletes the members, with their locks, in one step. Clients that wait for a
   * member are notified of its removal. The combined task must be in the queue of the set and may have the id of a
   * member; its group is ignored. Safe to repeat after a lost reply.
   */
  finishSet(queue: string, set: AggregationSet, task: NewTask): Promise<FinishReply>;
  /** Returns the members of a set to their group, to be taken again; does nothing if the set was lost. */
  returnSet(queue: string, set: AggregationSet): Promise<void>;
  /**
   * Returns the members of up to `limit` sets past their deadline, those of Go servers included, to their groups, and
   * registers the groups again; returns the number of sets.
   */
  reclaimSets(queue: string, limit: number): Promise<number>;
  /**
   * Restores the names of groups that have tasks: Go servers add no name when they return a set or forward a task to
   * its group. Covers the groups of scheduled tasks, and those that an earlier call has seen in sets and in tasks that
   * wait for a retry, the first `limit` of each. Checks up to `limit` of these groups, and the next ones in the next
   * call. Returns the number of names restored.
   */
  nameLostGroups(queue: string, limit: number): Promise<number>;
}
