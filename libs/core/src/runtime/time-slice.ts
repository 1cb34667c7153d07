import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs, systemClock } from './clock.js';

/** How long one piece of work may hold the event loop. */
const SLICE_MS = 8;

/** Lets the event loop turn while a loop works through many items. */
export class TimeSlice {
  private endsAtMs = monotonicMs(systemClock) + SLICE_MS;

  /** The time is up: await {@link turn} before the next item. */
  get isOver(): boolean {
    return monotonicMs(systemClock) >= this.endsAtMs;
  }

  async turn(): Promise<void> {
    await nextTurn();
    this.endsAtMs = monotonicMs(systemClock) + SLICE_MS;
  }
}
