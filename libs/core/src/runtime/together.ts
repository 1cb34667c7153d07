import { type Clock, monotonicMs } from './clock.js';

/** A shorter delay has its reason. */
const EXACT_BELOW_MS = 1_000;

/**
 * A delay, shortened by less than `byMs` so that it ends together with others, whose work is then done in one call.
 * Delays below a second stay exact.
 */
export function together(clock: Clock, delayMs: number, byMs: number): number {
  return delayMs < EXACT_BELOW_MS ? delayMs : delayMs - ((monotonicMs(clock) + delayMs) % byMs);
}
