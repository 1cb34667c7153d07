import type { Clock } from '../../runtime/clock.js';
import type { EnqueueOps } from './enqueue.js';
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

/**
 * What a broker promises, cut into roles of a few methods. A part of the server takes only the role it uses.
 * `broker/redis` and `broker/memory` implement all of them; `test/contract` holds both to the same promises.
 *
 * Batches are the primitive: every hot method takes many tasks and answers for each. Times are unix milliseconds of
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
    HealthOps {
  /** What it is, for logs: `'redis'`, `'redis cluster'`, `'memory'`. */
  readonly kind: string;
  /** What its times are told by; its clients and servers go by the same. */
  readonly clock: Clock;
  /** Resolves when the broker's clock can be relied on; `undefined` when it can now. Never rejects. */
  syncClock(): Promise<void> | undefined;
  /** Closes every connection it opened. A connection that the user handed in stays open. Idempotent. */
  close(): Promise<void>;
}
