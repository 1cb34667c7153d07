import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { type Clock, systemClock } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger } from '../runtime/logger.js';
import { type Connection, isMemory, memoryName } from './connection.js';
import { connectionProblems } from './connection-problems.js';
import { openMemoryBroker } from './memory/memory-broker.js';
import { clockOfStore, openStore } from './memory/shared-stores.js';
import { RedisClock } from './redis/redis-clock.js';
import { yieldToLoop } from './memory/yield-to-loop.js';
import { openRedisBroker } from './redis/redis-broker.js';
import type { Broker } from './contract/broker.js';

/** What a broker needs beside its connection. */
export interface OpenBrokerOptions {
  /** Stamps tasks and leases. Default: the time of Redis; in memory the machine's. */
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
  if (connection === 'memory') return yieldToLoop(openMemoryBroker({ clock: options.clock ?? systemClock }));
  return openConnection(connection, options);
}

/** The broker behind the option `connection` of a client, a server, an inspector or a scheduler. */
export function openConnection(connection: Connection, options: OpenBrokerOptions): Broker {
  if (isBroker(connection)) return connection;
  const logger = guardLogger(options.logger ?? consoleLogger);
  const problems = connection === 'memory' ? [] : connectionProblems(connection);
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  if (!isMemory(connection)) return openRedisBroker(connection, { clock: options.clock, logger });
  const name = memoryName(connection);
  const clock = options.clock ?? clockOfStore(name) ?? systemClock;
  return yieldToLoop(openMemoryBroker({ clock, shared: openStore(name, clock, logger) }));
}

/** Whether each thread of the process can have a clock that shows the same. */
export function isSharedClock(clock: Clock): boolean {
  return clock === systemClock || clock instanceof RedisClock;
}

/** Whether the caller opened it and has to close it. */
export function isBroker(connection: Connection): connection is Broker {
  return typeof connection === 'object' && connection !== null && 'settle' in connection && 'enqueue' in connection;
}
