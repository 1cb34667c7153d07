/**
 * Thrown by a handler: do not retry this task, archive it now. The message becomes the task's last error.
 * asynq's `SkipRetry`. Not a `QueueError`: it selects the outcome, and reports no failure of the queue.
 */
export class SkipRetry extends Error {
  constructor(message = 'skip retry for the task', options?: ErrorOptions) {
    super(message, options);
    this.name = 'SkipRetry';
  }
}

/** Thrown by a handler: drop this task. It counts as processed, is not retained, and its unique lock is released. */
export class RevokeTask extends Error {
  constructor(message = 'revoke task', options?: ErrorOptions) {
    super(message, options);
    this.name = 'RevokeTask';
  }
}

/** The signal in an error or its chain of causes, if there is one. Never throws. */
export function findSignal(error: unknown): SkipRetry | RevokeTask | undefined {
  try {
    for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth++) {
      if (at instanceof SkipRetry || at instanceof RevokeTask) return at;
    }
  } catch {
    // A proxy, or a cause that throws when it is read, is not one of our signals.
  }
  return undefined;
}
