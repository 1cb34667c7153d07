export interface ForwardReply {
  readonly moved: number;
  /**
   * When the next task of the queue is due, or earlier; `undefined` when none waits. Means nothing when `moved` reaches the limit:
   * more may be due, and the caller looks again at once.
   */
  readonly nextDueAtMs: number | undefined;
}

/** Moves due tasks. */
export interface ForwardOps {
  /**
   * Moves up to `limit` due tasks of `scheduled` and of `retry` to `pending`, or to the group that the hash names.
   * Exact to the millisecond for tasks that carry `due_at_ms`, to the second for those of Go; never early.
   */
  forwardDue(queue: string, limit: number): Promise<ForwardReply>;
  /**
   * Calls back when a task was scheduled ahead of all others, or the queue was unpaused. A hint only: it may be lost,
   * and Go servers do not send it. Resolves to a function that ends the subscription.
   */
  onNudge(queue: string, listener: () => void): Promise<() => Promise<void>>;
}
