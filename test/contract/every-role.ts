import type { TestQueue } from '@nestjs-asynq/core/testing';
import { describeCancelling } from './cancelling.contract.js';
import { describeDuties } from './duties.contract.js';
import { describeEnqueueing } from './enqueueing.contract.js';
import { describeFleet } from './fleet.contract.js';
import { describeForwarding } from './forwarding.contract.js';
import { describeGrouping } from './grouping.contract.js';
import { describeInspecting } from './inspecting.contract.js';
import { describeLeasing } from './leasing.contract.js';
import { describeListing } from './listing.contract.js';
import { describeMoving } from './moving.contract.js';
import { describePausing } from './pausing.contract.js';
import { describePresence } from './presence.contract.js';
import { describeRecovering } from './recovering.contract.js';
import { describeRemoving } from './removing.contract.js';
import { describeResults } from './results.contract.js';
import { describeRetention } from './retention.contract.js';
import { describePlanning } from './planning.contract.js';
import { describeSchedulers } from './schedulers.contract.js';
import { describeScheduling } from './scheduling.contract.js';
import { describeSettling } from './settling.contract.js';
import { describeWaking } from './waking.contract.js';

/** All that a broker promises. `openQueue` gives a fresh queue at every call. */
export function describeEveryRole(backend: string, openQueue: () => TestQueue): void {
  describeEnqueueing(backend, openQueue);
  describeLeasing(backend, openQueue);
  describeSettling(backend, openQueue);
  describeForwarding(backend, openQueue);
  describeGrouping(backend, openQueue);
  describeRecovering(backend, openQueue);
  describeRetention(backend, openQueue);
  describePausing(backend, openQueue);
  describeCancelling(backend, openQueue);
  describeResults(backend, openQueue);
  describePresence(backend, openQueue);
  describeDuties(backend, openQueue);
  describeWaking(backend, openQueue);
  describeInspecting(backend, openQueue);
  describeFleet(backend, openQueue);
  describeListing(backend, openQueue);
  describeMoving(backend, openQueue);
  describeRemoving(backend, openQueue);
  describeScheduling(backend, openQueue);
  describePlanning(backend, openQueue);
  describeSchedulers(backend, openQueue);
}
