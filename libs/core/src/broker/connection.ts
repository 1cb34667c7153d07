import type { RedisConnection } from './redis/redis-connection.js';
import type { Broker } from './roles.js';

/**
 * Where queues live: Redis in any of its shapes, an ioredis client, `'memory'` for a broker inside this process, or a
 * broker that is open already (`openBroker`), to share one between a client and a server.
 */
export type Connection = 'memory' | RedisConnection | Broker;
