import type { LeaseClaim } from '../broker/contract/lease.js';
import type { LeaseHandle } from '../server/leases/lease-handle.js';

/** A lease without a heartbeat: it ends when the test says so. */
export class FakeLease implements LeaseHandle {
  onLost: (() => void) | undefined;
  isLost = false;
  hasEnded = false;

  constructor(
    private current: LeaseClaim,
    private readonly endsAtMs: number,
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

  end(): void {
    this.hasEnded = true;
  }

  /** As when a heartbeat learns that the task is not ours any more. */
  lose(): void {
    this.isLost = true;
    this.onLost?.();
  }
}
