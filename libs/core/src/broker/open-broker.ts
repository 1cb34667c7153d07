import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger } from '../runtime/logger.js';
import { type Connection, isMemory, memoryName } from './connection.js';
import { connectionProblems } from './connection-problems.js';
import { MemoryBroker } from './memory/memory-broker.js';
import { clockOfStore, openStore } from './memory/shared-stores.js';
import { openRedisBroker } from './redis/redis-broker.js';
import type { Broker } from './roles.js';

/** What a broker needs beside its connection. */
export interface OpenBrokerOptions {
  /** Stamps tasks and leases. Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
}

/**
 * Opens a broker, to share it between a client, a server and an inspector. Nothing connects before the first call; the
 * broker reconnects by itself until `close()`. A broker that is passed in is returned as it is. `'memory'` opens queues that
 * are reached through this broker only.
 * @throws {InvalidOptionsError} the connection is none of the known kinds, or cannot work
 */
export function openBroker(connection: Connection, options: OpenBrokerOptions = {}): Broker {
  if (connection === 'memory') return new MemoryBroker({ clock: options.clock ?? systemClock });
  return openConnection(connection, options);
}

/** The broker behind the option `connection` of a client, a server, an inspector or a scheduler. */
export function openConnection(connection: Connection, options: OpenBrokerOptions): Broker {
  const { clock = clockOf(connection) } = options;
  const logger = guardLogger(options.logger ?? consoleLogger);
  if (isBroker(connection)) return connection;
  const problems = connection === 'memory' ? [] : connectionProblems(connection);
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  if (!isMemory(connection)) return openRedisBroker(connection, { clock, logger });
  return new MemoryBroker({ clock, shared: openStore(memoryName(connection), clock, logger) });
}

/** The default of the option `clock`: that of the broker, or of the queues in memory, else the machine's. */
export function clockOf(connection: Connection): Clock {
  if (isBroker(connection)) return connection.clock;
  return (isMemory(connection) ? clockOfStore(memoryName(connection)) : undefined) ?? systemClock;
}

/** Whether the caller opened it and has to close it. */
export function isBroker(connection: Connection): connection is Broker {
  return typeof connection === 'object' && connection !== null && 'settle' in connection && 'enqueue' in connection;
}
