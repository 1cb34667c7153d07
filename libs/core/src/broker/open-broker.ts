import { InvalidOptionsError } from '../errors/invalid-options.error.js';
import { type Clock, CLOCK_METHODS, systemClock } from '../runtime/clock.js';
import { consoleLogger, guardLogger, type Logger, LOGGER_METHODS } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import { type Connection, isMemory, memoryName } from './connection.js';
import { connectionProblems } from './connection-problems.js';
import { openMemoryBroker } from './memory/memory-broker.js';
import { clockOfStore, openStore } from './memory/shared-stores.js';
import { RedisClock } from './redis/redis-clock.js';
import { yieldToLoop } from './memory/yield-to-loop.js';
import { openRedisBroker } from './redis/redis-broker.js';
import type { Broker } from './contract/broker.js';

/** Options of a broker besides its connection. */
export interface OpenBrokerOptions {
  /** Timestamps tasks and leases. Default: the time of Redis; in memory, this machine's. */
  readonly clock?: Clock | undefined;
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
}

/** Of a connection of our own. */
interface OpenConnectionOptions extends OpenBrokerOptions {
  /** See `RedisLinkOptions`. */
  readonly refusalLevel?: 'warn' | 'debug' | undefined;
}

/**
 * Opens a broker, to share it between a client, a server and an inspector. It connects at the first call and reconnects
 * by itself until `close()`. A broker that is passed in is returned unchanged. `'memory'` opens queues that only this
 * broker can access.
 * @throws {InvalidOptionsError} the connection is of no known kind, or has an unusable option
 */
export function openBroker(connection: Connection, options: OpenBrokerOptions = {}): Broker {
  checkOptions(options);
  if (connection === 'memory') return yieldToLoop(openMemoryBroker({ clock: options.clock ?? systemClock }));
  return openConnection(connection, options);
}

function checkOptions(options: OpenBrokerOptions): void {
  const reader = new OptionReader(options);
  reader.onlyKnown(['clock', 'logger']);
  reader.callable('clock', undefined, CLOCK_METHODS);
  reader.callable('logger', undefined, LOGGER_METHODS);
  reader.throwIfWrong();
}

/** The broker behind the option `connection` of a client, a server, an inspector or a scheduler. */
export function openConnection(connection: Connection, options: OpenConnectionOptions): Broker {
  if (isBroker(connection)) return connection;
  const logger = guardLogger(options.logger ?? consoleLogger);
  const problems = connection === 'memory' ? [] : connectionProblems(connection);
  if (problems.length > 0) throw new InvalidOptionsError(problems);
  if (!isMemory(connection)) {
    return openRedisBroker(connection, { clock: options.clock, logger, refusalLevel: options.refusalLevel });
  }
  const name = memoryName(connection);
  const clock = options.clock ?? clockOfStore(name) ?? systemClock;
  return yieldToLoop(openMemoryBroker({ clock, shared: openStore(name, clock, logger) }));
}

/** Whether every thread of the process can have a clock with the same time. */
export function isSharedClock(clock: Clock): boolean {
  return clock === systemClock || clock instanceof RedisClock;
}

/** Whether it is a broker, which the caller opened and has to close. */
export function isBroker(connection: Connection): connection is Broker {
  return typeof connection === 'object' && connection !== null && 'settle' in connection && 'enqueue' in connection;
}
