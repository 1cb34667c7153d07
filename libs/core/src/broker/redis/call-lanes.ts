import { randomBytes } from 'node:crypto';

/** A pending call. Its repeats carry the same number. */
export interface LaneCall {
  /** Unique among all clients; one call at a time. */
  readonly lane: string;
  /** Higher than that of every earlier call in the lane. */
  readonly nth: number;
}

/**
 * Numbers calls whose replies may be lost. A pending call has exclusive use of a lane, so Redis has to store only the
 * last call of each lane: as many marks as there are concurrent calls. A delayed copy of an earlier call is recognized
 * by its lower number.
 */
export class CallLanes {
  private readonly client = randomBytes(9).toString('base64url');
  private readonly free: string[] = [];
  private lanes = 0;
  private calls = 0;

  open(): LaneCall {
    const lane = this.free.pop() ?? `${this.client}:${this.lanes++}`;
    return { lane, nth: ++this.calls };
  }

  /** A later call in the lane of one that was not answered. */
  next({ lane }: LaneCall): LaneCall {
    return { lane, nth: ++this.calls };
  }

  close({ lane }: LaneCall): void {
    this.free.push(lane);
  }
}
