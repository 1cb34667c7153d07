/** Bounds of what one request may ask for. Numbers outside of them are refused with `INVALID`. */
export const BOUNDS = {
  /** Rows of a page. */
  pageSize: { min: 1, max: 200, default: 30 },
  page: { min: 1, max: 1_000_000_000, default: 1 },
  historyDays: { min: 1, max: 90, default: 30 },
  /** Tasks that one piece of a search may read. */
  scanBudget: { min: 1, max: 20_000, default: 5_000 },
  /** Tasks that one piece of a search may find. */
  searchLimit: { min: 1, max: 500, default: 100 },
  /** Tasks that one `act` may name. */
  actItems: 1_000,
  /** Queues that one request may pause or resume: a page of them. */
  actQueues: 200,
  /** Characters of a text in a query: a name, an id, a text to search for. */
  textLength: 2_000,
  /** Queues that one stream may watch. */
  watchedQueues: 200,
  /** Bytes of a payload in a list; the rest is cut. */
  listedPayload: 4_096,
  /** Bytes of a payload, result or error in the details of a task, unless all of it is asked for. */
  shownPayload: 65_536,
  /** Bytes of a body, where the dashboard reads it itself. */
  body: 4 * 1024 * 1024,
} as const;
