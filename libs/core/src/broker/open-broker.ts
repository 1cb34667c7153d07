import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger } from '../runtime/logger.js';
import type { Connection } from './connection.js';
import { connectionProblems } from './connection-problems.js';
import { MemoryBroker } from './memory/memory-broker.js';
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
 * broker reconnects by itself until `close()`. A broker that is handed in comes back as it is.
 * @throws {InvalidOptionsError} the connection is none of the known kinds, or cannot work
 */
export function openBroker(connection: Connection, options: OpenBrokerOptions = {}): Broker {
  const { clock = systemClock } = options;
  const logger = guardLogger(options.logger ?? consoleLogger);
  if (connection === 'memory') return new MemoryBroker({ clock });
  if (isBroker(connection)) return connection;
  const problems = connectionProblems(connection);
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  return openRedisBroker(connection, { clock, logger });
}

/** The clock to go by when none is given: that of a broker that is open already, else the machine's. */
export function clockOf(connection: Connection): Clock {
  return isBroker(connection) ? connection.clock : systemClock;
}

/** Whether the caller opened it and has to close it. */
export function isBroker(connection: Connection): connection is Broker {
  return typeof connection === 'object' && connection !== null && 'settle' in connection && 'enqueue' in connection;
}
