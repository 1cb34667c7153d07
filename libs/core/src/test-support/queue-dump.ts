import type { MemoryTask } from '../broker/memory/memory-store.js';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import type { SchedulerEnqueueEvent, SchedulerEntry } from '../wire/scheduler-entry.js';
import type { ServerInfo, WorkerInfo } from '../wire/server-info.js';
import { decodeTaskMessage, type TaskMessage } from '../wire/task-message.js';

/** Points in time by task id, unix s: the scores of a sorted set. */
export type Scores = Readonly<Record<string, number>>;

/** The hash of one task, field by field as stored. Missing fields are left out. */
export type TaskFields = Readonly<MemoryTask>;

/** One task, decoded for comparisons. */
export interface TaskDump extends Omit<TaskFields, 'msg'> {
  /** Missing when the hash has no message, or none that decodes. */
  readonly message?: TaskMessage;
  /** Bytes in place of a message that do not decode. */
  readonly undecodable?: Uint8Array;
}

/** How many attempts ended; days are UTC, `yyyy-mm-dd`, and left out when they counted nothing. */
export interface CounterDump {
  readonly total: number;
  readonly days: Readonly<Record<string, number>>;
}

/** Tasks taken from a group. */
export interface SetDump {
  readonly group: string;
  /** Unix s. */
  readonly deadlineS: number;
  /** When they joined the group. */
  readonly members: Scores;
}

export function sortSets(sets: readonly SetDump[]): SetDump[] {
  const place = ({ group, deadlineS, members }: SetDump): string =>
    JSON.stringify([group, deadlineS, Object.keys(members).sort()]);
  return sets.toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
}

/** The complete content of a queue, whichever broker stores it: equal dumps mean equal queues. */
export interface QueueDump {
  /** Ids in `pending`, next to run first. */
  readonly nextUp: readonly string[];
  /** Ids in `active`, newest first. */
  readonly active: readonly string[];
  readonly leases: Scores;
  /** Due times, rounded up; the exact ones are in the tasks. */
  readonly scheduled: Scores;
  readonly retry: Scores;
  readonly archived: Scores;
  /** When they will be deleted. */
  readonly completed: Scores;
  readonly groups: Readonly<Record<string, Scores>>;
  /** Tasks that are being aggregated, sorted by group and deadline; ids of sets are left out, since they are random. */
  readonly aggregationSets: readonly SetDump[];
  /** Sorted. */
  readonly groupNames: readonly string[];
  readonly tasks: Readonly<Record<string, TaskDump>>;
  /** Full name of each unique lock, and the id of the task that holds it. */
  readonly locks: Readonly<Record<string, string>>;
  readonly processed: CounterDump;
  readonly failed: CounterDump;
  /** Unix s; missing when the queue is not paused. */
  readonly pausedAtS?: number;
  /** Whether inspectors know the queue. */
  readonly isAnnounced: boolean;
  /** Keys in Redis that no queue should have. */
  readonly strayKeys: readonly string[];
}

/** Changes to make past the broker. Lists are appended to; `undefined` removes an entry. */
export interface Injection {
  /** Fields to set; a field given as `undefined` is removed, a task given as `undefined` loses its hash. */
  readonly tasks?: Readonly<Record<string, TaskFields | undefined>>;
  /** Next to run first; all run after those already pending. */
  readonly nextUp?: readonly string[];
  /** Newest first. */
  readonly active?: readonly string[];
  readonly leases?: Readonly<Record<string, number | undefined>>;
  readonly scheduled?: Scores;
  readonly retry?: Scores;
  readonly archived?: Scores;
  readonly completed?: Scores;
  /** Groups that lose their names, as when a Go server returns their tasks. */
  readonly unnamedGroups?: readonly string[];
  /** Held for an hour. */
  readonly locks?: Readonly<Record<string, string>>;
}

/** The presence of a server. */
export interface PresenceDump {
  readonly server: ServerInfo;
  /** By task id. */
  readonly workers: Readonly<Record<string, WorkerInfo>>;
}

/** Direct access to one queue, past the broker; one per kind of broker. */
export interface Backdoor {
  dump(): Promise<QueueDump>;
  /** `undefined` when the server is not registered. */
  presence(server: ServerInfo): Promise<PresenceDump | undefined>;
  /** The entries of a scheduler, the next to fire first; empty when it is not registered. */
  plan(schedulerId: string): Promise<SchedulerEntry[]>;
  /** Oldest first. */
  history(entryId: string): Promise<SchedulerEnqueueEvent[]>;
  inject(injection: Injection): Promise<void>;
  /** Removes the queue. */
  destroy(): Promise<void>;
}

/** The existing fields of a hash, with the message decoded. */
export function dumpTask({ msg, ...rest }: TaskFields): TaskDump {
  const present = Object.entries(rest).filter(([, value]) => value !== undefined);
  const fields = Object.fromEntries(present.map(([name, value]) => [name, plainBytes(value)])) as TaskDump;
  if (!msg) return fields;
  try {
    const message = decodeTaskMessage(msg);
    return { ...fields, message: { ...message, payload: Uint8Array.from(message.payload) } };
  } catch (error) {
    if (!(error instanceof MessageDecodeError)) throw error;
    return { ...fields, undecodable: Uint8Array.from(msg) };
  }
}

/** Brokers use several classes for bytes, which comparisons would distinguish. */
function plainBytes(value: unknown): unknown {
  return value instanceof Uint8Array ? Uint8Array.from(value) : value;
}
