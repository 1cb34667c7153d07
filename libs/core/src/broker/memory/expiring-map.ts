import { type Clock, monotonicMs } from '../../runtime/clock.js';
import { SortedSet } from './sorted-set.js';

/** Values that expire, as Redis keys with a TTL do. Every access removes the expired ones. */
export class ExpiringMap<Value> {
  private readonly values = new Map<string, Value>();
  /** By the monotonic clock: setting the time of day prolongs nothing. */
  private readonly expiries = new SortedSet();

  constructor(private readonly clock: Clock) {}

  get size(): number {
    this.expire();
    return this.values.size;
  }

  get(key: string): Value | undefined {
    this.expire();
    return this.values.get(key);
  }

  set(key: string, value: Value, expiresAtMs: number): void {
    this.expire();
    this.values.set(key, value);
    this.expiries.set(key, expiresAtMs - this.clock.nowMs() + monotonicMs(this.clock));
  }

  /** Unix ms. */
  expiresAtMs(key: string): number | undefined {
    this.expire();
    const expiry = this.expiries.score(key);
    return expiry === undefined ? undefined : Math.round(expiry - monotonicMs(this.clock) + this.clock.nowMs());
  }

  delete(key: string): void {
    this.values.delete(key);
    this.expiries.delete(key);
  }

  /** A copy, by key. */
  entries(): [string, Value][] {
    this.expire();
    return [...this.values];
  }

  private expire(): void {
    const nowMs = monotonicMs(this.clock);
    for (let first = this.expiries.first(); first && first.score <= nowMs; first = this.expiries.first()) {
      this.delete(first.id);
    }
  }
}
