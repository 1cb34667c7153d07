const MINUTE_MS = 60_000;

/** From which figures of a queue on `asynq doctor` and the dashboard warn, for programs that should agree with them. */
export const QUEUE_ALARMS = {
  /** `latencyMs`, and of due tasks `overdueMs` in the dashboard. */
  waitMs: MINUTE_MS,
  /** The same, as a high one. */
  longWaitMs: 5 * MINUTE_MS,
  /** How long a queue has been paused. */
  longPauseMs: 60 * MINUTE_MS,
  /** Attempts, of which a share says something. */
  fewAttempts: 10,
  /** Share of attempts that failed. */
  failedShare: 0.2,
} as const;
