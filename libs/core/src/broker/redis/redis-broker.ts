import { keys } from '../../wire/keys.js';
import type { Clock } from '../../runtime/clock.js';
import { enqueueOps } from './enqueue.js';
import { eventOps } from './events.js';
import { FetchBehind } from './fetch-behind.js';
import { forwardOps } from './forward.js';
import { groupOps } from './groups.js';
import { healthOps } from './health.js';
import { JoinedCommands } from './joined-commands.js';
import { leaseOps } from './lease.js';
import { listOps } from './lists.js';
import { moveOps } from './moves.js';
import { presenceOps } from './presence.js';
import { queueOps } from './queues.js';
import { recoverOps } from './recover.js';
import { ClockSync, RedisClock } from './redis-clock.js';
import { retentionOps } from './retention.js';
import { scheduleOps } from './schedules.js';
import { settleOps } from './settle.js';
import { UnansweredFetches } from './unanswered-fetches.js';
import { waitOps } from './waiting.js';
import { wakeOps } from './wake.js';
import type { Broker } from '../contract/broker.js';
import type { RedisConnection } from './redis-connection.js';
import { QueueNames } from './queue-names.js';
import { RedisLink, type RedisLinkOptions } from './redis-link.js';
import { RedisSubscriber } from './redis-subscriber.js';
import { storeAddress } from './store-address.js';

interface RedisBrokerOptions extends Omit<RedisLinkOptions, 'clock'> {
  /** Default: the time of Redis. */
  readonly clock?: Clock | undefined;
}

/**
 * A broker on Redis: one file per role over one link. Connects at the first call, reconnects by itself.
 * @throws {InvalidOptionsError} the connection has an unusable option, such as a key prefix
 */
export function openRedisBroker(connection: RedisConnection, options: RedisBrokerOptions): Broker {
  const clock = options.clock ?? new RedisClock();
  const redis = new RedisLink(connection, { ...options, clock });
  const sync = clock instanceof RedisClock ? new ClockSync(redis, clock) : undefined;
  const subscriber = new RedisSubscriber(redis);
  const joined = new JoinedCommands(redis);
  const queueNames = new QueueNames(redis, keys.queues);
  const unanswered = new UnansweredFetches(redis);
  const declaredKeysOnly = ('declaredKeysOnly' in connection && connection.declaredKeysOnly) || false;
  // It gives leases by the time of Redis, and needs keys that it cannot declare.
  const mayFetchBehind = sync !== undefined && !declaredKeysOnly;
  const broker: Omit<Broker, 'kind' | 'address' | 'clock' | 'syncClock' | 'close'> = {
    ...enqueueOps(redis, queueNames),
    ...leaseOps(redis, unanswered, declaredKeysOnly),
    ...settleOps(redis),
    ...forwardOps(redis, joined, subscriber),
    ...groupOps(redis, joined, subscriber),
    ...recoverOps(redis, joined),
    ...retentionOps(redis, joined),
    ...presenceOps(redis),
    ...wakeOps(redis, joined, mayFetchBehind ? new FetchBehind(redis, unanswered) : undefined),
    ...waitOps(redis, subscriber),
    ...eventOps(redis, subscriber),
    ...queueOps(redis),
    ...listOps(redis),
    ...moveOps(redis),
    ...scheduleOps(redis, subscriber, queueNames),
    ...healthOps(redis),
  };
  return {
    ...(sync ? afterSync(broker, sync) : broker),
    // These need no clock, and `start` of a server waits for them.
    missingRights: broker.missingRights,
    checkVersion: broker.checkVersion,
    kind: redis.isOnCluster ? 'redis cluster' : 'redis',
    address: storeAddress(connection),
    clock,
    syncClock: () => sync?.whenRight(),
    async close() {
      redis.close();
    },
  };
}

/** The same methods, each delayed until the clock is synchronized: it timestamps what they write. */
function afterSync<Methods extends object>(methods: Methods, sync: ClockSync): Methods {
  const timed = Object.entries(methods).map(([name, method]: [string, (...args: unknown[]) => Promise<unknown>]) => {
    const begin = (...args: unknown[]): Promise<unknown> => {
      const right = sync.whenRight();
      return right ? right.then(() => method(...args)) : method(...args);
    };
    return [name, begin] as const;
  });
  return Object.fromEntries(timed) as Methods;
}
