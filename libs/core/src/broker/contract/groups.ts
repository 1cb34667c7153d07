import type { TaskMessage } from '../../wire/task-message.js';
import type { NewTask } from './enqueue.js';

/** Most tasks of one aggregation set: Redis serves nobody else while a script runs. */
export const LARGEST_SET = 1_000;

/** About how many bytes of messages one aggregation set holds at most, beyond its first task: a server holds all of it. */
export const LARGEST_SET_BYTES = 16 * 1_048_576;

/** How long somebody may work on an aggregation set before anybody may give it back; asynq's, too. */
export const SET_LIFE_S = 120;

/** For how long a size that was asked for is told of; see `GroupOps.awaitSizes`. */
export const AWAITED_SIZES_LIFE_MS = 60_000;

/**
 * For how long a group that tasks were to join is remembered after that, while no server of ours looks. Go servers may
 * have put the tasks into it without naming it.
 */
export const EXPECTED_GROUPS_LIFE_MS = 24 * 3_600_000;

/** When a group is ripe. */
export interface GroupLimits {
  /** Nobody joined for so long. */
  readonly gracePeriodS: number;
  /** The oldest task waits for so long; 0: however long. */
  readonly maxDelayS: number;
  /** So many tasks wait, and that many are taken at one time; 0: however many. */
  readonly maxSize: number;
}

/** A group with waiting tasks. */
export interface WaitingGroup {
  readonly name: string;
  readonly size: number;
  /** When the task that waits longest joined, unix s. */
  readonly oldestS: number;
  /** When the task that came last joined, unix s. */
  readonly newestS: number;
}

/** Tasks taken from a group to be made into one. Until its deadline it belongs to whoever took it. */
export interface AggregationSet {
  readonly group: string;
  /** A UUID v4. */
  readonly setId: string;
  /** Unix s. Proof of ownership. */
  readonly deadlineS: number;
  /** Longest waiting first. */
  readonly tasks: readonly TaskMessage[];
}

export type FinishReply =
  | { readonly status: 'finished' }
  /** The set was given back, or another server finished it. Nothing was written. */
  | { readonly status: 'setLost' }
  /** The queue has a task with the id of the new one that is no member of the set. Nothing was written. */
  | { readonly status: 'idConflict' }
  /** A task outside of the set holds the lock of the new one. Nothing was written. */
  | { readonly status: 'duplicate'; readonly holderId: string };

/** `full`: so many tasks wait in the group as somebody asked for. `taken`: and somebody took them. */
export type GroupNews = 'full' | 'taken';

/** Groups: tasks that wait together until they are made into one. */
export interface GroupOps {
  /** All groups of the queue in which tasks wait, by name. */
  waitingGroups(queue: string): Promise<WaitingGroup[]>;
  /**
   * Takes the tasks of a group, at most {@link LARGEST_SET} and {@link LARGEST_SET_BYTES}, if it is ripe by now; `undefined` when it is not.
   * Ids without a message are dropped; messages that do not decode, or carry another id or queue, are quarantined in
   * `archived`. If the reply is lost, `reclaimSets` gives the tasks back.
   */
  takeRipe(queue: string, group: string, limits: GroupLimits): Promise<AggregationSet | undefined>;
  /**
   * Asks for a minute to be told, through `onGroupNews`, when a group has reached one of the sizes or a multiple.
   * `enqueue` and `forwardDue` tell, and `takeRipe` when it took such a group; Go servers do not.
   */
  awaitSizes(queue: string, sizes: readonly number[]): Promise<void>;
  /** Calls back with such news. A hint only: it may be lost. Resolves to a function that ends the subscription. */
  onGroupNews(queue: string, listener: (group: string, news: GroupNews) => void): Promise<() => Promise<void>>;
  /** Archives tasks of a set that cannot be aggregated, as the messages say; returns how many were in the set. */
  archiveMembers(queue: string, set: AggregationSet, messages: readonly TaskMessage[]): Promise<number>;
  /**
   * Writes the task that the members of a set were made into and deletes these, with their locks, in one step. Those who
   * wait for a member hear that it is gone. The new task's queue must be that of the set, its id may be that of a member;
   * its group is ignored. Safe to repeat after a lost reply.
   */
  finishSet(queue: string, set: AggregationSet, task: NewTask): Promise<FinishReply>;
  /** Gives the members of a set back to their group, to be taken again; nothing happens if the set was lost. */
  returnSet(queue: string, set: AggregationSet): Promise<void>;
  /**
   * Gives the members of up to `limit` sets whose deadline has passed back to their groups, those of Go servers too, and
   * makes the groups known again; returns how many sets there were.
   */
  reclaimSets(queue: string, limit: number): Promise<number>;
  /**
   * Names groups again that have tasks and lost their name: Go servers add none when they give a set back or forward a
   * task to its group. It knows the groups of scheduled tasks, and of what an earlier call has seen: sets, and tasks that
   * wait for a retry, the first `limit` of each. Looks at up to `limit` of the groups it knows, at the next ones when it
   * is called again. Returns how many it named.
   */
  nameLostGroups(queue: string, limit: number): Promise<number>;
}
