import type { LeaseClaim } from '../broker/contract/lease.js';
import type { Clock } from '../runtime/clock.js';
import type { LeaseHandle } from '../server/leases/lease-handle.js';

/** A lease without a heartbeat: the test ends it. */
export class FakeLease implements LeaseHandle {
  onLost: (() => void) | undefined;
  isLost = false;
  hasEnded = false;
  isHeld = false;
  isKept = false;

  /** @param clock decides whether it has ended; without one it never does */
  constructor(
    private current: LeaseClaim,
    private readonly endsAtMs: number,
    private readonly clock?: Clock,
  ) {}

  claim(): LeaseClaim {
    return this.current;
  }

  /** As when a heartbeat has written another score. */
  extendTo(expiresAtS: number): void {
    this.current = { ...this.current, expiriesS: [expiresAtS] };
  }

  expiresAtMs(): number {
    return this.endsAtMs;
  }

  isOver(): boolean {
    return this.clock !== undefined && this.clock.nowMs() >= this.endsAtMs;
  }

  hold(): void {
    this.isHeld = true;
  }

  keep(): void {
    this.isKept = true;
  }

  begin(): boolean {
    this.isHeld = false;
    if (this.isLost) this.end();
    return !this.isLost;
  }

  end(): void {
    this.hasEnded = true;
  }

  /** As when a heartbeat finds that the task is no longer ours. */
  lose(): void {
    this.isLost = true;
    this.onLost?.();
  }
}
