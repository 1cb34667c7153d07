// Imported, so that a test's fake timers, which replace the globals, do not block fetches.
import { setImmediate } from 'node:timers';
import type { Clock } from '../../runtime/clock.js';
import { nextTick } from '../../runtime/microtasks.js';

/** How long a program whose clock leaps may go without a turn of the event loop. */
const LONGEST_MS = 5;
const realMs = performance.now.bind(performance);

/** Lets everything else run between two steps of the queues in memory. */
export class Turns {
  private lastMs = -Infinity;

  constructor(private readonly clock: Clock) {}

  /**
   * Resolves in the next turn of the event loop. Where time leaps, years may pass between two timers and sockets that have
   * something to say: there it resolves when all promises have settled, as long as the event loop turns now and then.
   */
  next(): Promise<void> {
    if (this.clock.leaps && realMs() - this.lastMs < LONGEST_MS) return new Promise((resolve) => nextTick(resolve));
    return new Promise((resolve) =>
      setImmediate(() => {
        this.lastMs = realMs();
        resolve();
      }),
    );
  }
}
