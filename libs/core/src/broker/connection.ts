import type { RedisConnection } from './redis/redis-connection.js';
import type { Broker } from './contract/broker.js';

/**
 * Queues in the memory of this process, under a name: shared by all clients, servers, inspectors and schedulers with
 * the same name and clock. They are lost when the last of these is closed.
 */
export interface MemoryConnection {
  readonly memory: string;
}

/**
 * Where queues are stored: Redis in any of its forms, an ioredis client, `{ memory: name }` for queues in the memory of
 * this process, `'memory'` for those named `default`, or a broker that is already open (`openBroker`).
 */
export type Connection = 'memory' | MemoryConnection | RedisConnection | Broker;

/** The name of the queues behind an in-memory connection. */
export function memoryName(connection: 'memory' | MemoryConnection): string {
  return connection === 'memory' ? 'default' : connection.memory;
}

export function isMemory(connection: Connection): connection is 'memory' | MemoryConnection {
  if (typeof connection !== 'object' || connection === null) return connection === 'memory';
  return 'memory' in connection && typeof connection.memory !== 'function'; // ioredis clients have a method for the command MEMORY
}
