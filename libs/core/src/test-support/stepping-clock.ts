import { FakeClock } from '../testing/fake-clock.js';

/** A fake clock that leaves nothing out: leases end, and timers fire as often as on a machine's clock. */
export class SteppingClock extends FakeClock {
  override readonly leaps = false;
}
