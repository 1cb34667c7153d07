import { enqueueOps } from './enqueue.js';
import { eventOps } from './events.js';
import { forwardOps } from './forward.js';
import { groupOps } from './groups.js';
import { healthOps } from './health.js';
import { leaseOps } from './lease.js';
import { listOps } from './lists.js';
import { moveOps } from './moves.js';
import { presenceOps } from './presence.js';
import { queueOps } from './queues.js';
import { recoverOps } from './recover.js';
import { retentionOps } from './retention.js';
import { scheduleOps } from './schedules.js';
import { settleOps } from './settle.js';
import type { SharedStore } from './shared-stores.js';
import { waitOps } from './waiting.js';
import { wakeOps } from './wake.js';
import { type Clock, systemClock } from '../../runtime/clock.js';
import type { Broker } from '../contract/broker.js';
import { MemoryStore } from './memory-store.js';

/** Options of a memory broker. */
interface MemoryBrokerOptions {
  /** Default: the clock of this machine. */
  readonly clock?: Clock | undefined;
  /** Data shared with other brokers. Default: data of its own. */
  readonly shared?: SharedStore | undefined;
}

/** The broker of queues in the memory of this process. */
export interface MemoryBroker extends Broker {
  /** The data itself, for tests that inspect it. */
  readonly store: MemoryStore;
}

/**
 * Queues in the memory of this process: the embedded default, and the test double. One file per role over one store, as
 * the Redis broker has one per role over its link, with the same behavior, step by step, and on the same bytes. Every
 * operation is one synchronous step over {@link MemoryStore}, so it is atomic without locks; only the waits of
 * `openWatch` take time, by the clock. Due times are times of day by the clock, which may be set; durations are
 * monotonic.
 *
 * Share one broker between clients and servers. Its data is lost when the process ends.
 */
export function openMemoryBroker({ clock = systemClock, shared }: MemoryBrokerOptions = {}): MemoryBroker {
  const store = shared?.store ?? new MemoryStore(clock);
  const closing = new AbortController();
  return {
    kind: 'memory',
    clock,
    store,
    ...enqueueOps(store),
    ...leaseOps(store),
    ...settleOps(store),
    ...forwardOps(store),
    ...recoverOps(store),
    ...retentionOps(store),
    ...groupOps(store),
    ...scheduleOps(store),
    ...queueOps(store),
    ...listOps(store),
    ...moveOps(store),
    ...presenceOps(store),
    ...wakeOps(store, closing.signal),
    ...waitOps(store),
    ...eventOps(store),
    ...healthOps(),
    syncClock: () => undefined,
    /** Ends the watches. The tasks stay for other users of the broker or of the shared data. */
    async close() {
      closing.abort();
      shared?.release();
    },
  };
}
