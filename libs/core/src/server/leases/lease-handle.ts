import type { LeaseClaim, LeasedTask } from '../../broker/contract/lease.js';

/** A task that was just fetched and is about to run. */
export interface TrackedTask {
  readonly task: LeasedTask;
  readonly startedAtMs: number;
  /** When the attempt must end; its lease is not extended past that. */
  readonly deadlineMs: number;
}

/** One running task's lease, kept alive by the heartbeat until `end()`. */
export interface LeaseHandle {
  /** Proof of ownership right now, for a settlement or a result. */
  claim(): LeaseClaim;
  /** Local knowledge of when the lease ends; a settlement is retried until then. */
  expiresAtMs(): number;
  /** The lease is known to be lost. */
  readonly isLost: boolean;
  /** Called once, when the lease is known to be lost. Set by the attempt. */
  onLost: (() => void) | undefined;
  /** Stops extending. Call it when the outcome is stored or given up. */
  end(): void;
}

/**
 * Whether a refused claim proves nothing: it arrived so late that the lease may have got a score that the claim could not
 * name. Then make a new one.
 */
export function hasNewProof(lease: LeaseHandle, refused: LeaseClaim): boolean {
  return !lease.isLost && lease.claim().expiriesS.some((expiresAtS) => !refused.expiriesS.includes(expiresAtS));
}
