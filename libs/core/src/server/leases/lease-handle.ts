import type { LeaseClaim, LeasedTask } from '../../broker/contract/lease.js';

/** When an attempt begins and must end, unix ms. */
export interface AttemptTimes {
  readonly startedAtMs: number;
  /** Its lease is not extended past that, unless the handle requests it. */
  readonly deadlineMs: number;
}

/** A task that was just fetched and is about to run, or is held until a slot is free. */
export interface TrackedTask extends AttemptTimes {
  readonly task: LeasedTask;
}

export interface TrackOptions {
  /**
   * The tasks are held: their leases are extended until `begin()`, whatever their deadlines. After this time, by the
   * monotonic clock, a heartbeat in a thread returns those not begun to the head of their queue when the main thread
   * stands still. Absent: the tasks run, and no thread returns them.
   */
  readonly returnAtMs?: number | undefined;
}

/** One running task's lease, kept alive by the heartbeat until `end()`. */
export interface LeaseHandle {
  /** The current proof of ownership, for a settlement or a result. @param nowMs the time, for those who have just read it */
  claim(nowMs?: number): LeaseClaim;
  /** When the lease ends, as far as this process knows; a settlement is retried until then. */
  expiresAtMs(): number;
  /** It has ended without an extension: another server may have the task. */
  isOver(): boolean;
  /** The lease is known to be lost. */
  readonly isLost: boolean;
  /** Called once, when the lease is known to be lost. Set by the attempt. */
  onLost: (() => void) | undefined;
  /** The task that runs has not begun after all: holds it until `begin()`. No thread returns it. */
  hold(): void;
  /** Extends the lease of a running task beyond its deadline too, until `end()`. */
  keep(): void;
  /**
   * Takes a held task, to run it with these times or to give it back. `false`: the task is no longer ours, the
   * heartbeat has returned it or it is lost; the handle has ended. A held task must be taken before it is settled.
   * @param nowMs by the monotonic clock
   */
  begin(times: AttemptTimes, nowMs: number): boolean;
  /** Stops extending. Called when the outcome is stored or given up. */
  end(): void;
}

/**
 * Whether a refused claim is inconclusive: it arrived so late that the lease may have got a score that the claim could
 * not name. Make a new claim then.
 */
export function hasNewProof(lease: LeaseHandle, refused: LeaseClaim): boolean {
  return !lease.isLost && lease.claim().expiriesS.some((expiresAtS) => !refused.expiriesS.includes(expiresAtS));
}
