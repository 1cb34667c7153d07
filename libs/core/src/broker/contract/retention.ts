export interface ArchiveLimits {
  readonly maxAgeMs: number;
  readonly maxSize: number;
}

/** Deletes what was kept long enough. */
export interface RetentionOps {
  /** Deletes up to `limit` completed tasks whose retention ended; returns how many. */
  deleteExpiredCompleted(queue: string, limit: number): Promise<number>;
  /** Deletes up to `limit` archived tasks beyond the limits, oldest first, with their locks; returns how many. */
  trimArchived(queue: string, limits: ArchiveLimits, limit: number): Promise<number>;
}
