import type { Refusal } from './errors.js';
import type { TaskState } from './queues.js';

/** Which task. */
export interface TaskRef {
  readonly queue: string;
  readonly id: string;
}

/** Bytes for people. */
export interface Content {
  /** `text`: valid UTF-8, unchanged but for hidden fields; `base64`: anything else. */
  readonly encoding: 'text' | 'base64';
  readonly data: string;
  /** Length of all of it, in bytes. */
  readonly bytes: number;
  /** `data` ends early, at a whole character; ask for the details with `full=1`. */
  readonly isCut: boolean;
  /** Some of it is hidden. */
  readonly isRedacted: boolean;
  /** What a formatter of the app made of it, as text to show first. */
  readonly formatted?: string | undefined;
}

/** A task in a list. */
export interface TaskRow extends TaskRef {
  /** Of a partitioned queue: the part that holds it. */
  readonly partition?: string | undefined;
  readonly type: string;
  readonly state: TaskState;
  readonly payload: Content;
  readonly retried: number;
  readonly maxRetry: number;
  readonly lastError: string;
  readonly lastFailedAtMs: number | undefined;
  readonly nextProcessAtMs: number | undefined;
  readonly completedAtMs: number | undefined;
  /** When a completed task will be deleted. */
  readonly expiresAtMs: number | undefined;
  readonly deadlineAtMs: number | undefined;
  readonly result: Content | undefined;
  readonly group: string | undefined;
  readonly progress: Progress | undefined;
  /** Active, and its lease ran out without a heartbeat. */
  readonly isOrphaned: boolean;
  readonly crashes: number;
  /** Of an active task, if its server is known. */
  readonly worker: RunningOn | undefined;
}

export interface Progress {
  /** 0 to 1. */
  readonly share: number;
  readonly note: string | undefined;
  readonly atMs: number;
}

/** The server that runs a task. */
export interface RunningOn {
  readonly server: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAtMs: number;
  /** When the attempt will be aborted. */
  readonly deadlineAtMs: number;
}

/** `GET api/tasks?queue=&state=&group=&page=&size=`: in the order of asynq. */
export interface TasksQuery {
  readonly queue: string;
  readonly state: TaskState;
  /** Required for `aggregating`, only there. */
  readonly group?: string | undefined;
  readonly page?: number | undefined;
  readonly size?: number | undefined;
}

export interface TaskPage {
  readonly tasks: readonly TaskRow[];
  /** Tasks of the state, on all pages. */
  readonly total: number;
  readonly page: number;
  readonly size: number;
}

/** `GET api/task?queue=&id=&full=1` */
export interface TaskDetails {
  readonly nowMs: number;
  readonly task: TaskRow;
  readonly headers: readonly { readonly name: string; readonly value: string; readonly isRedacted: boolean }[];
  /** With its line breaks. */
  readonly error: { readonly text: string; readonly isCut: boolean; readonly isRedacted: boolean };
  readonly timeoutMs: number | undefined;
  readonly retentionMs: number;
  /** Its unique lock; `undefined`: none. */
  readonly lock: { readonly expiresInMs: number } | undefined;
  /** What the person may do now, by state and right. */
  readonly actions: readonly TaskActionName[];
  /** Pages of the app, or of its traces, about this task. */
  readonly links: readonly { readonly label: string; readonly url: string }[];
  /** `traceparent` of its headers. */
  readonly traceId: string | undefined;
}

export type CancelOutcome = 'retry' | 'archive' | 'delete';

/** What can be done with a waiting, running or ended task. */
export type TaskActionName =
  'run' | 'runNext' | 'archive' | 'delete' | 'cancel' | 'reschedule' | 'move' | 'editPayload' | 'again';

/** `POST api/tasks/act`: one action on 1 to 1,000 named tasks. */
export type ActRequest = {
  readonly connection?: string | undefined;
  readonly items: readonly TaskRef[];
  /** Act only on tasks that are still in this state. */
  readonly expectedState?: TaskState | undefined;
} & (
  | { readonly action: 'run' | 'runNext' | 'archive' | 'delete' }
  | { readonly action: 'cancel'; readonly outcome: CancelOutcome }
  | { readonly action: 'reschedule'; readonly atMs: number }
  | { readonly action: 'move'; readonly target: string }
);

/** The result of `act`, in the order of the items. */
export interface ActAnswer {
  readonly done: number;
  /** Of `cancel`: how many were asked to stop, and what became of those that did not run. */
  readonly replies?: Readonly<Record<'requested' | 'archived' | 'deleted' | 'unchanged', number>> | undefined;
  readonly failed: readonly ActFailure[];
}

export interface ActFailure extends TaskRef, Refusal {}

/** `POST api/task/payload`: replaces the payload of a scheduled task. Text is stored as UTF-8, as it is. */
export interface EditPayload extends TaskRef {
  readonly connection?: string | undefined;
  readonly payload: NewContent;
}

export interface NewContent {
  readonly encoding: 'text' | 'base64';
  readonly data: string;
}

/** `POST api/task/again`: enqueues a copy with a new id. */
export interface AgainRequest extends TaskRef {
  readonly connection?: string | undefined;
  /** Default: that of the task, also what is hidden in it. Another one needs the right to enqueue new tasks. */
  readonly payload?: NewContent | undefined;
  /** Default: the queue of the task. */
  readonly target?: string | undefined;
  /** Default: at once. */
  readonly processAtMs?: number | undefined;
}

/** `POST api/tasks/new` */
export interface NewTaskRequest {
  readonly connection?: string | undefined;
  readonly queue: string;
  readonly type: string;
  readonly payload: NewContent;
  readonly id?: string | undefined;
  readonly maxRetry?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly retentionMs?: number | undefined;
  readonly processAtMs?: number | undefined;
  readonly group?: string | undefined;
  /** How long the lock against equal tasks holds. */
  readonly uniqueMs?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The answer of `again` and `newTask`. */
export interface EnqueuedAnswer extends TaskRef {
  readonly state: TaskState;
}

/** `GET api/types`: the task types that this app handles, for the form of a new task. */
export interface TypesAnswer {
  readonly types: readonly KnownType[];
}

/** A task type that this app handles. */
export interface KnownType {
  /** Handles this type, and all that begin with it and that no longer one fits. */
  readonly type: string;
  /** JSON Schema (2020-12 subset) of the payload, by its class; `undefined`: it has none. */
  readonly schema: unknown;
}
