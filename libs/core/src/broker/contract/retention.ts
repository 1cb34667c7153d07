export interface ArchiveLimits {
  readonly maxAgeMs: number;
  readonly maxSize: number;
}

/** Deletes completed and archived tasks past their retention. */
export interface RetentionOps {
  /** Deletes up to `limit` completed tasks past their retention; returns how many. */
  deleteExpiredCompleted(queue: string, limit: number): Promise<number>;
  /** Deletes up to `limit` archived tasks beyond the limits, oldest first, with their locks; returns how many. */
  trimArchived(queue: string, limits: ArchiveLimits, limit: number): Promise<number>;
}
