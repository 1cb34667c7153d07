import type { Clock } from '../../runtime/clock.js';
import type { EnqueueOps } from './enqueue.js';
import type { EventOps } from './events.js';
import type { ForwardOps } from './forward.js';
import type { GroupOps } from './groups.js';
import type { HealthOps } from './health.js';
import type { LeaseOps } from './lease.js';
import type { ListOps } from './lists.js';
import type { MoveOps } from './moves.js';
import type { PresenceOps } from './presence.js';
import type { QueueOps } from './queues.js';
import type { RecoverOps } from './recover.js';
import type { RetentionOps } from './retention.js';
import type { ScheduleOps } from './schedules.js';
import type { SettleOps } from './settle.js';
import type { WaitOps } from './waiting.js';
import type { WakeOps } from './wake.js';

/** Where the server of a store listens. */
export interface StoreAddress {
  /** A name, an IP address, or the path of a socket. */
  readonly host: string;
  readonly port?: number | undefined;
}

/**
 * The contract of a broker, divided into roles of a few methods. A part of the server takes only the role it uses.
 * `broker/redis` and `broker/memory` implement all of them; `test/contract` holds both to the same promises.
 *
 * Batches are the primitive: every hot method takes many tasks and returns a result for each. Times are unix milliseconds of
 * the broker's clock. A method that reaches Redis may throw `RedisCommandError`; its `isTransient` says whether the
 * same call may succeed later.
 */
export interface Broker
  extends
    EnqueueOps,
    LeaseOps,
    SettleOps,
    ForwardOps,
    RecoverOps,
    RetentionOps,
    GroupOps,
    ScheduleOps,
    QueueOps,
    ListOps,
    MoveOps,
    PresenceOps,
    WakeOps,
    WaitOps,
    EventOps,
    HealthOps {
  /** Kind of store, for logs: `'redis'`, `'redis cluster'`, `'memory'`. */
  readonly kind: string;
  /** Of the store's one server; absent in memory, on a cluster, and behind sentinels. */
  readonly address?: StoreAddress | undefined;
  /** The clock of all its times; its clients and servers use the same. */
  readonly clock: Clock;
  /** Resolves when the broker's clock is synchronized; `undefined` when it is already. Never rejects. */
  syncClock(): Promise<void> | undefined;
  /** Closes the connections that it opened. A connection that was passed in stays open. Idempotent. */
  close(): Promise<void>;
}
