/** Tells the processor when a queue may have work, and hears from it how the queues look. */
export interface WorkSignal {
  /** Resolves when any queue may have work (spurious wake-ups happen), or `signal` aborts. */
  waitForWork(signal: AbortSignal): Promise<void>;
  /** The processor found the queue paused: do not watch its pending list until it is unpaused. */
  reportPaused(queue: string): void;
  /** A fetch after a wake-up took all it could and left so many pending: wake idle servers for them. */
  reportRemaining(queue: string, remaining: number): void;
  /** Whether any slot is free. A server without free slots for a while hands the watching to others. */
  setFree(hasFreeSlots: boolean): void;
}

/** Whether this server has the leader's duty for a queue: forward, recover, repair, trim. */
export interface Leadership {
  isLeader(queue: string): boolean;
  /** Calls back with the queue when this server becomes its leader. Returns a function that ends it. */
  onElected(listener: (queue: string) => void): () => void;
}
