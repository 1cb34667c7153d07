import type { RedisConnection } from './redis/redis-connection.js';
import type { Broker } from './contract/broker.js';

/**
 * Queues inside this process, under a name: the same for all clients, servers, inspectors and schedulers that give the name
 * and the same clock. They are gone when the last of these is closed.
 */
export interface MemoryConnection {
  readonly memory: string;
}

/**
 * Where queues live: Redis in any of its shapes, an ioredis client, `{ memory: name }` for queues inside this process,
 * `'memory'` for those of the name `default`, or a broker that is open already (`openBroker`).
 */
export type Connection = 'memory' | MemoryConnection | RedisConnection | Broker;

/** The name of the queues that a connection in memory leads to. */
export function memoryName(connection: 'memory' | MemoryConnection): string {
  return connection === 'memory' ? 'default' : connection.memory;
}

export function isMemory(connection: Connection): connection is 'memory' | MemoryConnection {
  if (typeof connection !== 'object' || connection === null) return connection === 'memory';
  return 'memory' in connection && typeof connection.memory !== 'function'; // clients of ioredis have a command MEMORY
}
