import type { LeaseClaim } from '../../broker/contract/lease.js';
import type { Clock } from '../../runtime/clock.js';
import { shownPayload } from '../../wire/server-info.js';
import { fromS } from '../../wire/unix-time.js';
import type { AttemptTimes, LeaseHandle, TrackedTask } from './lease-handle.js';
import type { LeaseRecord } from './lease-record.js';
import { possibleExpiriesS, type Pulse } from './pulse.js';
import type { TaskDescription } from './shown-tasks.js';

/** When the attempt must end, by the monotonic clock. */
export const endsAtMs = ({ startedAtMs, deadlineMs }: AttemptTimes, nowMs: number): number =>
  nowMs + deadlineMs - startedAtMs;

/** Of no bytes when a handler has transferred them to another thread. */
function shownText(payload: Uint8Array): string {
  if (payload.length === 0) return '';
  const { buffer, byteOffset, byteLength } = shownPayload(payload);
  return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
}

/** What the handles share. */
export interface LeaseDeps {
  readonly pulse: Pulse;
  readonly clock: Clock;
  readonly free: (record: LeaseRecord) => void;
}

/** A handle over a record in shared memory, for the main thread. */
export class RunningLease implements LeaseHandle {
  onLost: (() => void) | undefined;
  isLost = false;
  /** `undefined`: it has ended, and another task may have the record. */
  private record: LeaseRecord | undefined;
  /** Of the record, or as they were at the end. */
  private scores: Pick<LeaseRecord, 'confirmedS' | 'pendingS'>;
  private times: AttemptTimes;

  constructor(
    record: LeaseRecord,
    readonly key: number,
    private readonly tracked: TrackedTask,
    private readonly deps: LeaseDeps,
  ) {
    this.record = record;
    this.scores = record;
    this.times = tracked;
  }

  claim(nowMs: number = this.deps.clock.nowMs()): LeaseClaim {
    return { id: this.tracked.task.message.id, expiriesS: possibleExpiriesS(this.scores, this.deps.pulse, nowMs) };
  }

  expiresAtMs(): number {
    const { pulse, clock } = this.deps;
    return pulse.isSteady(clock.nowMs()) ? fromS(this.scores.confirmedS) : Infinity;
  }

  isOver(): boolean {
    return this.deps.clock.nowMs() >= fromS(this.scores.confirmedS);
  }

  hold(): void {
    this.record?.hold();
  }

  keep(): void {
    this.record?.keep();
  }

  begin(times: AttemptTimes, nowMs: number): boolean {
    this.times = times;
    const isOurs = !this.isLost && this.record?.begin(endsAtMs(times, nowMs)) === true;
    if (!isOurs) this.end();
    return isOurs;
  }

  end(): void {
    const { record } = this;
    if (!record) return;
    record.end();
    this.scores = { confirmedS: record.confirmedS, pendingS: record.pendingS };
    this.record = undefined;
    this.deps.free(record);
  }

  lose(): void {
    if (this.isLost) return;
    this.isLost = true;
    this.onLost?.();
  }

  describe(): TaskDescription {
    const { type, payload } = this.tracked.task.message;
    const { startedAtMs, deadlineMs } = this.times;
    return { type, payload: shownText(payload), startedAtMs, deadlineMs };
  }
}
