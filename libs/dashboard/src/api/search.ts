import type { CancelOutcome, TaskRow } from './tasks.js';
import type { TaskState } from './queues.js';

/** Conditions that all have to hold. Also the address of the page `tasks`: one parameter for each, lists repeated. */
export interface SearchFilter {
  /** Default: all queues that the person may see. */
  readonly queue?: readonly string[] | undefined;
  /** Default: all states. */
  readonly state?: readonly TaskState[] | undefined;
  readonly group?: string | undefined;
  /** `email:*` for all that begin so. */
  readonly type?: string | undefined;
  /** Beginning of the id. */
  readonly id?: string | undefined;
  /** Text in the payload, as shown: hidden fields cannot be searched. */
  readonly payload?: string | undefined;
  /** Text in the last error, as shown. */
  readonly error?: string | undefined;
  /** `name=value`, repeated. */
  readonly header?: readonly string[] | undefined;
  /** Not before and not after this time of the state: due, archived, completed, enqueued. Not for active tasks. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Any of id, type, payload, error or the value of a header contains it. */
  readonly text?: string | undefined;
}

/** `GET api/search?{SearchFilter}&limit=&scanBudget=&cursor=`: one piece. */
export interface SearchQuery extends SearchFilter {
  readonly limit?: number | undefined;
  readonly scanBudget?: number | undefined;
  /** Of the piece before: goes on there. */
  readonly cursor?: string | undefined;
}

/** Ask on with `cursor` until it is missing; stop by not asking on. */
export interface SearchPiece {
  readonly tasks: readonly TaskRow[];
  readonly cursor: string | undefined;
  /** Tasks read in this piece. */
  readonly scanned: number;
  /** Tasks read in all pieces so far. */
  readonly scannedTotal: number;
  /** Tasks in the lists that are searched, about. */
  readonly total: number;
  /** What is being searched, or was last. */
  readonly at: { readonly queue: string; readonly state: TaskState } | undefined;
}

/**
 * `POST api/tasks/act-matching`: acts on all tasks that match; answers with lines of JSON, one {@link MatchingLine}
 * each. To stop, abort the request: what is done stays done.
 */
export type ActMatchingRequest = {
  readonly connection?: string | undefined;
  readonly filter: SearchFilter;
  /** Only counts. */
  readonly dryRun?: boolean | undefined;
  /** The count that the person confirmed: refused with 409 `TASK_STATE` when more than 10 % (and 10) more match now. */
  readonly confirmed?: number | undefined;
} & (
  { readonly action: 'run' | 'archive' | 'delete' } | { readonly action: 'cancel'; readonly outcome: CancelOutcome }
);

export type MatchingLine =
  | { readonly kind: 'progress'; readonly phase: 'counting' | 'acting'; readonly done: number; readonly total: number }
  /** The last line. */
  | { readonly kind: 'end'; readonly report: MatchingReport }
  /** The last line: nothing more is done. */
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly report: MatchingReport };

export interface MatchingReport {
  readonly matched: number;
  readonly done: number;
  /** They had left their place before it was their turn, or were left out by a state that does not allow the action. */
  readonly skipped: number;
  /** By queue and state, those with tasks that match. */
  readonly parts: readonly MatchingPart[];
}

export interface MatchingPart {
  readonly queue: string;
  readonly state: TaskState;
  readonly group?: string | undefined;
  readonly matched: number;
  readonly done: number;
  /** The state does not allow the action, the right is missing, or the work failed. */
  readonly problem?: string | undefined;
}
