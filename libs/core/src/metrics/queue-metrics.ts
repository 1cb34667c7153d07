import type { Registry } from 'prom-client';
import type { Inspector } from '../inspector/inspector.js';
import { type Clock, CLOCK_METHODS, monotonicMs, systemClock } from '../runtime/clock.js';
import type { Duration } from '../runtime/duration.js';
import { consoleLogger, guardLogger, type Logger, LOGGER_METHODS } from '../runtime/logger.js';
import { OptionReader } from '../runtime/option-reader.js';
import { registerFamilies } from './metric-family.js';
import { FAMILIES_OF_ASYNQ, OWN_FAMILIES } from './queue-families.js';
import { QueueReader, type QueueReading } from './queue-reader.js';

/** The queues of one connection. */
export interface MeasuredConnection {
  readonly inspector: Inspector;
  /** Becomes the label `connection`. Default: no such label. */
  readonly name?: string | undefined;
}

/** What is read from Redis for the metrics of queues, and how often. */
export interface QueueMetricsOptions {
  /** Estimate the memory of each queue, with up to 126 commands for each, 100 more with groups. Default `false`. */
  readonly memory?: boolean | undefined;
  /** Count the servers of each queue, and find the task that runs longest. Default `true`. */
  readonly servers?: boolean | undefined;
  /** Read the ticks of stored schedules. Default `true`. */
  readonly schedules?: boolean | undefined;
  /** Maximum number of queues, the first ones by name; `asynq_queues_omitted` counts the others. Default 200. */
  readonly maxQueues?: number | undefined;
  /** For how long a reading is used for further scrapes. Default `'5s'`; 0: each scrape reads. */
  readonly cacheFor?: Duration | undefined;
  /** How long Redis may take to answer; the parts that are missing then are left out. Default `'4s'`. */
  readonly timeout?: Duration | undefined;
}

/** {@link QueueMetricsOptions}, and what they need. */
export interface QueueMetricsSetup extends QueueMetricsOptions {
  /** One of them or several, each with a name of its own then. They stay open. */
  readonly connections: readonly MeasuredConnection[];
  /** Default: warnings and errors to the console. */
  readonly logger?: Logger | undefined;
  /** Default: this machine's. For tests. */
  readonly clock?: Clock | undefined;
}

/** The names of {@link QueueMetricsOptions}. */
export const QUEUE_METRICS_OPTION_NAMES = [
  'memory',
  'servers',
  'schedules',
  'maxQueues',
  'cacheFor',
  'timeout',
] as const satisfies readonly (keyof QueueMetricsOptions)[];

/**
 * Metrics of what is stored: those of asynq's `x/metrics` with the same names, labels and help texts, and some more. Every
 * process reads the same figures: export them from one, or aggregate with `max`, never with `sum`.
 *
 * Scrapes at the same time, and those within `cacheFor`, share one reading.
 */
export class QueueMetrics {
  private readonly readers: readonly QueueReader[];
  private readonly cacheForMs: number;
  private readonly clock: Clock;
  private readonly unregister: (() => void)[] = [];
  private reading: Promise<readonly QueueReading[]> | undefined;
  private goodUntilMs = -Infinity;

  /** @throws {InvalidOptionsError} an option is wrong; all of them at once */
  constructor(setup: QueueMetricsSetup) {
    const reader = new OptionReader(setup);
    reader.onlyKnown([...QUEUE_METRICS_OPTION_NAMES, 'connections', 'logger', 'clock']);
    if (!areDistinct(setup.connections)) {
      reader.refuse('connections', 'one { inspector }, or several, each with its own "name"', typeof setup.connections);
    }
    const settings = {
      memory: reader.boolean('memory', false),
      servers: reader.boolean('servers', true),
      schedules: reader.boolean('schedules', true),
      maxQueues: reader.wholeNumber('maxQueues', 200, 1, 10_000),
      timeoutMs: reader.duration('timeout', 4_000, { minMs: 1, maxMs: 60_000 }),
    };
    this.cacheForMs = reader.duration('cacheFor', 5_000, { maxMs: 3_600_000 });
    this.clock = reader.callable('clock', systemClock, CLOCK_METHODS);
    const logger = guardLogger(reader.callable('logger', consoleLogger, LOGGER_METHODS));
    reader.throwIfWrong();
    const deps = { clock: this.clock, logger };
    this.readers = setup.connections.map(({ inspector, name }) => new QueueReader(inspector, name, settings, deps));
  }

  /**
   * Adds the metrics to a registry. They are read when the registry is.
   * @throws {Error} the registry has a metric of the same name
   */
  register(registry: Registry): void {
    const families = [...FAMILIES_OF_ASYNQ, ...OWN_FAMILIES].map(({ samples, ...head }) => ({
      ...head,
      collect: async () => (await this.read()).flatMap(samples),
    }));
    this.unregister.push(registerFamilies(registry, families));
  }

  /** Takes the metrics out of their registries. Idempotent. */
  close(): void {
    for (const unregister of this.unregister.splice(0)) unregister();
  }

  /** By connection. Never rejects. */
  private read(): Promise<readonly QueueReading[]> {
    if (this.reading && monotonicMs(this.clock) < this.goodUntilMs) return this.reading;
    this.goodUntilMs = Infinity; // all share it while it is under way
    return (this.reading = this.readNow());
  }

  private async readNow(): Promise<readonly QueueReading[]> {
    const readings = await Promise.all(this.readers.map((reader) => reader.read()));
    this.goodUntilMs = monotonicMs(this.clock) + this.cacheForMs;
    return readings;
  }
}

function areDistinct(connections: unknown): boolean {
  if (!Array.isArray(connections) || connections.length === 0) return false;
  const given = connections as readonly Partial<MeasuredConnection>[];
  if (!given.every((connection) => typeof connection?.inspector?.queueInfo === 'function')) return false;
  const names = given.map(({ name }) => name);
  const areText = names.every((name) => typeof name === 'string' && name !== '');
  return (areText || (given.length === 1 && names[0] === undefined)) && new Set(names).size === names.length;
}
