import type { Board } from '../board.js';
import type { Viewer } from '../access/viewer.js';
import type { Fields } from '../http/fields.js';

/** What a request that reads is given. */
export interface ReadContext {
  readonly board: Board;
  readonly viewer: Viewer;
  readonly query: Fields;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** Answers a request that reads, with what becomes JSON. */
export type Read = (context: ReadContext) => Promise<object>;
